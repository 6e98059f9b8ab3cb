//! Manifests that list vendored files.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// File name of a manifest; each manifest is in the directory of the files it lists.
pub(super) const FILE: &str = "MANIFEST.toml";

/// List of the vendored files in one directory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Packages from which files are copied.
    #[serde(rename = "package")]
    pub(super) packages: Vec<Package>,
}

/// A package in the npm registry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    /// Name in the registry.
    pub(super) npm: String,
    /// Version in the registry.
    pub(super) version: String,
    /// SPDX identifier of the license.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for people who read the manifest")
    )]
    pub(super) license: String,
    /// File that contains the text of the license.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for people who read the manifest")
    )]
    pub(super) license_text: String,
    /// SHA-256 of the package as downloaded from the registry.
    pub(super) tarball: String,
    /// Files that are copied byte for byte.
    #[serde(default, rename = "file")]
    pub(super) files: Vec<File>,
    /// File in which the values of the color scales are stored.
    pub(super) scales: Option<File>,
    /// Directory of icons, stored without comments and white space.
    pub(super) icons: Option<File>,
}

/// A file from a package, or one derived from several.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Path within the package.
    #[serde(default)]
    pub(super) from: String,
    /// Path relative to the manifest.
    pub(super) to: String,
    /// SHA-256 of the stored file.
    pub(super) sha256: String,
    /// The subset of a font that is kept.
    pub(super) cut: Option<Cut>,
}

/// A subset of a variable font.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cut {
    /// Range of weights, such as `400:600`.
    pub(super) weights: String,
    /// Unicode ranges, separated by commas.
    pub(super) letters: String,
}

impl Manifest {
    /// Reads a manifest.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = super::read(path)?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }
}
