//! Child processes that do not outlive their guard.

use std::fmt;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::interrupt::Interrupt;

/// Timeout after which a process that does not stop is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Poll interval of waits.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Child in a separate process group, stopped with all its children on drop.
///
/// The separate group keeps a Ctrl-C of the terminal away from the child: this
/// process decides the order in which processes stop.
pub(crate) struct Process {
    name: String,
    child: Child,
    group: Pid,
    stop_with: Signal,
    reaped: bool,
}

impl Process {
    /// Starts `command`; `stop_with` is the signal that requests it to stop.
    pub(crate) fn start(
        name: impl Into<String>,
        command: &mut Command,
        stop_with: Signal,
    ) -> Result<Self> {
        let name = name.into();
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to start `{name}`"))?;
        let group = Pid::from_child(&child);
        Ok(Self {
            name,
            child,
            group,
            stop_with,
            reaped: false,
        })
    }

    /// Takes the child's piped standard output.
    pub(crate) fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits until the child exits or a signal is received.
    pub(crate) fn wait(&mut self, interrupt: &Interrupt) -> Result<ExitStatus> {
        while !self.has_ended()? {
            interrupt.check()?;
            sleep(POLL_INTERVAL);
        }
        self.reap()
    }

    /// Returns `true` if the child has exited. It remains a zombie, so its id is not reused.
    pub(crate) fn has_ended(&self) -> Result<bool> {
        if self.reaped {
            return Ok(true);
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let ended = waitid(WaitId::Pid(self.group), options)
            .with_context(|| format!("failed to wait for `{}`", self.name))?;
        Ok(ended.is_some())
    }

    /// Kills the rest of the group, then reads the exit status.
    fn reap(&mut self) -> Result<ExitStatus> {
        if !self.reaped {
            // Fails if the group is already empty; then there is nothing to do.
            let _ = kill_process_group(self.group, Signal::KILL);
        }
        let status = self.child.wait()?;
        self.reaped = true;
        Ok(status)
    }

    fn stop(&mut self) -> Result<()> {
        if self.reaped {
            return Ok(());
        }
        if !self.has_ended()? {
            kill_process_group(self.group, self.stop_with)?;
            let asked = Instant::now();
            while !self.has_ended()? && asked.elapsed() < STOP_TIMEOUT {
                sleep(POLL_INTERVAL);
            }
        }
        self.reap()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!(
                "warning: failed to stop `{}` (process {}); stop it manually: {error:#}",
                self.name,
                self.group.as_raw_nonzero(),
            );
        }
    }
}

/// Runs a command until it exits; returns an error if it fails.
pub(crate) fn run(
    name: impl Into<String>,
    command: &mut Command,
    interrupt: &Interrupt,
) -> Result<()> {
    let name = name.into();
    let status = Process::start(name.clone(), command, Signal::TERM)?.wait(interrupt)?;
    CommandFailed::unless_success(name, status)
}

/// Failure of a command; its output contains the reason.
#[derive(Debug)]
pub(crate) struct CommandFailed {
    name: String,
    status: ExitStatus,
}

impl CommandFailed {
    /// Returns an error unless `status` is a success.
    pub(crate) fn unless_success(name: impl Into<String>, status: ExitStatus) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        let name = name.into();
        Err(Self { name, status }.into())
    }

    /// Exit code of the command.
    pub(crate) fn exit_code(&self) -> ExitCode {
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
