//! The reference portal as a process that can be stopped, killed and restarted.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use crate::account::Person;
use crate::interrupt::Interrupt;
use crate::launch::{Launch, bound_to_thread, free_port};
use crate::log::Log;
use crate::process::{Process, Scope};

/// A portal's program and settings.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    variables: Vec<(OsString, OsString)>,
    is_bound: bool,
}

impl Program {
    /// Describes a program without settings. It does not inherit the settings of this process.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            variables: Vec::new(),
            is_bound: false,
        }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Makes portals stop when the thread that started them ends, even if it is killed.
    ///
    /// By default, portals are in this process's group and end with that group.
    #[must_use]
    pub fn bound_to_thread(mut self) -> Self {
        self.is_bound = true;
        self
    }

    /// Creates a command that runs the program in a directory.
    pub fn command(&self, directory: &Path) -> Command {
        let mut command = if self.is_bound {
            bound_to_thread(&self.path, "TERM")
        } else {
            Command::new(&self.path)
        };
        command.env_clear().current_dir(directory);
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A portal in a directory that contains its database and log; stopped on drop.
pub struct Portal {
    url: String,
    port: u16,
    program: Program,
    directory: PathBuf,
    process: Process,
}

impl Portal {
    /// Starts a portal in a directory and waits until it is ready.
    ///
    /// # Errors
    ///
    /// Returns an error with the end of the log if the portal does not start.
    pub fn start(program: Program, directory: &Path, interrupt: &Interrupt) -> Result<Self> {
        let port = free_port()?;
        Ok(Self {
            url: format!("http://127.0.0.1:{port}"),
            port,
            process: launch(&program, directory, port, interrupt)?,
            program,
            directory: directory.to_owned(),
        })
    }

    /// Starts a new process on the same database and port.
    ///
    /// # Errors
    ///
    /// Returns an error if the previous process cannot be stopped or the new one does not start.
    pub fn start_again(&mut self, interrupt: &Interrupt) -> Result<()> {
        self.process.stop()?;
        self.process = launch(&self.program, &self.directory, self.port, interrupt)?;
        Ok(())
    }

    /// Returns the URL without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Returns the portal's process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Creates a command that runs the program in the portal's directory.
    pub fn command(&self) -> Command {
        self.program.command(&self.directory)
    }

    /// Signs in and returns a session token.
    ///
    /// # Errors
    ///
    /// Returns an error if the portal rejects the request.
    pub fn sign_in(&self, person: &Person<'_>) -> Result<String> {
        person.sign_in(&self.url)
    }

    /// Returns the log of the current process.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read.
    pub fn log(&self) -> Result<String> {
        let file = log_file(&self.directory);
        fs::read_to_string(&file).with_context(|| file.display().to_string())
    }
}

fn log_file(directory: &Path) -> PathBuf {
    directory.join("portal.log")
}

fn launch(
    program: &Program,
    directory: &Path,
    port: u16,
    interrupt: &Interrupt,
) -> Result<Process> {
    let mut command = program.command(directory);
    command.env("PORT", port.to_string());
    let ready = format!("http://127.0.0.1:{port}/readyz");
    Launch {
        name: "the reference portal",
        stop_with: Signal::TERM,
        scope: if program.is_bound {
            Scope::Group
        } else {
            Scope::Child
        },
        log: &Log::of(&mut command, &log_file(directory))?,
        interrupt,
    }
    .start(&mut command, |_| ureq::get(&ready).call().is_ok())
}
