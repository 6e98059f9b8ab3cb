//! Server logs, shown when a server fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

/// Number of log lines shown in an error.
const TAIL: usize = 15;

/// File that receives a process's output.
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    /// Redirects all output of `command` to a new file.
    pub(crate) fn of(command: &mut Command, path: &Path) -> Result<Self> {
        let file = File::create(path)?;
        command.stdout(file.try_clone()?).stderr(file);
        command.stdin(Stdio::null());
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Returns the last lines of the log, to be shown with an error.
    pub(crate) fn tail(&self) -> String {
        let text = fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(TAIL);
        lines.get(from..).unwrap_or_default().join("\n")
    }
}
