//! Packages from the npm registry.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use portal_testkit::process::CommandFailed;
use portal_testkit::{Interrupt, Process, Signal};
use tempfile::TempDir;

/// A fetched package, unpacked into a directory that is removed on drop.
pub(super) struct Unpacked {
    directory: TempDir,
    /// SHA-256 of the package as downloaded.
    pub(super) hash: String,
}

impl Unpacked {
    /// Fetches a package with `npm`, so that npm's registry, proxy and checks apply.
    pub(super) fn fetch(npm: &str, version: &str, interrupt: &Interrupt) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("portal-npm-").tempdir()?;
        let name = format!("{npm}@{version}");
        let mut pack = Command::new("npm");
        pack.args(["pack", "--silent", "--ignore-scripts", &name]);
        run("npm pack", pack.current_dir(directory.path()), interrupt)
            .context("fetching packages requires npm, the package manager of Node.js")?;
        let archive = fs::read_dir(directory.path())?
            .next()
            .context("npm did not fetch a package")??
            .path();
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(&archive);
        run("tar", tar.current_dir(directory.path()), interrupt)?;
        let hash = super::hash(&fs::read(&archive)?);
        Ok(Self { directory, hash })
    }

    /// Returns the path of an unpacked file.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join("package").join(path)
    }

    /// Reads a file from the package.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>> {
        let path = self.path(path);
        fs::read(&path).with_context(|| path.display().to_string())
    }

    /// Reads a file from the package as text.
    pub(super) fn text(&self, path: &str) -> Result<String> {
        String::from_utf8(self.read(path)?).with_context(|| path.to_owned())
    }
}

/// Runs a tool that prints nothing unless it fails.
pub(super) fn run(name: &str, command: &mut Command, interrupt: &Interrupt) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = Process::start(name, command, Signal::TERM)?.wait(interrupt)?;
    CommandFailed::unless_success(name, status)
}
