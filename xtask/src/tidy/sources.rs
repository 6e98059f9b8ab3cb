//! The Rust files in the workspace.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::lexer;

/// A Rust file.
pub(super) struct Source {
    /// Path relative to the workspace.
    pub(super) path: PathBuf,
    /// Content of the file.
    pub(super) text: String,
    /// Content in which comments and literals are replaced with spaces; line numbers do not change.
    pub(super) code: String,
}

impl Source {
    pub(super) fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            path: path.into(),
            code: lexer::code_of(&text),
            text,
        }
    }
}

/// Reads every `.rs` file below `root`, in the order of the paths.
pub(super) fn read(root: &Path) -> Result<Vec<Source>> {
    let paths = find(root, "rs")?.into_iter();
    let sources = paths.map(|path| {
        let text = text(root, &path)?;
        Ok(Source::new(path, text))
    });
    sources.collect()
}

/// Reads one file; `path` is relative to `root`.
pub(super) fn text(root: &Path, path: &Path) -> Result<String> {
    fs::read_to_string(root.join(path))
        .with_context(|| format!("failed to read {}", path.display()))
}

/// Returns the sorted paths, relative to `root`, of all files with the given extension.
pub(super) fn find(root: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if entry.file_type()?.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" {
                    directories.push(path);
                }
            } else if path.extension().is_some_and(|it| it == extension) {
                paths.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
            }
        }
    }
    paths.sort();
    Ok(paths)
}
