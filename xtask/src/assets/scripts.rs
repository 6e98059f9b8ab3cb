//! The scripts' unit tests, which run without a browser.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::ASSETS;
use crate::progress::step;
use portal_testkit::Interrupt;
use portal_testkit::process;

/// Runs the tests using the Node.js binary at `node`.
pub(crate) fn test(root: &Path, node: &Path, interrupt: &Interrupt) -> Result<()> {
    let assets = root.join(ASSETS);
    let tests = assets.join("test");
    let mut files = Vec::new();
    for entry in fs::read_dir(&tests).with_context(|| tests.display().to_string())? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.js") {
            files.push(path);
        }
    }
    files.sort();
    let mut command = Command::new(node);
    command
        .args(["--test", "--test-reporter=dot"])
        .args(files)
        .current_dir(&assets);
    step("test the scripts", || {
        process::run("node --test", &mut command, interrupt)
    })
}
