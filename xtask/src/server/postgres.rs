//! A PostgreSQL server that lives in a temporary directory.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use rustix::process::Signal;

use super::account::Account;
use super::launch::{dies_with_us, free_port, launch};
use super::log::Log;
use crate::interrupt::Interrupt;
use crate::process::Process;
use crate::tools::{Tool, Tools};

/// UTF-8 with rules for letters beyond ASCII, as a real installation has.
const LOCALE: &str = if cfg!(target_os = "linux") {
    "C.UTF-8"
} else {
    "en_US.UTF-8"
};

/// Whether commits survive a power cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// As in production: for measurements.
    On,
    /// Faster: for tests.
    Off,
}

/// A running server; dropping it stops it.
pub(crate) struct Postgres {
    port: u16,
    _process: Process,
}

impl Postgres {
    /// Makes a cluster below `parent` and starts a server on it.
    pub(crate) fn start(
        tools: &Tools,
        parent: &Path,
        durability: Durability,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let programs = tools.path(Tool::Postgres)?;
        let home = parent.join("postgres");
        DirBuilder::new().mode(0o700).create(&home)?;
        let account = Account::in_place_of_root()?;
        if let Some(account) = &account {
            // The temporary directory is root's alone: the account must get through.
            fs::set_permissions(parent, Permissions::from_mode(0o711))?;
            account.give(&home)?;
        }
        let as_account = |mut command: Command| {
            without_settings(&mut command);
            command.current_dir(&home);
            if let Some(account) = &account {
                account.apply_to(&mut command);
            }
            command
        };

        let data = home.join("data");
        let mut initdb = as_account(Command::new(programs.join("initdb")));
        initdb.arg("--pgdata").arg(&data);
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
        initdb.args(["--no-sync", "--locale", LOCALE]);
        let log = Log::of(&mut initdb, &parent.join("initdb.log"))?;
        let status = Process::start("initdb", &mut initdb, Signal::TERM)?.wait(interrupt)?;
        if !status.success() {
            bail!("initdb failed ({status}); its last words:\n{}", log.tail());
        }

        let port = free_port()?;
        // INT is PostgreSQL's fast stop: it ends the sessions and then itself.
        let mut postgres = as_account(dies_with_us(programs.join("postgres"), "INT"));
        postgres.arg("-D").arg(&data);
        postgres.args(["-p", &port.to_string()]);
        for setting in settings(durability, &home) {
            postgres.arg("-c").arg(setting);
        }
        let log = Log::of(&mut postgres, &parent.join("postgres.log"))?;
        let process = launch(
            "PostgreSQL",
            &mut postgres,
            Signal::INT,
            &log,
            interrupt,
            || is_ready(&data),
        )?;
        Ok(Self {
            port,
            _process: process,
        })
    }

    /// The URI of the server's first database, with all rights.
    pub(crate) fn uri(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

fn settings(durability: Durability, sockets: &Path) -> Vec<String> {
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        "max_connections=200".to_owned(),
        format!("unix_socket_directories={}", sockets.display()),
    ];
    if durability == Durability::Off {
        let fast = [
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
        ];
        settings.extend(fast.map(str::to_owned));
    }
    settings
}

/// The server writes its state into its lock file, as `pg_ctl --wait` reads it.
fn is_ready(data: &Path) -> bool {
    let lock = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    lock.lines()
        .nth(7)
        .is_some_and(|state| state.trim() == "ready")
}

/// `PGPORT` and the like of the caller are about another server.
fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if is_setting(&name) {
            command.env_remove(name);
        }
    }
}

fn is_setting(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("PG"))
}
