//! `cargo xtask assets`: manages scripts, styles and vendored files, and files generated from them.

mod bundle;
mod color;
mod font;
mod icons;
mod manifest;
mod package;
mod scales;
mod scripts;
mod tokens;
mod toolchain;
mod vendored;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use portal_testkit::Interrupt;
use sha2::{Digest as _, Sha256};

pub(crate) use self::scripts::test as test_scripts;

use portal_testkit::process;

use self::scales::Scales;
use self::toolchain::Toolchain;
use crate::progress::step;
use crate::tools::{Tool, Tools};

/// Directory of the portal's assets.
const ASSETS: &str = "portal-core/assets";
/// File in [`ASSETS`] with the color scales from which the tokens are generated.
const SCALES: &str = "vendor/radix-colors.txt";

/// Options for `cargo xtask assets`.
#[derive(Args)]
pub(crate) struct Settings {
    /// Only check that all generated files are up to date, without network access
    #[arg(long)]
    check: bool,
    /// Only run the scripts' unit tests
    #[arg(long, conflicts_with = "check")]
    test: bool,
    /// Fetch the vendored packages again
    #[arg(long, conflicts_with_all = ["check", "test"])]
    vendor: bool,
    /// Fetch the vendored packages again, and add this Lucide icon; can be repeated
    #[arg(long = "icon", value_name = "NAME", conflicts_with_all = ["check", "test"])]
    icons: Vec<String>,
    /// Fetch the vendored packages again, accept changed ones, and record their hashes
    #[arg(long, conflicts_with_all = ["check", "test"])]
    accept: bool,
}

impl Settings {
    fn fetches_packages(&self) -> bool {
        self.vendor || self.accept || !self.icons.is_empty()
    }
}

/// Formats, lints and bundles scripts and styles, or checks the bundles.
pub(crate) fn run(root: &Path, settings: &Settings, interrupt: &Interrupt) -> Result<()> {
    if settings.test {
        let tools = Tools::provide(&[Tool::Node])?;
        return test_scripts(root, tools.path(Tool::Node)?, interrupt);
    }
    let tools = Toolchain::pinned()?;
    let mut problems = Vec::new();
    if settings.check {
        problems = self::problems(root)?;
        if tools.is_fetched(root) {
            lint(root, &tools, &[], interrupt)?;
            problems.extend(bundle::rebuild_problems(root, &tools, interrupt)?);
        } else {
            eprintln!("xtask: comparing hashes only, since the bundler is not fetched yet");
        }
    } else {
        if settings.fetches_packages() {
            vendored::refresh_all(root, settings, interrupt)?;
        }
        tools.fetch(root, interrupt)?;
        for (path, text) in generated(root)? {
            write(&path, text.as_bytes())?;
        }
        lint(root, &tools, &["--write"], interrupt)?;
        step("bundle scripts and styles", || {
            bundle::write_all(root, &tools, interrupt)
        })?;
        problems.extend(self::problems(root)?);
    }
    if !problems.is_empty() {
        bail!("{}\nrun `cargo xtask assets`", problems.join("\n"));
    }
    eprintln!("xtask: bundles, vendored files and generated files are up to date");
    Ok(())
}

/// Checks the formatting and the lint rules of scripts and styles; `--write` formats them.
fn lint(root: &Path, tools: &Toolchain, options: &[&str], interrupt: &Interrupt) -> Result<()> {
    let mut biome = tools.biome.command(root, &root.join(ASSETS))?;
    biome
        .args(["check", "--error-on-warnings"])
        .args(options)
        .arg(".");
    step("lint scripts and styles", || {
        process::run("biome check", &mut biome, interrupt)
    })
}

/// Returns the files generated from the vendored ones, and their content.
fn generated(root: &Path) -> Result<[(PathBuf, String); 2]> {
    let assets = root.join(ASSETS);
    let scales = Scales::parse(&read(&assets.join(SCALES))?)?;
    Ok([
        (assets.join("tokens.css"), tokens::used(&scales)?),
        (assets.join("tokens-full.css"), tokens::rest(&scales)?),
    ])
}

/// Returns the differences between the stored files, their manifests and the generators' output.
fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = vendored::problems(root)?;
    for (path, text) in generated(root)? {
        if read(&path)? != text {
            problems.push(format!("{} was edited manually", path.display()));
        }
    }
    problems.extend(bundle::problems(root, &Toolchain::pinned()?)?);
    Ok(problems)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// Writes a file if its content changes, and reports the change.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    eprintln!("xtask: {} has changed", path.display());
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

fn hash(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a `String` never fails.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
fn root_of_tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_matches_manifests_and_generators() {
        let problems = problems(&root_of_tests()).unwrap();
        assert!(
            problems.is_empty(),
            "{problems:#?}\nrun `cargo xtask assets`"
        );
    }
}
