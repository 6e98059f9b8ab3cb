//! Toolchain: pinned programs that format, lint and bundle the sources.

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::package::Unpacked;
use crate::progress::step;
use portal_testkit::Interrupt;

/// Versions and hashes of the programs.
const MANIFEST: &str = include_str!("tools.toml");
/// Directory of the fetched programs, below the root of the workspace.
const CACHE: &str = "target/asset-tools";

/// The pinned programs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Toolchain {
    /// Bundler for scripts and styles.
    pub(super) esbuild: Program,
    /// Formatter and linter for scripts and styles.
    pub(super) biome: Program,
}

/// A program in the npm registry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    /// Version in the registry.
    pub(super) version: String,
    /// Path of the program within its package.
    binary: String,
    /// Packages, by operating system and processor.
    packages: BTreeMap<String, ProgramPackage>,
}

/// A program's package for one system.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramPackage {
    /// Name in the registry.
    npm: String,
    /// SHA-256 of the package as downloaded from the registry.
    sha256: String,
}

impl Toolchain {
    /// Reads the pinned versions.
    pub(super) fn pinned() -> Result<Self> {
        toml::from_str(MANIFEST).context("tools.toml")
    }

    /// Fetches the programs that are missing.
    pub(super) fn fetch(&self, root: &Path, interrupt: &Interrupt) -> Result<()> {
        self.esbuild.fetch(root, interrupt)?;
        self.biome.fetch(root, interrupt)
    }

    /// Returns `true` if all programs have been fetched.
    pub(super) fn is_fetched(&self, root: &Path) -> bool {
        [&self.esbuild, &self.biome]
            .iter()
            .all(|program| program.path(root).is_ok_and(|path| path.is_file()))
    }
}

impl Program {
    /// Returns a command that runs the program in a directory.
    pub(super) fn command(&self, root: &Path, directory: &Path) -> Result<Command> {
        let mut command = Command::new(self.path(root)?);
        command.current_dir(directory);
        Ok(command)
    }

    fn package(&self) -> Result<&ProgramPackage> {
        let system = format!("{OS}-{ARCH}");
        let package = self.packages.get(&system);
        package.with_context(|| format!("`{}` has no package for {system}", self.binary))
    }

    /// Returns the path of the program. It contains the hash of the package, so that a different
    /// version is stored separately.
    fn path(&self, root: &Path) -> Result<PathBuf> {
        let name = Path::new(&self.binary).file_name().unwrap_or_default();
        let hash = &self.package()?.sha256;
        Ok(root.join(CACHE).join(hash).join(name))
    }

    fn fetch(&self, root: &Path, interrupt: &Interrupt) -> Result<()> {
        let path = self.path(root)?;
        if path.is_file() {
            return Ok(());
        }
        let ProgramPackage { npm, sha256 } = self.package()?;
        let package = step(&format!("fetch {npm}@{}", self.version), || {
            Unpacked::fetch(npm, &self.version, interrupt)
        })?;
        if package.hash != *sha256 {
            bail!(
                "{npm}@{} does not match tools.toml: its sha256 is {}",
                self.version,
                package.hash,
            );
        }
        let directory = path.parent().context("the program has no directory")?;
        fs::create_dir_all(directory)?;
        // The copy is renamed once it is complete, so that an interrupted copy is never used.
        let partial = path.with_extension("partial");
        fs::copy(package.path(&self.binary), &partial)?;
        fs::rename(partial, path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_programs_have_a_package_for_this_system() {
        let toolchain = Toolchain::pinned().unwrap();
        for program in [&toolchain.esbuild, &toolchain.biome] {
            assert!(!program.version.is_empty());
            assert_eq!(program.package().unwrap().sha256.len(), 64);
        }
    }
}
