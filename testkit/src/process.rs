//! Child processes that do not outlive their guard.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use crate::interrupt::Interrupt;

/// Time after which a process that does not stop is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// Interval at which a wait checks its condition.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A child process, stopped on drop. If it is in a separate group, its children are stopped too.
///
/// In a separate group, the child does not receive Ctrl-C from the terminal, so this process
/// determines the order in which processes stop.
pub struct Process {
    name: String,
    child: Child,
    id: Pid,
    scope: Scope,
    stop_with: Signal,
    reaped: bool,
}

/// The processes that receive signals sent to a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The child and its children, in a separate group.
    Group,
    /// The child alone, in this process's group: anything that ends the group also ends the child.
    Child,
}

impl Process {
    /// Starts `command` in a separate group; `stop_with` is the signal that makes it stop.
    ///
    /// # Errors
    ///
    /// Returns an error if the program cannot be started.
    pub fn start(
        name: impl Into<String>,
        command: &mut Command,
        stop_with: Signal,
    ) -> Result<Self> {
        Self::start_in(Scope::Group, name, command, stop_with)
    }

    /// Starts `command` in a separate group or in this process's group.
    ///
    /// # Errors
    ///
    /// Returns an error if the program cannot be started.
    pub fn start_in(
        scope: Scope,
        name: impl Into<String>,
        command: &mut Command,
        stop_with: Signal,
    ) -> Result<Self> {
        let name = name.into();
        if scope == Scope::Group {
            command.process_group(0);
        }
        let child = command
            .spawn()
            .with_context(|| format!("failed to start `{name}`"))?;
        let id = Pid::from_child(&child);
        Ok(Self {
            name,
            child,
            id,
            scope,
            stop_with,
            reaped: false,
        })
    }

    /// Takes the child's piped standard output.
    pub fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits until the child exits or a signal is received.
    ///
    /// # Errors
    ///
    /// Returns an error if a signal was received.
    pub fn wait(&mut self, interrupt: &Interrupt) -> Result<ExitStatus> {
        while !self.has_ended()? {
            interrupt.check()?;
            sleep(POLL_INTERVAL);
        }
        self.reap()
    }

    /// Returns `true` if the child has exited. It remains a zombie, so its id is not reused.
    ///
    /// # Errors
    ///
    /// Returns an error if the system does not report the child's state.
    pub fn has_ended(&self) -> Result<bool> {
        if self.reaped {
            return Ok(true);
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let ended = waitid(WaitId::Pid(self.id), options)
            .with_context(|| format!("failed to wait for `{}`", self.name))?;
        Ok(ended.is_some())
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        match self.scope {
            Scope::Group => kill_process_group(self.id, signal)?,
            Scope::Child => kill_process(self.id, signal)?,
        }
        Ok(())
    }

    /// Kills the rest of the group, then reads the exit status.
    fn reap(&mut self) -> Result<ExitStatus> {
        if !self.reaped {
            // This fails if the group is already empty, in which case there is nothing to do.
            let _ = self.signal(Signal::KILL);
        }
        let status = self.child.wait()?;
        self.reaped = true;
        Ok(status)
    }

    /// Returns the child's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Requests the child to stop and waits until it exits; after a timeout, it is killed.
    ///
    /// # Errors
    ///
    /// Returns an error if the child cannot be signaled.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal_and_wait(self.stop_with)
    }

    /// Kills the child and its group, like `kill -9`.
    ///
    /// # Errors
    ///
    /// Returns an error if the child cannot be signaled.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.signal_and_wait(Signal::KILL)
    }

    /// Signals the child and its group and waits until the child exits; after a timeout, it is
    /// killed.
    ///
    /// # Errors
    ///
    /// Returns an error if the child cannot be signaled.
    pub fn signal_and_wait(&mut self, signal: Signal) -> Result<ExitStatus> {
        if !self.has_ended()? {
            self.signal(signal)?;
            let start = Instant::now();
            while !self.has_ended()? && start.elapsed() < STOP_TIMEOUT {
                sleep(POLL_INTERVAL);
            }
        }
        self.reap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!(
                "warning: failed to stop `{}` (process {}); stop it manually: {error:#}",
                self.name,
                self.id.as_raw_nonzero(),
            );
        }
    }
}

/// Returns a process's resident memory in KiB, from Linux's `/proc`; `None` on other systems.
pub fn resident_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let mut lines = status.lines();
    let resident = lines.find_map(|line| line.strip_prefix("VmRSS:"))?;
    resident.trim().strip_suffix(" kB")?.parse().ok()
}

/// Runs a command until it exits.
///
/// # Errors
///
/// Returns [`CommandFailed`] if the command fails, and an error if a signal was received.
pub fn run(name: impl Into<String>, command: &mut Command, interrupt: &Interrupt) -> Result<()> {
    let name = name.into();
    let status = Process::start(name.clone(), command, Signal::TERM)?.wait(interrupt)?;
    CommandFailed::unless_success(name, status)
}

/// Error for a failed command, whose output contains the reason.
#[derive(Debug)]
pub struct CommandFailed {
    name: String,
    status: ExitStatus,
}

impl CommandFailed {
    /// Checks a command's exit status.
    ///
    /// # Errors
    ///
    /// Returns an error unless `status` is a success.
    pub fn unless_success(name: impl Into<String>, status: ExitStatus) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        let name = name.into();
        Err(Self { name, status }.into())
    }

    /// Returns the command's exit code.
    pub fn exit_code(&self) -> ExitCode {
        let code = self.status.code().and_then(|code| u8::try_from(code).ok());
        code.map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

impl fmt::Display for CommandFailed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` failed ({})", self.name, self.status)
    }
}

impl std::error::Error for CommandFailed {}
