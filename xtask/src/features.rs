//! `cargo xtask features`: checks that each feature builds alone and that disabled code is absent.

use std::fs;

use anyhow::{Result, bail};
use portal_testkit::Interrupt;

use crate::cargo::Cargo;
use crate::progress::step;

/// Database features; portal-core requires at least one.
const DATABASES: [&str; 2] = ["sqlite", "postgres"];

/// Strings that only occur in the modules of the development identity provider.
const DEVELOPMENT_SIGN_IN: [&str; 3] = ["/dev/token", "/dev/sign-in", "dev-identity/key"];

/// String that occurs in every portal binary; used to verify that the search itself works.
const EVERY_PORTAL: &str = "/sign-out";

/// Builds each library feature on its own, and searches the PROD binary for development code.
pub(crate) fn run(cargo: &Cargo, interrupt: &Interrupt) -> Result<()> {
    for feature in cargo.features("portal-core")? {
        match feature.as_str() {
            "default" => {}
            alone if DATABASES.contains(&alone) => check(cargo, "portal-core", alone, interrupt)?,
            other => check(cargo, "portal-core", &format!("sqlite,{other}"), interrupt)?,
        }
    }
    check(cargo, "portal-clerk", "", interrupt)?;
    for feature in cargo.features("portal-clerk")? {
        if feature != "default" {
            check(cargo, "portal-clerk", &feature, interrupt)?;
        }
    }
    check(cargo, "portal-bench", "apalis", interrupt)?;
    step(
        "check that development sign-in is absent if disabled",
        || without_development_sign_in(cargo, interrupt),
    )
}

/// Builds the reference portal for PROD and searches the binary for development sign-in routes.
fn without_development_sign_in(cargo: &Cargo, interrupt: &Interrupt) -> Result<()> {
    let arguments = ["--package", "reference-portal", "--no-default-features"];
    let binary = fs::read(cargo.build_binary("reference-portal", &arguments, interrupt)?)?;
    if !contains(&binary, EVERY_PORTAL) {
        bail!("the search does not work: the binary does not contain `{EVERY_PORTAL}`");
    }
    for text in DEVELOPMENT_SIGN_IN {
        if contains(&binary, text) {
            bail!("the binary contains `{text}` without the feature `dev-identity`");
        }
    }
    Ok(())
}

fn contains(binary: &[u8], text: &str) -> bool {
    let mut windows = binary.windows(text.len());
    windows.any(|window| window == text.as_bytes())
}

fn check(cargo: &Cargo, package: &str, features: &str, interrupt: &Interrupt) -> Result<()> {
    let named = if features.is_empty() {
        "no features"
    } else {
        features
    };
    step(&format!("{package} with {named}"), || {
        let arguments = [
            "check",
            "--package",
            package,
            "--no-default-features",
            "--features",
            features,
        ];
        cargo.run(&arguments, interrupt)
    })
}
