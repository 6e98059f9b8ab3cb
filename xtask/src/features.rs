//! `cargo xtask features`: every feature builds alone, and what is left out is not there.

use std::fs;

use anyhow::{Result, bail};

use crate::cargo::Cargo;
use crate::interrupt::Interrupt;
use crate::step::step;

/// Features that are databases; portal-core needs one of them.
const DATABASES: [&str; 2] = ["sqlite", "postgres"];

/// Texts of the development identity provider, each of its module alone.
const DEVELOPMENT_SIGN_IN: [&str; 3] = ["/dev/token", "/dev/sign-in", "dev-identity/key"];

/// A text that every portal contains: where it is not found, nothing would be.
const EVERY_PORTAL: &str = "/sign-out";

/// Checks each feature of the libraries without the others, and the program that PROD is to run.
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
    step("no development sign-in in a program without it", || {
        without_development_sign_in(cargo, interrupt)
    })
}

/// Builds the reference portal as PROD is to run it, and looks for routes of the development
/// identity provider in the program.
fn without_development_sign_in(cargo: &Cargo, interrupt: &Interrupt) -> Result<()> {
    let arguments = ["--package", "reference-portal", "--no-default-features"];
    let program = fs::read(cargo.build_binary("reference-portal", &arguments, interrupt)?)?;
    if !contains(&program, EVERY_PORTAL) {
        bail!("`{EVERY_PORTAL}` is not in the program, so the search finds nothing");
    }
    for text in DEVELOPMENT_SIGN_IN {
        if contains(&program, text) {
            bail!("the program contains `{text}` without the feature `dev-identity`");
        }
    }
    Ok(())
}

fn contains(program: &[u8], text: &str) -> bool {
    let mut windows = program.windows(text.len());
    windows.any(|window| window == text.as_bytes())
}

fn check(cargo: &Cargo, package: &str, features: &str, interrupt: &Interrupt) -> Result<()> {
    let named = if features.is_empty() {
        "no feature"
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
