//! The reference portal as a separate process, which can be killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::Client;

const LOG: &str = "portal.log";

/// A running reference portal; its directory outlives its processes.
pub(crate) struct ReferencePortal {
    pub(crate) url: String,
    port: u16,
    child: Child,
    directory: TempDir,
    variables: Vec<(String, String)>,
}

/// Returns the path of the binary that `cargo xtask test` has built.
pub(crate) fn binary() -> PathBuf {
    let path = std::env::var("PORTAL_TEST_BINARY").expect(
        "PORTAL_TEST_BINARY is not set: run the tests with `cargo xtask test`, which builds it",
    );
    Path::new(&path).to_owned()
}

/// Returns a command that runs the reference portal without this process's environment.
pub(crate) fn command(directory: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .current_dir(directory)
        .env_clear()
        .kill_on_drop(true)
        .stdin(Stdio::null());
    command
}

impl ReferencePortal {
    /// Starts the portal in an empty directory and waits until it is ready.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be created");
        let port = free_port();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let child = spawn(directory.path(), port, &variables);
        let portal = Self {
            url: format!("http://127.0.0.1:{port}"),
            port,
            child,
            directory,
            variables,
        };
        portal.wait_until_ready().await;
        portal
    }

    async fn wait_until_ready(&self) {
        for _ in 0..300 {
            let answer = reqwest::get(format!("{}/readyz", self.url)).await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the portal is not ready after 30 seconds");
    }

    pub(crate) fn guest(&self) -> Client {
        Client::new(&self.url, None)
    }

    /// Returns the working directory, which contains the database.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the resident memory of the process, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let id = self.child.id().expect("the process is running");
        let status =
            std::fs::read_to_string(format!("/proc/{id}/status")).expect("the status is readable");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB"));
        let kibibytes = kibibytes.and_then(|text| text.trim().parse::<u64>().ok());
        kibibytes.expect("`VmRSS` is a number") * 1024
    }

    /// Returns the log, which is only written if the variables contain `RUST_LOG`.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join(LOG)).expect("the log exists")
    }

    /// Kills the process, as `kill -9` does.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("the process was running");
    }

    /// Starts a new process on the same database and port.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(self.directory.path(), self.port, &self.variables);
        self.wait_until_ready().await;
    }

    /// Terminates the process with SIGTERM and returns the exit code.
    pub(crate) async fn terminate(&mut self) -> Option<i32> {
        let id = self.child.id().expect("the process is running").to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .expect("`kill` runs");
        assert!(sent.success());
        self.child.wait().await.expect("the process exits").code()
    }
}

fn spawn(directory: &Path, port: u16, variables: &[(String, String)]) -> Child {
    let mut command = command(directory);
    command
        .env("PORT", port.to_string())
        .env("RUST_LOG", "info");
    command.envs(variables.iter().cloned());
    // A test that sets the filter reads the log.
    if variables.iter().any(|(name, _)| name == "RUST_LOG") {
        let log = std::fs::File::create(directory.join(LOG)).expect("a file can be created");
        command
            .stdout(log.try_clone().expect("the file is open"))
            .stderr(log);
    }
    command.spawn().expect("the binary runs")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("the listener is bound").port()
}
