//! Font subsetting: drops weights and characters that no page uses.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use portal_testkit::Interrupt;

use super::manifest::Cut;
use super::package::run;

/// OpenType features to keep: kerning, ligatures, tabular figures and marks.
const FEATURES: &str = "kern,liga,tnum,ccmp,locl,mark,mkmk";

/// Reduces a font to the weights and characters in `cut`, using `fonttools`.
pub(super) fn cut(font: &[u8], cut: &Cut, interrupt: &Interrupt) -> Result<Vec<u8>> {
    let directory = tempfile::Builder::new().prefix("portal-font-").tempdir()?;
    let path = |name: &str| directory.path().join(name);
    fs::write(path("whole.woff2"), font)?;
    let mut weights = Command::new("fonttools");
    weights
        .args(["varLib.instancer", "whole.woff2"])
        .arg(format!("wght={}", cut.weights))
        .args(["--no-recalc-timestamp", "-q", "-o", "weights.woff2"]);
    let mut letters = Command::new("pyftsubset");
    letters
        // Without the seven bytes of the `prep` table, full hinting falls back to FreeType's
        // automatic hinter, which makes tabular figures uneven. The glyphs themselves have no
        // instructions.
        .args(["weights.woff2", "--flavor=woff2", "--hinting"])
        .arg(format!("--unicodes={}", cut.letters))
        .arg(format!("--layout-features={FEATURES}"))
        .arg("--output-file=cut.woff2");
    for (name, command) in [("fonttools", &mut weights), ("pyftsubset", &mut letters)] {
        run(name, command.current_dir(directory.path()), interrupt)
            .context("subsetting fonts requires `pip install fonttools brotli`")?;
    }
    Ok(fs::read(path("cut.woff2"))?)
}
