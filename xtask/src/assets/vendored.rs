//! Vendored files: refetches them and compares them with their manifests.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::manifest::{self, Manifest};
use super::package::Unpacked;
use super::scales::Scales;
use super::{Settings, font, hash, icons, write};
use crate::progress::step;
use portal_testkit::Interrupt;

/// Directories of vendored files, each with its manifest.
const DIRECTORIES: [&str; 2] = ["portal-core/assets/vendor", "tests/it/vendor"];

/// Fetches all packages and writes their files.
pub(super) fn refresh_all(root: &Path, settings: &Settings, interrupt: &Interrupt) -> Result<()> {
    for directory in DIRECTORIES {
        refresh(&root.join(directory), settings, interrupt)?;
    }
    Ok(())
}

/// Fetches the packages in a manifest and updates its hashes.
fn refresh(directory: &Path, settings: &Settings, interrupt: &Interrupt) -> Result<()> {
    let path = directory.join(manifest::FILE);
    let manifest = Manifest::read(&path)?;
    let mut text = fs::read_to_string(&path)?;
    for entry in &manifest.packages {
        let name = format!("fetch {}@{}", entry.npm, entry.version);
        let package = step(&name, || {
            Unpacked::fetch(&entry.npm, &entry.version, interrupt)
        })?;
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

/// Returns the differences between the files and their manifests.
pub(super) fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for directory in DIRECTORIES {
        let directory = root.join(directory);
        for entry in Manifest::read(&directory.join(manifest::FILE))?.packages {
            for file in entry.files.iter().chain(&entry.scales) {
                let path = directory.join(&file.to);
                let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
                if hash(&bytes) != file.sha256 {
                    problems.push(format!("{} does not match the manifest", path.display()));
                }
            }
            if let Some(icons) = &entry.icons
                && icons::hash(&directory.join(&icons.to))? != icons.sha256
            {
                problems.push("an icon differs from the manifest or is missing from it".to_owned());
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendored_files_are_listed_in_a_manifest() {
        for directory in DIRECTORIES {
            let directory = crate::assets::root_of_tests().join(directory);
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
                assert!(known.contains(&package.license_text), "{}", package.npm);
                assert!(!package.license.is_empty(), "{}", package.npm);
            }
        }
    }
}
