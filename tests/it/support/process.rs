//! The reference portal as a separate process, which can be killed.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use portal_testkit::{Interrupt, Portal, Program};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::spawn_blocking;

use super::Client;

/// A running reference portal; its directory outlives its processes.
pub(crate) struct ReferencePortal {
    pub(crate) url: String,
    /// `None` while another thread waits for the portal.
    portal: Option<Portal>,
    directory: TempDir,
}

/// Returns the path of the binary built by `cargo xtask test`.
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
        let program = Program::new(binary()).variable("RUST_LOG", "info");
        let program = variables.iter().fold(program, |program, (name, value)| {
            program.variable(name, value)
        });
        let home = directory.path().to_owned();
        let started = spawn_blocking(move || Portal::start(program, &home, &Interrupt::never()));
        let portal = started.await.expect("starting does not panic");
        let portal = portal.expect("the portal starts");
        Self {
            url: portal.url().to_owned(),
            portal: Some(portal),
            directory,
        }
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
        let kibibytes = portal_testkit::process::resident_memory(self.portal().id());
        kibibytes.expect("the system reports memory usage") * 1024
    }

    /// Returns the log.
    pub(crate) fn log(&self) -> String {
        self.portal().log().expect("the log exists")
    }

    /// Kills the process, as `kill -9` does.
    pub(crate) async fn kill(&mut self) {
        self.wait(|portal| portal.process().kill()).await;
    }

    /// Starts a new process on the same database and port.
    pub(crate) async fn start_again(&mut self) {
        self.wait(|portal| portal.start_again(&Interrupt::never()))
            .await;
    }

    /// Terminates the process with SIGTERM and returns the exit code.
    pub(crate) async fn terminate(&mut self) -> Option<i32> {
        let status: ExitStatus = self.wait(|portal| portal.process().stop()).await;
        status.code()
    }

    fn portal(&self) -> &Portal {
        self.portal.as_ref().expect("the portal is present")
    }

    /// Runs blocking work on another thread, as the test may have to serve the portal's requests.
    async fn wait<T, E>(
        &mut self,
        work: impl FnOnce(&mut Portal) -> Result<T, E> + Send + 'static,
    ) -> T
    where
        T: Send + 'static,
        E: std::fmt::Debug + Send + 'static,
    {
        let mut portal = self.portal.take().expect("the portal is present");
        let done = spawn_blocking(move || {
            let done = work(&mut portal);
            (portal, done)
        });
        let (portal, done) = done.await.expect("waiting does not panic");
        self.portal = Some(portal);
        done.expect("the process can be signaled")
    }
}

impl Drop for ReferencePortal {
    /// Kills the process, which is faster than a graceful shutdown.
    fn drop(&mut self) {
        if let Some(portal) = &mut self.portal {
            let _ = portal.process().kill();
        }
    }
}
