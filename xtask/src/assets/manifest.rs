//! The list of what was taken from elsewhere.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// The name of a manifest, in the directory of what it lists.
pub(super) const FILE: &str = "MANIFEST.toml";

/// A manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// The packages that files were taken from.
    #[serde(rename = "package")]
    pub(super) packages: Vec<Package>,
}

/// A package of the npm registry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    /// Its name there.
    pub(super) npm: String,
    /// Its version there.
    pub(super) version: String,
    /// The identifier of its licence.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the manifest"))]
    pub(super) licence: String,
    /// The file with the text of its licence.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the manifest"))]
    pub(super) licence_text: String,
    /// The sha256 of the package as the registry sends it.
    pub(super) tarball: String,
    /// Files that are kept byte for byte.
    #[serde(default, rename = "file")]
    pub(super) files: Vec<File>,
    /// The file that colour scales are kept in, their values only.
    pub(super) scales: Option<File>,
    /// The directory of icons, kept without comments and white space.
    pub(super) icons: Option<File>,
}

/// A file of a package, or what is made of several.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Its path in the package.
    #[serde(default)]
    pub(super) from: String,
    /// Its path from the manifest.
    pub(super) to: String,
    /// The sha256 of what is kept.
    pub(super) sha256: String,
    /// What is kept of a font.
    pub(super) cut: Option<Cut>,
}

/// The part of a variable font that is kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cut {
    /// From the lightest to the heaviest: `400:600`.
    pub(super) weights: String,
    /// Ranges of Unicode, between commas.
    pub(super) letters: String,
}

impl Manifest {
    /// Reads a manifest.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = super::read(path)?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }
}
