//! The WebDriver for Chromium.

use std::path::Path;

use anyhow::Result;
use rustix::process::Signal;
use serde_json::Value;

use crate::interrupt::Interrupt;
use crate::launch::{Launch, bound_to_thread, free_port};
use crate::log::Log;
use crate::process::{Process, Scope};

/// A running WebDriver, stopped on drop together with its browsers.
pub struct Chromedriver {
    url: String,
    _process: Process,
}

impl Chromedriver {
    /// Starts a WebDriver, which stops when the current thread ends.
    ///
    /// Browser profiles are created in `scratch`, and the log in `parent`.
    ///
    /// # Errors
    ///
    /// Returns an error with the end of the log if the WebDriver does not start.
    pub fn start(
        program: &Path,
        parent: &Path,
        scratch: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}");
        let mut driver = bound_to_thread(program, "TERM");
        driver.arg(format!("--port={port}")).env("TMPDIR", scratch);
        let launch = Launch {
            name: "chromedriver",
            stop_with: Signal::TERM,
            scope: Scope::Group,
            log: &Log::of(&mut driver, &parent.join("chromedriver.log"))?,
            interrupt,
        };
        let status = format!("{url}/status");
        let process = launch.start(&mut driver, |_| is_ready(&status).unwrap_or(false))?;
        Ok(Self {
            url,
            _process: process,
        })
    }

    /// Returns the WebDriver's URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn is_ready(status: &str) -> Result<bool> {
    let status: Value = ureq::get(status).call()?.body_mut().read_json()?;
    Ok(status["value"]["ready"] == true)
}
