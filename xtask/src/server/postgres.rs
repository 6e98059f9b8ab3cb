//! PostgreSQL server in a temporary directory.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::account::Account;
use super::launch::{dies_with_us, free_port, launch};
use super::log::Log;
use crate::interrupt::Interrupt;
use crate::process::Process;
use crate::tools::{Tool, Tools};

/// UTF-8 locale with rules for non-ASCII characters, as in a real installation.
const LOCALE: &str = if cfg!(target_os = "linux") {
    "C.UTF-8"
} else {
    "en_US.UTF-8"
};

/// Durability of commits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Commits survive a power failure, as in production: for benchmarks.
    On,
    /// Commits survive a crash of the server but not of the machine: for servers that are killed.
    Server,
    /// Commits survive neither, which is faster: for tests.
    Off,
}

/// Files of a server and the command that starts it.
pub(crate) struct Cluster {
    home: PathBuf,
    data: PathBuf,
    programs: PathBuf,
    account: Option<Account>,
    port: u16,
    durability: Durability,
}

impl Cluster {
    /// Creates a cluster below `parent`.
    pub(crate) fn create(
        tools: &Tools,
        parent: &Path,
        durability: Durability,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let home = parent.join("postgres");
        DirBuilder::new().mode(0o700).create(&home)?;
        let account = Account::in_place_of_root()?;
        if let Some(account) = &account {
            // Only root can enter the temporary directory; let the account pass through it.
            fs::set_permissions(parent, Permissions::from_mode(0o711))?;
            account.give(&home)?;
        }
        let cluster = Self {
            data: home.join("data"),
            home,
            programs: tools.path(Tool::Postgres)?.to_owned(),
            account,
            port: free_port()?,
            durability,
        };
        let mut initdb = cluster.as_account(Command::new(cluster.programs.join("initdb")));
        initdb.arg("--pgdata").arg(&cluster.data);
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
        initdb.args(["--no-sync", "--locale", LOCALE]);
        let log = Log::of(&mut initdb, &parent.join("initdb.log"))?;
        let status = Process::start("initdb", &mut initdb, Signal::TERM)?.wait(interrupt)?;
        if !status.success() {
            bail!("initdb failed ({status}); end of its log:\n{}", log.tail());
        }
        Ok(cluster)
    }

    /// Returns the command that starts the server.
    fn server(&self) -> Command {
        // INT is PostgreSQL's fast shutdown: it ends all sessions and exits.
        let mut postgres = self.as_account(dies_with_us(self.programs.join("postgres"), "INT"));
        postgres.arg("-D").arg(&self.data);
        postgres.args(["-p", &self.port.to_string()]);
        for setting in settings(self.durability, &self.home) {
            postgres.arg("-c").arg(setting);
        }
        postgres
    }

    /// Returns a description of the server for a program that starts and stops it.
    pub(crate) fn order(&self) -> Value {
        let server = self.server();
        let text = |value: &OsStr| value.to_string_lossy().into_owned();
        json!({
            "program": text(server.get_program()),
            "arguments": server.get_args().map(text).collect::<Vec<_>>(),
            "directory": self.home,
            "account": self.account.as_ref().map(Account::numbers),
            "lock": self.lock(),
            "uri": self.uri(),
        })
    }

    /// Makes a command run as the server's account, without the caller's settings.
    fn as_account(&self, mut command: Command) -> Command {
        without_settings(&mut command);
        command.current_dir(&self.home);
        if let Some(account) = &self.account {
            account.apply_to(&mut command);
        }
        command
    }

    /// Returns the path of the lock file, which contains the state of the server.
    fn lock(&self) -> PathBuf {
        self.data.join("postmaster.pid")
    }

    fn uri(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

/// Running server; stopped on drop.
pub(crate) struct Postgres {
    uri: String,
    _process: Process,
}

impl Postgres {
    /// Creates a cluster below `parent` and starts a server on it.
    pub(crate) fn start(
        tools: &Tools,
        parent: &Path,
        durability: Durability,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let cluster = Cluster::create(tools, parent, durability, interrupt)?;
        let mut postgres = cluster.server();
        let log = Log::of(&mut postgres, &parent.join("postgres.log"))?;
        let lock = cluster.lock();
        let process = launch(
            "PostgreSQL",
            &mut postgres,
            Signal::INT,
            &log,
            interrupt,
            || is_ready(&lock),
        )?;
        Ok(Self {
            uri: cluster.uri(),
            _process: process,
        })
    }

    /// Returns the URI of the server's first database, with full permissions.
    pub(crate) fn uri(&self) -> String {
        self.uri.clone()
    }
}

fn settings(durability: Durability, sockets: &Path) -> Vec<String> {
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        "max_connections=200".to_owned(),
        format!("unix_socket_directories={}", sockets.display()),
    ];
    let fast: &[&str] = match durability {
        Durability::On => &[],
        Durability::Server => &["fsync=off"],
        Durability::Off => &[
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
        ],
    };
    settings.extend(fast.iter().map(|setting| (*setting).to_owned()));
    settings
}

/// Returns `true` if the lock file contains the ready state, as read by `pg_ctl --wait`.
fn is_ready(lock: &Path) -> bool {
    let lock = fs::read_to_string(lock).unwrap_or_default();
    lock.lines()
        .nth(7)
        .is_some_and(|state| state.trim() == "ready")
}

/// Removes the caller's variables such as `PGPORT`, which refer to another server.
pub(crate) fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if is_setting(&name) {
            command.env_remove(name);
        }
    }
}

fn is_setting(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("PG"))
}
