//! Starting a server and waiting until it answers.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use super::log::Log;
use crate::interrupt::Interrupt;
use crate::process::{LOOK_AGAIN, Process};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A port of the loopback interface that is free now.
///
/// Another process may take it before the server does; the server then fails
/// and says so in its log.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// A command that the kernel stops when this process dies without a farewell.
///
/// Only Linux can, and only through `setpriv` without unsafe code; elsewhere it
/// is the plain command, and `kill -9` of this process leaves it running.
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

/// Starts a server and waits until `answers` says yes.
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
            bail!("{name} ended at once; its last words:\n{}", log.tail());
        }
        if start.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            bail!(
                "{name} does not answer after {seconds} s; its log:\n{}",
                log.tail()
            );
        }
        sleep(LOOK_AGAIN);
    }
    Ok(process)
}
