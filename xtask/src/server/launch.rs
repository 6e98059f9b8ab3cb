//! Starting a server and waiting until it is ready.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use super::log::Log;
use crate::interrupt::Interrupt;
use crate::process::{POLL_INTERVAL, Process};

/// Timeout until a server is ready.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Returns a port of the loopback interface that is currently free.
///
/// Another process may take it before the server does; the server then fails
/// and logs the reason.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Creates a command that the kernel stops when this process is killed.
///
/// Only Linux supports this, and without unsafe code only through `setpriv`; elsewhere
/// the command is unchanged, and `kill -9` of this process leaves it running.
pub(super) fn dies_with_us(program: impl AsRef<std::ffi::OsStr>, signal: &str) -> Command {
    static SETPRIV: OnceLock<bool> = OnceLock::new();
    let has_setpriv = *SETPRIV.get_or_init(|| {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--pdeathsig", "TERM", "true"]);
        setpriv.stdout(Stdio::null()).stderr(Stdio::null());
        setpriv.status().is_ok_and(|status| status.success())
    });
    if !has_setpriv {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal, "--"]).arg(program);
    command
}

/// Starts a server and waits until `answers` returns `true`.
pub(super) fn launch(
    name: &str,
    command: &mut Command,
    stop_with: Signal,
    log: &Log,
    interrupt: &Interrupt,
    answers: impl Fn() -> bool,
) -> Result<Process> {
    let process = Process::start(name, command, stop_with)?;
    let start = Instant::now();
    while !answers() {
        interrupt.check()?;
        if process.has_ended()? {
            bail!(
                "{name} exited during start-up; end of its log:\n{}",
                log.tail()
            );
        }
        if start.elapsed() > START_TIMEOUT {
            let seconds = START_TIMEOUT.as_secs();
            bail!(
                "{name} is not ready after {seconds} s; end of its log:\n{}",
                log.tail()
            );
        }
        sleep(POLL_INTERVAL);
    }
    Ok(process)
}
