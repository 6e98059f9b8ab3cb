//! Compiler for rejected items, which uses the libraries that are already built.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::libraries;

/// Directory of the cases; messages keep line numbers only in these files, since others may change.
const CASES: &str = "tests/ui/";

/// A compiler with the libraries of this package and a directory for its output.
pub(crate) struct Compiler {
    libraries: Vec<String>,
    output: TempDir,
}

impl Compiler {
    pub(crate) fn new() -> Self {
        Self {
            libraries: libraries::rustc_arguments(),
            output: tempfile::tempdir().expect("temporary directory should be created"),
        }
    }

    /// Compiles a file and returns the messages; fails if the compiler accepts the file.
    pub(crate) fn reject(&self, case: &Path) -> Result<String, String> {
        let output = Command::new("rustc")
            .args(&self.libraries)
            .args(["--edition=2024", "--crate-type=bin", "--emit=metadata"])
            .args(["--error-format=json", "--diagnostic-width=140"])
            .args(["--allow=dead_code", "--out-dir"])
            .arg(self.output.path())
            .arg(case)
            .output()
            .map_err(|error| format!("failed to start rustc: {error}"))?;
        if output.status.success() {
            return Err("the compiler accepts the file".to_owned());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let mut messages = Vec::new();
        for line in text.lines() {
            let message: Value =
                serde_json::from_str(line).map_err(|_| format!("rustc failed:\n{text}"))?;
            // Summaries such as "aborting due to" have no location.
            let is_located = message["spans"]
                .as_array()
                .is_some_and(|spans| !spans.is_empty());
            if let Some(rendered) = message["rendered"].as_str().filter(|_| is_located) {
                messages.push(normalize(rendered));
            }
        }
        Ok(messages.join("\n"))
    }
}

/// Normalizes the parts of a message that depend on other files: line numbers, snippets, paths.
fn normalize(rendered: &str) -> String {
    let mut kept = Vec::new();
    let mut is_elsewhere = false;
    for line in rendered.trim_end().lines() {
        let text = line.trim();
        // This line names a file that contains the full type; the file name differs each time.
        if text.contains(".long-type-") || text.contains("consider using `--verbose`") {
            continue;
        }
        if let Some(location) = text.strip_prefix("--> ").or(text.strip_prefix("::: ")) {
            is_elsewhere = !location.starts_with(CASES);
            if is_elsewhere {
                let margin = line.len() - line.trim_start().len();
                kept.push(format!("{:margin$}--> {}", "", path_in_package(location)));
                continue;
            }
        } else if is_elsewhere && (is_snippet(text) || text == "...") {
            continue;
        } else if !is_snippet(text) {
            is_elsewhere = false;
        }
        kept.push(without_count(line.trim_end()));
    }
    // The margin is as wide as the largest line number, which may be on a line that is not kept.
    let margin = kept.iter().find_map(|line| line.find("--> ")).unwrap_or(1);
    let width = kept.iter().filter_map(|line| digits(line.trim())).max();
    let lines: Vec<_> = kept
        .iter()
        .map(|line| align(line, margin, width.unwrap_or(1)))
        .collect();
    lines.join("\n") + "\n"
}

/// Returns the part of the path that starts at `src`, without line and column.
fn path_in_package(location: &str) -> &str {
    let path = location.split(':').next().unwrap_or(location);
    path.rfind("src/").map_or(path, |start| &path[start..])
}

/// Returns the number of digits in the line number at the start of a snippet line.
fn digits(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mark = text[digits..].trim_start().chars().next();
    (digits > 0 && mark.is_some_and(|mark| "|+-~".contains(mark))).then_some(digits)
}

fn is_snippet(text: &str) -> bool {
    text.starts_with('|') || digits(text).is_some()
}

/// Changes the width of a line's margin.
fn align(line: &str, margin: usize, width: usize) -> String {
    let number = digits(line.trim_start()).map_or("", |digits| &line.trim_start()[..digits]);
    match line.split_at_checked(margin) {
        Some((before, after)) if before.trim() == number => format!("{number:width$}{after}"),
        _ => line.to_owned(),
    }
}

/// Hides the number of omitted types, which grows with the dependencies.
fn without_count(line: &str) -> String {
    let text = line.trim_start();
    match text
        .strip_prefix("and ")
        .and_then(|rest| rest.strip_suffix(" others"))
    {
        Some(count) => line.replace(count, "$N"),
        None => line.to_owned(),
    }
}
