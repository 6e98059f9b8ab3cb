//! `cargo xtask screenshots`: pictures of the reference portal, made anew.

mod scenes;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use self::scenes::{COMMITTED, SCENES, Scene, When};
use crate::browser::Browser;
use crate::cargo::Cargo;
use crate::interrupt::Interrupt;
use crate::server::Portal;
use crate::stage::{self, Stage};
use crate::step::step;
use crate::tools::Tools;

/// Where the pictures are that the documentation shows.
const KEPT: &str = "docs/screenshots";

const WIDTHS: [(u32, u32); 3] = [(360, 740), (768, 1024), (1440, 900)];
/// What Chromium says of scenes that are refused, wrong or not there.
const EXPECTED: [&str; 4] = [
    "status of 403",
    "status of 404",
    "status of 422",
    "status of 503",
];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// What is made, and where it goes.
#[derive(Args)]
pub(crate) struct Settings {
    /// Only scenes in whose names this stands
    #[arg(long)]
    only: Option<String>,
    /// Where all pictures go; the few of the documentation go to `docs/screenshots` as well
    #[arg(long, default_value = "target/screenshots")]
    to: PathBuf,
}

/// Starts the portal and a browser, and takes the pictures.
pub(crate) fn run(cargo: &Cargo, settings: &Settings, interrupt: &Interrupt) -> Result<()> {
    let tools = Tools::provide(&stage::TOOLS)?;
    let program = step("build the reference portal", || {
        let arguments = ["--workspace", "--tests", "--bin", "reference-portal"];
        cargo.build_binary("reference-portal", &arguments, interrupt)
    })?;
    let Stage {
        browser, portal, ..
    } = &Stage::open(&tools, &program, interrupt)?;
    let mut camera = Camera {
        browser,
        portal,
        session: None,
        task: String::new(),
        only: settings.only.as_deref(),
        all: cargo.root().join(&settings.to),
        kept: cargo.root().join(KEPT),
    };
    fs::create_dir_all(&camera.all)?;
    fs::create_dir_all(&camera.kept)?;

    let take =
        |camera: &Camera<'_>, title: &str, when: When| step(title, || camera.take(when, interrupt));
    take(&camera, "what guests see", When::Guest)?;
    portal.maintain(true)?;
    take(&camera, "what guests see of a closed portal", When::Closed)?;
    portal.maintain(false)?;
    let session = portal.sign_in()?;
    browser.use_session(portal.url(), &session)?;
    take(&camera, "what is empty", When::Empty)?;
    camera.task = step("something to see", || portal.fill(&session))?;
    take(&camera, "what has happened", When::Busy)?;
    camera.session = Some(&session);
    take(&camera, "what is going on", When::Running)?;
    camera.session = None;
    browser.use_session(portal.url(), &portal.sign_in_as_user()?)?;
    take(&camera, "what is refused", When::Refused)?;
    eprintln!("xtask: the pictures are in {}", camera.all.display());
    Ok(())
}

struct Camera<'a> {
    browser: &'a Browser,
    portal: &'a Portal,
    /// Of whom tasks are started while pictures are taken.
    session: Option<&'a str>,
    /// The id of a task that has ended.
    task: String,
    only: Option<&'a str>,
    all: PathBuf,
    kept: PathBuf,
}

impl Camera<'_> {
    /// Takes all pictures of one state.
    fn take(&self, when: When, interrupt: &Interrupt) -> Result<()> {
        let scenes = SCENES.iter().filter(|scene| {
            let wanted = self.only.is_none_or(|only| scene.name.contains(only));
            wanted && scene.when == when
        });
        for scene in scenes {
            if !self.is_there(scene) {
                eprintln!("xtask: there is no page {}", scene.path);
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
        // What comes after the page: pieces that are fetched, times that become local.
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
            eprintln!("xtask: {}: the console says {line}", scene.path);
        }
        Ok(())
    }

    /// Whether the portal has the page; the one that nobody has is wanted as it is.
    fn is_there(&self, scene: &Scene) -> bool {
        let path = scene.path.split('?').next().unwrap_or_default();
        path.starts_with("/no/")
            || path.contains('{')
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
    fn what_is_kept_is_made() {
        for (name, width, scheme) in COMMITTED {
            assert!(SCENES.iter().any(|scene| scene.name == name), "{name}");
            assert!(WIDTHS.iter().any(|(known, _)| *known == width), "{name}");
            assert!(SCHEMES.contains(&scheme), "{name}");
        }
    }
}
