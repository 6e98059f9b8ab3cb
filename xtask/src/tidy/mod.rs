//! `cargo xtask tidy`: source checks that rustfmt and clippy do not provide.

mod documented_paths;
mod imports;
mod layering;
mod length;
mod lexer;
mod prose;
mod sources;
mod unfinished;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use self::layering::Layering;

/// A problem in a source file.
struct Finding {
    path: PathBuf,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            message,
        } = self;
        write!(formatter, "{}:{line}: {message}", path.display())
    }
}

/// Prints every match of the prose lint, including those within its limits.
pub(crate) fn list_prose(root: &Path) -> Result<()> {
    prose::list(root, &sources::read(root)?)
}

/// Prints all findings; returns an error if there are any.
pub(crate) fn run(root: &Path) -> Result<()> {
    let sources = sources::read(root)?;
    let arrows = Layering::new(&sources);
    let mut findings = Vec::new();
    for source in &sources {
        if let Some(warning) = length::warning(source) {
            eprintln!("warning: {warning}");
        }
        findings.extend(length::finding(source));
        findings.extend(unfinished::findings(source));
        findings.extend(arrows.findings(source));
    }
    findings.extend(documented_paths::findings(root)?);
    findings.extend(prose::findings(root, &sources)?);
    if findings.is_empty() {
        eprintln!("xtask: {} source files are tidy", sources.len());
        return Ok(());
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    bail!("found {} problems in the sources", findings.len());
}
