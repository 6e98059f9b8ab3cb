//! Starting servers, and waiting until they are ready.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use crate::interrupt::Interrupt;
use crate::log::Log;
use crate::process::{POLL_INTERVAL, Process, Scope};

/// Maximum time until a server is ready.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Returns a currently free port on the loopback interface.
///
/// If another process binds it before the server does, the server fails and logs the reason.
///
/// # Errors
///
/// Returns an error if no port is free.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Returns several different ports, like [`free_port`].
///
/// # Errors
///
/// Returns an error if there are not enough free ports.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    // All listeners stay open until the last port has been assigned, so that no port is returned
    // twice.
    let listeners = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let listeners: Vec<_> = listeners
        .collect::<Result<_, _>>()
        .context("no free port")?;
    let ports = listeners.iter().map(|it| Ok(it.local_addr()?.port()));
    ports.collect()
}

/// Creates a command whose process is stopped by the kernel when this thread ends, for example
/// because it is killed.
///
/// Only Linux supports this, and without unsafe code only through `setpriv`. On other systems, the
/// command is unchanged, and its process keeps running if this one is killed with `kill -9`.
pub(crate) fn bound_to_thread(program: impl AsRef<OsStr>, signal: &str) -> Command {
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

/// Settings for starting a server.
pub(crate) struct Launch<'a> {
    pub(crate) name: &'a str,
    /// Signal that requests the server to stop.
    pub(crate) stop_with: Signal,
    pub(crate) scope: Scope,
    pub(crate) log: &'a Log,
    pub(crate) interrupt: &'a Interrupt,
}

impl Launch<'_> {
    /// Starts a server and waits until `is_ready` returns `true` for its process.
    pub(crate) fn start(
        &self,
        command: &mut Command,
        is_ready: impl Fn(&Process) -> bool,
    ) -> Result<Process> {
        let Self { name, log, .. } = self;
        let process = Process::start_in(self.scope, *name, command, self.stop_with)?;
        let start = Instant::now();
        while !is_ready(&process) {
            self.interrupt.check()?;
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
}
