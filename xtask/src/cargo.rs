//! Cargo, and the location of the workspace.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, bail};
use portal_testkit::process::{self, CommandFailed};
use portal_testkit::{Interrupt, Process, Signal};
use serde_json::Value;

/// The cargo binary that started this program, and the workspace in which it was called.
pub(crate) struct Cargo {
    program: OsString,
    root: PathBuf,
}

impl Cargo {
    /// Locates the workspace with cargo.
    pub(crate) fn locate() -> Result<Self> {
        let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(&program)
            .args(["locate-project", "--workspace", "--message-format", "plain"])
            .stderr(Stdio::inherit())
            .output()
            .context("failed to start `cargo`; install Rust from https://rustup.rs")?;
        CommandFailed::unless_success("cargo locate-project", output.status)?;
        let manifest = PathBuf::from(String::from_utf8(output.stdout)?.trim());
        let root = manifest
            .parent()
            .context("cargo found no workspace; run `cargo xtask` inside it")?;
        Ok(Self {
            root: root.to_owned(),
            program,
        })
    }

    /// Returns the root directory of the workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Creates a cargo command that runs in the workspace.
    pub(crate) fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(&self.root)
            .stdin(Stdio::null());
        // `cargo run` sets environment variables that describe this package. Build scripts that
        // depend on them would otherwise run again after each plain `cargo build`.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    /// Runs cargo and waits until it finishes.
    pub(crate) fn run(&self, arguments: &[&str], interrupt: &Interrupt) -> Result<()> {
        let name = format!("cargo {}", arguments.join(" "));
        let mut command = self.command(arguments.iter().copied());
        process::run(name, &mut command, interrupt)
    }

    /// Runs `cargo build` and returns the path of `binary`.
    pub(crate) fn build_binary(
        &self,
        binary: &str,
        arguments: &[&str],
        interrupt: &Interrupt,
    ) -> Result<PathBuf> {
        let name = format!("cargo build {}", arguments.join(" "));
        let mut command = self.command(["build", "--message-format=json-render-diagnostics"]);
        command.args(arguments).stdout(Stdio::piped());
        let mut build = Process::start(name.clone(), &mut command, Signal::TERM)?;
        let messages = build.take_stdout().context("cargo's output is not piped")?;
        // The messages are read on a separate thread, because a blocking read would ignore
        // interrupts.
        let reader = thread::spawn({
            let binary = binary.to_owned();
            move || executable_in(BufReader::new(messages), &binary)
        });
        CommandFailed::unless_success(name, build.wait(interrupt)?)?;
        let Ok(path) = reader.join() else {
            bail!("failed to read cargo's messages");
        };
        path?.with_context(|| format!("cargo did not build a program named `{binary}`"))
    }

    /// Returns the names of a package's features.
    pub(crate) fn features(&self, package: &str) -> Result<Vec<String>> {
        let output = self
            .command(["metadata", "--no-deps", "--format-version", "1"])
            .stderr(Stdio::inherit())
            .output()?;
        CommandFailed::unless_success("cargo metadata", output.status)?;
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let Some(found) = packages.into_iter().find(|it| it["name"] == package) else {
            bail!("the workspace has no package `{package}`");
        };
        let features = found["features"].as_object().into_iter().flatten();
        Ok(features.map(|(name, _)| name.clone()).collect())
    }
}

/// Finds the path of `binary` in the messages from a build.
fn executable_in(messages: impl BufRead, binary: &str) -> Result<Option<PathBuf>> {
    let mut path = None;
    for line in messages.lines() {
        let message: Value = serde_json::from_str(&line?)?;
        let is_program = message["target"]["name"] == binary
            && message["target"]["kind"][0] == "bin"
            && message["profile"]["test"] == false;
        if is_program && let Some(executable) = message["executable"].as_str() {
            path = Some(PathBuf::from(executable));
        }
    }
    Ok(path)
}
