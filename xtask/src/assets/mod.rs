//! `cargo xtask assets`: vendored files and the files generated from them.

mod color;
mod font;
mod icons;
mod manifest;
mod package;
mod scales;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use portal_testkit::Interrupt;
use sha2::{Digest as _, Sha256};

use self::manifest::Manifest;
use self::package::Unpacked;
use self::scales::Scales;
use crate::progress::step;

/// Directories of vendored files, each with its manifest.
const VENDORED: [&str; 2] = ["portal-core/assets/vendor", "tests/it/vendor"];
/// Directory of the portal's assets.
const ASSETS: &str = "portal-core/assets";
/// Scales that the tokens are generated from, in [`ASSETS`].
const SCALES: &str = "vendor/radix-colors.txt";

/// Options of `cargo xtask assets`.
#[derive(Args)]
pub(crate) struct Settings {
    /// Only compare the tree with the manifests and the generator, without network access
    #[arg(long)]
    check: bool,
    /// Add this Lucide icon; can be repeated
    #[arg(long = "icon", value_name = "NAME", conflicts_with = "check")]
    icons: Vec<String>,
    /// Accept packages that differ from the manifest, and record their hashes
    #[arg(long, conflicts_with = "check")]
    accept: bool,
}

/// Fetches the vendored packages and writes all files derived from them, or checks them.
pub(crate) fn run(root: &Path, settings: &Settings, interrupt: &Interrupt) -> Result<()> {
    if !settings.check {
        for directory in VENDORED {
            refresh(&root.join(directory), settings, interrupt)?;
        }
        for (path, text) in generated(root)? {
            write(&path, text.as_bytes())?;
        }
    }
    let faults = faults(root)?;
    if !faults.is_empty() {
        bail!("{}\nrun `cargo xtask assets`", faults.join("\n"));
    }
    eprintln!("xtask: vendored and generated files are up to date");
    Ok(())
}

/// Fetches the packages of a manifest and updates its hashes.
fn refresh(directory: &Path, settings: &Settings, interrupt: &Interrupt) -> Result<()> {
    let path = directory.join(manifest::FILE);
    let manifest = Manifest::read(&path)?;
    let mut text = fs::read_to_string(&path)?;
    for entry in &manifest.packages {
        let name = format!("fetch {}@{}", entry.npm, entry.version);
        let package = step(&name, || Unpacked::fetch(entry, interrupt))?;
        if package.hash != entry.tarball {
            if !settings.accept {
                bail!(
                    "{}@{} does not match the manifest: its sha256 is {}, not {}; \
                     pass `--accept` to use it",
                    entry.npm,
                    entry.version,
                    package.hash,
                    entry.tarball,
                );
            }
            text = text.replace(&entry.tarball, &package.hash);
        }
        for file in &entry.files {
            let mut bytes = package.read(&file.from)?;
            if let Some(cut) = &file.cut {
                bytes = font::cut(&bytes, cut, interrupt)?;
            }
            write(&directory.join(&file.to), &bytes)?;
            text = text.replace(&file.sha256, &hash(&bytes));
        }
        if let Some(scales) = &entry.scales {
            let bytes = Scales::of_package(&package)?.to_text().into_bytes();
            write(&directory.join(&scales.to), &bytes)?;
            text = text.replace(&scales.sha256, &hash(&bytes));
        }
        if let Some(icons) = &entry.icons {
            let target = directory.join(&icons.to);
            for name in icons::wanted(&target, &settings.icons)? {
                let icon = icons::shortened(&package.text(&format!("icons/{name}.svg"))?);
                write(&target.join(format!("{name}.svg")), icon.as_bytes())?;
            }
            text = text.replace(&icons.sha256, &icons::hash(&target)?);
        }
    }
    write(&path, text.as_bytes())
}

/// Returns the files generated from the vendored ones, with their content.
fn generated(root: &Path) -> Result<[(PathBuf, String); 2]> {
    let assets = root.join(ASSETS);
    let scales = Scales::parse(&read(&assets.join(SCALES))?)?;
    Ok([
        (assets.join("tokens.css"), tokens::used(&scales)?),
        (assets.join("tokens-full.css"), tokens::rest(&scales)?),
    ])
}

/// Returns the differences between the tree and the manifests and generator.
fn faults(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for directory in VENDORED {
        let directory = root.join(directory);
        for entry in Manifest::read(&directory.join(manifest::FILE))?.packages {
            let files = entry.files.iter().chain(&entry.scales);
            for file in files {
                let path = directory.join(&file.to);
                let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
                if hash(&bytes) != file.sha256 {
                    faults.push(format!("{} does not match the manifest", path.display()));
                }
            }
            if let Some(icons) = &entry.icons
                && icons::hash(&directory.join(&icons.to))? != icons.sha256
            {
                faults.push("an icon differs from the manifest or is missing from it".to_owned());
            }
        }
    }
    for (path, text) in generated(root)? {
        if read(&path)? != text {
            faults.push(format!("{} was edited manually", path.display()));
        }
    }
    Ok(faults)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// Writes a file if its content changes, and reports the change.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    eprintln!("xtask: {} has changed", path.display());
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

fn hash(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a `String` never fails.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn tree_matches_manifests_and_generator() {
        let faults = faults(&root()).unwrap();
        assert!(faults.is_empty(), "{faults:#?}\nrun `cargo xtask assets`");
    }

    #[test]
    fn vendored_files_are_listed_in_a_manifest() {
        for directory in VENDORED {
            let directory = root().join(directory);
            let manifest = Manifest::read(&directory.join(manifest::FILE)).unwrap();
            let known: Vec<String> = manifest
                .packages
                .iter()
                .flat_map(|package| package.files.iter().chain(&package.scales))
                .map(|file| file.to.clone())
                .collect();
            for entry in fs::read_dir(&directory).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(name == manifest::FILE || known.contains(&name), "{name}");
            }
            for package in &manifest.packages {
                assert!(known.contains(&package.licence_text), "{}", package.npm);
                assert!(!package.licence.is_empty(), "{}", package.npm);
            }
        }
    }
}
