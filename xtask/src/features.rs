//! `cargo xtask features`: every feature builds alone.

use anyhow::Result;

use crate::cargo::Cargo;
use crate::interrupt::Interrupt;
use crate::step::step;

/// Features that are databases; portal-core needs one of them.
const DATABASES: [&str; 2] = ["sqlite", "postgres"];

/// Checks each feature of the libraries without the others.
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
    Ok(())
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
