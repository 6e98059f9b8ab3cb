//! Compile tests for the macros: accepted items, and the errors for rejected ones.
//!
//! The `.stderr` files match the toolchain used in CI. After an intended change to a message,
//! update them with `UI=overwrite cargo test -p portal-core --test ui` and review the diff.
#![cfg(feature = "macros")]
#![allow(
    clippy::expect_used,
    reason = "helpers outside of test functions also fail their test"
)]

#[path = "ui/compiler.rs"]
mod compiler;
#[path = "ui/libraries.rs"]
mod libraries;

// Accepted items are compiled as part of this program.
#[path = "ui/action/pass/actions.rs"]
pub mod actions;
#[path = "ui/page/pass/attributes.rs"]
pub mod attributes;
#[path = "ui/page/pass/handlers.rs"]
pub mod handlers;
#[path = "ui/admin_model/pass/models.rs"]
pub mod models;
#[path = "ui/page/pass/own_name_for_the_crate.rs"]
mod own_name_for_the_crate;
#[path = "ui/task/pass/tasks.rs"]
pub mod tasks;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use compiler::Compiler;

/// Directories with rejected items, one file per item.
const REJECTED: [&str; 5] = [
    "tests/ui/action/fail",
    "tests/ui/admin_choice/fail",
    "tests/ui/admin_model/fail",
    "tests/ui/page/fail",
    "tests/ui/task/fail",
];

#[test]
fn mistakes_are_reported_at_their_location() {
    let cases: Vec<PathBuf> = REJECTED.iter().flat_map(|it| cases(it)).collect();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    let compiler = Compiler::new();
    let (next, failures) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(difference) = check(&compiler, case) {
                        failures.fetch_add(1, Ordering::Relaxed);
                        eprintln!("{}: {difference}", case.display());
                    }
                }
            });
        }
    });
    assert_eq!(failures.into_inner(), 0, "cases with different messages");
}

fn cases(directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("directory should exist");
    let paths = entries.map(|entry| entry.expect("entry should be readable").path());
    let mut cases: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == "rs"))
        .collect();
    cases.sort();
    cases
}

/// Compares the messages for a case with its `.stderr` file, or writes the file.
fn check(compiler: &Compiler, case: &Path) -> Result<(), String> {
    let messages = compiler.reject(case)?;
    let file = case.with_extension("stderr");
    if std::env::var_os("UI").is_some_and(|value| value == "overwrite") {
        return fs::write(&file, messages).map_err(|error| error.to_string());
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    if messages == expected {
        Ok(())
    } else {
        Err(format!(
            "expected:\n{expected}\nbut the compiler reports:\n{messages}"
        ))
    }
}
