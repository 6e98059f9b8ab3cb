//! `cargo xtask screenshots`: retakes the screenshots of the reference portal.

mod scenes;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use portal_testkit::{Browser, Interrupt};

use self::scenes::{COMMITTED, SCENES, Scene, When};
use crate::cargo::Cargo;
use crate::demo_portal::DemoPortal;
use crate::fixture::{self, Fixture};
use crate::progress::step;
use crate::tools::Tools;

/// Directory with the screenshots shown in the documentation.
const STORED: &str = "docs/screenshots";

const WIDTHS: [(u32, u32); 3] = [(360, 740), (768, 1024), (1440, 900)];
/// Chromium's console messages for scenes that show a rejected, invalid or failed request.
const EXPECTED: [&str; 4] = [
    "status of 403",
    "status of 404",
    "status of 422",
    "status of 503",
];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// Options for `cargo xtask screenshots`.
#[derive(Args)]
pub(crate) struct Settings {
    /// Only take screenshots of scenes whose name contains this text
    #[arg(long)]
    only: Option<String>,
    /// Directory for all screenshots; those for the documentation are also stored in
    /// `docs/screenshots`
    #[arg(long, default_value = "target/screenshots")]
    to: PathBuf,
}

/// Starts the portal and a browser, and takes the screenshots.
pub(crate) fn run(cargo: &Cargo, settings: &Settings, interrupt: &Interrupt) -> Result<()> {
    let tools = Tools::provide(&fixture::TOOLS)?;
    let program = step("build the reference portal", || {
        let arguments = ["--workspace", "--tests", "--bin", "reference-portal"];
        cargo.build_binary("reference-portal", &arguments, interrupt)
    })?;
    let Fixture {
        browser, portal, ..
    } = &Fixture::open(&tools, &program, interrupt)?;
    let mut camera = Camera {
        browser,
        portal,
        session: None,
        task: String::new(),
        only: settings.only.as_deref(),
        all: cargo.root().join(&settings.to),
        kept: cargo.root().join(STORED),
    };
    fs::create_dir_all(&camera.all)?;
    fs::create_dir_all(&camera.kept)?;

    let take =
        |camera: &Camera<'_>, title: &str, when: When| step(title, || camera.take(when, interrupt));
    take(&camera, "pages for guests", When::Guest)?;
    portal.maintain(true)?;
    take(&camera, "maintenance page", When::Closed)?;
    portal.maintain(false)?;
    let session = portal.sign_in_as_admin()?;
    browser.use_session(portal.url(), &session)?;
    take(&camera, "empty pages", When::Empty)?;
    camera.task = step("add demo data", || portal.fill(&session))?;
    take(&camera, "pages with data", When::Busy)?;
    camera.session = Some(&session);
    take(&camera, "pages with running tasks", When::Running)?;
    camera.session = None;
    browser.use_session(portal.url(), &portal.sign_in_as_user()?)?;
    take(&camera, "access denied", When::Refused)?;
    eprintln!("xtask: saved screenshots to {}", camera.all.display());
    Ok(())
}

struct Camera<'a> {
    browser: &'a Browser,
    portal: &'a DemoPortal,
    /// Session that enqueues tasks while screenshots are taken.
    session: Option<&'a str>,
    /// Id of a failed task.
    task: String,
    only: Option<&'a str>,
    all: PathBuf,
    kept: PathBuf,
}

impl Camera<'_> {
    /// Takes all screenshots for one state of the portal.
    fn take(&self, when: When, interrupt: &Interrupt) -> Result<()> {
        let scenes = SCENES.iter().filter(|scene| {
            let is_selected = self.only.is_none_or(|only| scene.name.contains(only));
            is_selected && scene.when == when
        });
        for scene in scenes {
            if !self.is_there(scene) {
                eprintln!("xtask: skipped missing page {}", scene.path);
                continue;
            }
            for (width, height) in WIDTHS {
                self.browser.resize(width, height)?;
                for scheme in SCHEMES {
                    interrupt.check()?;
                    self.browser.prefer(scheme, "reduce")?;
                    self.picture(scene, width, scheme)?;
                }
            }
        }
        Ok(())
    }

    fn picture(&self, scene: &Scene, width: u32, scheme: &'static str) -> Result<()> {
        if let Some(session) = self.session {
            self.portal.keep_busy(session)?;
        }
        let path = scene.path.replace("{task}", &self.task);
        let address = format!("{}{path}", self.portal.url());
        self.browser.goto(&address)?;
        if !scene.script.is_empty() {
            self.browser.script(scene.script)?;
        }
        // The pause allows for late changes: fetched fragments, and times converted to local time.
        sleep(Duration::from_millis(400));
        let picture = self.browser.picture()?;
        let name = format!("{}-{width}-{scheme}.png", scene.name);
        write(&self.all.join(&name), &picture)?;
        if COMMITTED.contains(&(scene.name, width, scheme)) {
            write(&self.kept.join(&name), &picture)?;
        }
        let said = self.browser.log("browser")?;
        let is_new = |line: &&String| !EXPECTED.iter().any(|status| line.contains(status));
        for line in said.iter().filter(is_new) {
            eprintln!("xtask: {}: console: {line}", scene.path);
        }
        Ok(())
    }

    /// Returns `true` if the portal has the scene's page. The missing page in the 404 scene and the
    /// pages of records count as existing.
    fn is_there(&self, scene: &Scene) -> bool {
        let path = scene.path.split('?').next().unwrap_or_default();
        path.starts_with("/no/")
            || path.contains('{')
            || path.contains("/rows/")
            || self
                .portal
                .pages()
                .is_ok_and(|pages| pages.iter().any(|page| page == path))
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_screenshots_are_taken() {
        for (name, width, scheme) in COMMITTED {
            assert!(SCENES.iter().any(|scene| scene.name == name), "{name}");
            assert!(WIDTHS.iter().any(|(known, _)| *known == width), "{name}");
            assert!(SCHEMES.contains(&scheme), "{name}");
        }
    }
}
