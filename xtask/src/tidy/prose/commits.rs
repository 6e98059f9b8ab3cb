//! Commit titles.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use regex::Regex;

use super::super::Finding;

/// The last commit before the rule was introduced.
const SINCE: &str = "e876b37";
const MAX_LENGTH: usize = 72;
const EXPRESSION: &str = r"^(admin|app|auth|bench|ci|clerk|config|core|deps|docs|examples|live|macros|notifications|pages|release|security|store|tasks|telemetry|tests|ui|xtask): [a-z].*[^.]$";

/// Returns the titles that break the rule. If the history is not available, no titles are checked.
pub(super) fn findings(root: &Path) -> Result<Vec<Finding>> {
    let Some(log) = log(root)? else {
        eprintln!(
            "warning: C1: commit {SINCE} is not in this clone; commit titles are not checked"
        );
        return Ok(Vec::new());
    };
    let expression = Regex::new(EXPRESSION).context(EXPRESSION)?;
    let is_wrong = |title: &str| title.chars().count() > MAX_LENGTH || !expression.is_match(title);
    let wrong = log.lines().filter_map(|line| {
        let (commit, title) = line.split_once(' ')?;
        is_wrong(title).then(|| Finding {
            path: commit.into(),
            line: 1,
            message: format!(
                "C1 (write `area: imperative summary` in at most {MAX_LENGTH} characters): {title}"
            ),
        })
    });
    Ok(wrong.collect())
}

/// Returns the titles since [`SINCE`]; `None` if git or the commit is missing.
fn log(root: &Path) -> Result<Option<String>> {
    let git = |arguments: &[&str]| {
        Command::new("git")
            .current_dir(root)
            .args(arguments)
            .output()
    };
    match git(&["cat-file", "-e", SINCE]) {
        Ok(output) if output.status.success() => {}
        _ => return Ok(None),
    }
    let range = format!("{SINCE}..HEAD");
    let output = git(&["log", "--no-merges", "--format=%h %s", &range]);
    let output = output.context("failed to run `git log`")?;
    if !output.status.success() {
        bail!(
            "`git log` failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
}
