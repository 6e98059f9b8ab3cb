//! `cargo xtask screenshots`: pictures of the reference portal, made anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::browser::Browser;
use crate::cargo::Cargo;
use crate::interrupt::Interrupt;
use crate::server::{Chromedriver, Portal};
use crate::step::step;
use crate::tools::{Tool, Tools};

/// Where the pictures are that the documentation shows.
const KEPT: &str = "docs/screenshots";

const WIDTHS: [(u32, u32); 3] = [(360, 740), (768, 1024), (1440, 900)];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// A page in a state: the picture's name, who looks, where, and what is done there.
struct Scene {
    name: &'static str,
    when: When,
    path: &'static str,
    script: &'static str,
}

/// What there is to see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Nobody has signed in.
    Guest,
    /// Nothing has happened yet.
    Empty,
    /// People, rows and tasks, some of them running.
    Busy,
}

const fn scene(name: &'static str, when: When, path: &'static str) -> Scene {
    Scene {
        name,
        when,
        path,
        script: "",
    }
}

const fn after(name: &'static str, path: &'static str, script: &'static str) -> Scene {
    Scene {
        name,
        when: When::Busy,
        path,
        script,
    }
}

const PALETTE: &str = "document.body.dispatchEvent(new KeyboardEvent('keydown', \
                       {key: 'k', code: 'KeyK', ctrlKey: true, bubbles: true, cancelable: true}))";

/// What is made; for what is not there (yet) there is no picture, only a message.
const SCENES: [Scene; 26] = [
    scene("landing", When::Guest, "/"),
    scene("sign-in", When::Guest, "/sign-in"),
    scene("sign-up", When::Guest, "/sign-up"),
    scene("welcome", When::Guest, "/admin/overview"),
    scene("not-found", When::Guest, "/no/such/page"),
    scene("overview-empty", When::Empty, "/admin/overview"),
    scene("tasks-empty", When::Empty, "/admin/tasks"),
    scene("all-tasks-empty", When::Empty, "/admin/tasks/all"),
    scene(
        "settings-empty",
        When::Empty,
        "/admin/settings?model=custom_config",
    ),
    scene("notifications-empty", When::Empty, "/admin/notifications"),
    scene("overview", When::Busy, "/admin/overview"),
    scene(
        "tasks",
        When::Busy,
        "/admin/tasks?state=example_task2&task=loaded_task",
    ),
    scene("all-tasks", When::Busy, "/admin/tasks/all"),
    scene("task-kinds", When::Busy, "/admin/tasks/kinds"),
    scene("users", When::Busy, "/admin/users"),
    scene(
        "users-no-match",
        When::Busy,
        "/admin/users?q=nobody-has-this-name",
    ),
    scene(
        "settings",
        When::Busy,
        "/admin/settings?model=subscription_feature",
    ),
    scene(
        "settings-drawer",
        When::Busy,
        "/admin/settings?model=custom_config&edit=1",
    ),
    scene("audit", When::Busy, "/admin/audit"),
    scene("profile", When::Busy, "/admin/profile"),
    scene("app-settings", When::Busy, "/admin/app-settings"),
    scene("about", When::Busy, "/admin/about"),
    scene("notifications", When::Busy, "/admin/notifications"),
    scene("components", When::Busy, "/dev/components"),
    after("palette", "/admin/overview", PALETTE),
    after(
        "user-menu",
        "/admin/overview",
        "document.querySelector('.pt-side [popovertarget]')?.click()",
    ),
];

/// The few that are committed: name, width, scheme.
const COMMITTED: [(&str, u32, &str); 12] = [
    ("landing", 1440, "light"),
    ("overview", 1440, "light"),
    ("overview", 1440, "dark"),
    ("overview", 360, "dark"),
    ("tasks", 1440, "dark"),
    ("tasks", 360, "light"),
    ("settings-drawer", 1440, "light"),
    ("users", 768, "light"),
    ("app-settings", 1440, "light"),
    ("palette", 1440, "dark"),
    ("sign-in", 360, "light"),
    ("not-found", 768, "dark"),
];

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
    let tools = Tools::provide(&[Tool::Chromium, Tool::Chromedriver])?;
    let program = step("build the reference portal", || {
        let arguments = ["--workspace", "--bin", "reference-portal"];
        cargo.build_binary("reference-portal", &arguments, interrupt)
    })?;
    let directory = tempfile::Builder::new()
        .prefix("portal-screenshots-")
        .tempdir()?;
    let scratch = directory.path().join("scratch");
    let home = directory.path().join("portal");
    fs::create_dir(&scratch)?;
    fs::create_dir(&home)?;
    let driver = Chromedriver::start(&tools, directory.path(), &scratch, interrupt)?;
    let portal = Portal::start(&program, &home, interrupt)?;
    let browser = Browser::open(&driver, tools.path(Tool::Chromium)?)?;
    let camera = Camera {
        browser: &browser,
        portal: &portal,
        only: settings.only.as_deref(),
        all: cargo.root().join(&settings.to),
        kept: cargo.root().join(KEPT),
    };
    fs::create_dir_all(&camera.all)?;
    fs::create_dir_all(&camera.kept)?;

    step("what guests see", || camera.take(When::Guest, interrupt))?;
    let session = portal.sign_in()?;
    browser.use_session(portal.url(), &session)?;
    step("what is empty", || camera.take(When::Empty, interrupt))?;
    step("something to see", || portal.fill(&session))?;
    portal.keep_busy(&session)?;
    step("what is going on", || camera.take(When::Busy, interrupt))?;
    eprintln!("xtask: the pictures are in {}", camera.all.display());
    Ok(())
}

struct Camera<'a> {
    browser: &'a Browser,
    portal: &'a Portal,
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
        let address = format!("{}{}", self.portal.url(), scene.path);
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
        for line in said.iter().filter(|line| !line.contains("status of 404")) {
            eprintln!("xtask: {}: the console says {line}", scene.path);
        }
        Ok(())
    }

    /// Whether the portal has the page; the one that nobody has is wanted as it is.
    fn is_there(&self, scene: &Scene) -> bool {
        let path = scene.path.split('?').next().unwrap_or_default();
        path.starts_with("/no/")
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
