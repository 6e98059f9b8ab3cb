//! Fixture: the reference portal on an empty database, and a browser.

use std::fs;
use std::path::Path;

use anyhow::Result;
use portal_testkit::{Browser, Chromedriver, Interrupt};
use tempfile::TempDir;

use crate::demo_portal::DemoPortal;
use crate::tools::{Tool, Tools};

/// Tools required by the fixture.
pub(crate) const TOOLS: [Tool; 2] = [Tool::Chromium, Tool::Chromedriver];

/// A running portal and browser; on drop, the browser is stopped first, and all files are removed.
pub(crate) struct Fixture {
    pub(crate) browser: Browser,
    pub(crate) portal: DemoPortal,
    _driver: Chromedriver,
    _directory: TempDir,
}

impl Fixture {
    /// Starts the reference portal's binary and opens a browser window.
    pub(crate) fn open(tools: &Tools, program: &Path, interrupt: &Interrupt) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("portal-stage-").tempdir()?;
        let scratch = directory.path().join("scratch");
        let home = directory.path().join("portal");
        fs::create_dir(&scratch)?;
        fs::create_dir(&home)?;
        let driver = Chromedriver::start(
            tools.path(Tool::Chromedriver)?,
            directory.path(),
            &scratch,
            interrupt,
        )?;
        let portal = DemoPortal::start(program, &home, interrupt)?;
        let browser = Browser::open(&driver, tools.path(Tool::Chromium)?)?;
        Ok(Self {
            browser,
            portal,
            _driver: driver,
            _directory: directory,
        })
    }
}
