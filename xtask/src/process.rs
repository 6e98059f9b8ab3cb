//! A child process that does not outlive its guard.

use std::fmt;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::interrupt::Interrupt;

/// How long a process may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a wait looks again.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A child in a process group of its own, stopped with all its children on drop.
///
/// The own group keeps a Ctrl-C of the terminal away from the child: this
/// process decides in which order things stop.
pub(crate) struct Process {
    name: String,
    child: Child,
    group: Pid,
    stop_with: Signal,
    reaped: bool,
}

impl Process {
    /// Starts `command`; `stop_with` is the signal that asks it to stop.
    pub(crate) fn start(
        name: impl Into<String>,
        command: &mut Command,
        stop_with: Signal,
    ) -> Result<Self> {
        let name = name.into();
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("`{name}` does not start"))?;
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

    /// Waits until the child ends or a signal comes.
    pub(crate) fn wait(&mut self, interrupt: &Interrupt) -> Result<ExitStatus> {
        while !self.has_ended()? {
            interrupt.check()?;
            sleep(LOOK_AGAIN);
        }
        self.reap()
    }

    /// Whether the child has ended. It stays a zombie, so its id stays taken.
    pub(crate) fn has_ended(&self) -> Result<bool> {
        if self.reaped {
            return Ok(true);
        }
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let ended = waitid(WaitId::Pid(self.group), look)
            .with_context(|| format!("`{}` cannot be waited for", self.name))?;
        Ok(ended.is_some())
    }

    /// Kills what is left of the group, then takes the exit status.
    fn reap(&mut self) -> Result<ExitStatus> {
        if !self.reaped {
            // Nobody may be left to kill: then there is nothing to do.
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
            while !self.has_ended()? && asked.elapsed() < PATIENCE {
                sleep(LOOK_AGAIN);
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
                "warning: `{}` (process {}) could not be stopped, look for it yourself: {error:#}",
                self.name,
                self.group.as_raw_nonzero(),
            );
        }
    }
}

/// Runs a command to its end; an error if it fails.
pub(crate) fn run(
    name: impl Into<String>,
    command: &mut Command,
    interrupt: &Interrupt,
) -> Result<()> {
    let name = name.into();
    let status = Process::start(name.clone(), command, Signal::TERM)?.wait(interrupt)?;
    CommandFailed::unless_success(name, status)
}

/// A command that ran and said no; its own output has the reason.
#[derive(Debug)]
pub(crate) struct CommandFailed {
    name: String,
    status: ExitStatus,
}

impl CommandFailed {
    /// An error unless `status` is a success.
    pub(crate) fn unless_success(name: impl Into<String>, status: ExitStatus) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        let name = name.into();
        Err(Self { name, status }.into())
    }

    /// The command's own exit code.
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
