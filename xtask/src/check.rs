//! `cargo xtask check`: the CI checks, in the same order.

use anyhow::Result;
use portal_testkit::Interrupt;

use crate::cargo::Cargo;
use crate::progress::step;
use crate::{test, tidy};

/// Runs format, clippy, tidy and test; stops at the first failure.
pub(crate) fn run(cargo: &Cargo, interrupt: &Interrupt) -> Result<()> {
    step("cargo fmt", || {
        cargo.run(&["fmt", "--all", "--check"], interrupt)
    })?;
    step("cargo clippy", || {
        let clippy = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        cargo.run(&clippy, interrupt)
    })?;
    step("tidy", || tidy::run(cargo.root()))?;
    test::run(cargo, &[], interrupt)
}
