//! The reference portal as a process of its own, which can be killed.

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

/// The binary that `cargo xtask test` has built.
pub(crate) fn binary() -> PathBuf {
    let path = std::env::var("PORTAL_TEST_BINARY").expect(
        "PORTAL_TEST_BINARY is not set: run the tests with `cargo xtask test`, which builds it",
    );
    Path::new(&path).to_owned()
}

/// The reference portal with nothing of this process's own configuration.
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
    /// Starts it in an empty directory and waits until it answers.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
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

    /// Its working directory, where its database is.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Bytes of memory that the process holds.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let id = self.child.id().expect("it is running");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it is readable");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB"));
        let kibibytes = kibibytes.and_then(|text| text.trim().parse::<u64>().ok());
        kibibytes.expect("it has a size") * 1024
    }

    /// Its log, if its variables contain `RUST_LOG`.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join(LOG)).expect("it has logged")
    }

    /// The end that `kill -9` brings.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("it was running");
    }

    /// A new process on the same database and port.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(self.directory.path(), self.port, &self.variables);
        self.wait_until_ready().await;
    }

    /// The end that SIGTERM brings; gives the exit code.
    pub(crate) async fn terminate(&mut self) -> Option<i32> {
        let id = self.child.id().expect("it is running").to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .expect("`kill` runs");
        assert!(sent.success());
        self.child.wait().await.expect("it ends").code()
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
            .stdout(log.try_clone().expect("it is open"))
            .stderr(log);
    }
    command.spawn().expect("the binary runs")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}
