//! WebDriver of the browser tests.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use super::launch::{dies_with_us, free_port, launch};
use super::log::Log;
use crate::interrupt::Interrupt;
use crate::process::Process;
use crate::tools::{Tool, Tools};

/// Timeout of a status request.
const START_TIMEOUT: Duration = Duration::from_secs(2);

/// Running WebDriver; stopped on drop, with its browsers.
pub(crate) struct Chromedriver {
    port: u16,
    _process: Process,
}

impl Chromedriver {
    /// Starts a WebDriver; browser profiles go to `scratch`, the log to `parent`.
    pub(crate) fn start(
        tools: &Tools,
        parent: &Path,
        scratch: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let port = free_port()?;
        let mut driver = dies_with_us(tools.path(Tool::Chromedriver)?, "TERM");
        driver.arg(format!("--port={port}")).env("TMPDIR", scratch);
        let log = Log::of(&mut driver, &parent.join("chromedriver.log"))?;
        let process = launch(
            "chromedriver",
            &mut driver,
            Signal::TERM,
            &log,
            interrupt,
            || is_ready(port).unwrap_or(false),
        )?;
        Ok(Self {
            port,
            _process: process,
        })
    }

    /// Returns the URL of the WebDriver.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Returns `true` if the WebDriver reports that it is ready.
fn is_ready(port: u16) -> Result<bool> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, START_TIMEOUT)?;
    stream.set_read_timeout(Some(START_TIMEOUT))?;
    write!(
        stream,
        "GET /status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    // The driver keeps the connection open, so the response ends with its text, not with the
    // stream.
    while !answer.ends_with(b"}}") {
        match stream.read(&mut part)? {
            0 => break,
            length => answer.extend_from_slice(part.get(..length).unwrap_or_default()),
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.contains("\"ready\":true"))
}
