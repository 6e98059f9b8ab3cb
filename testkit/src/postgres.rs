//! PostgreSQL servers in a temporary directory.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::interrupt::Interrupt;
use crate::launch::{Launch, bound_to_thread, free_port};
use crate::log::Log;
use crate::process::{Process, Scope};
use crate::system_account::SystemAccount;

/// UTF-8 locale with rules for non-ASCII characters, as in a real installation.
const LOCALE: &str = if cfg!(target_os = "linux") {
    "C.UTF-8"
} else {
    "en_US.UTF-8"
};

/// Durability of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Commits survive a power failure, as in production: for benchmarks.
    On,
    /// Commits survive a crash of the server, but not of the machine: for servers that are killed.
    Server,
    /// Commits survive neither, but are faster: for tests.
    Off,
}

/// The files of a server, and the command that starts it.
pub struct Cluster {
    parent: PathBuf,
    home: PathBuf,
    data: PathBuf,
    programs: PathBuf,
    account: Option<SystemAccount>,
    port: u16,
    durability: Durability,
}

impl Cluster {
    /// Creates a cluster below `parent`; `programs` is the directory that contains `initdb` and
    /// `postgres`.
    ///
    /// # Errors
    ///
    /// Returns an error if `initdb` fails.
    pub fn create(
        programs: &Path,
        parent: &Path,
        durability: Durability,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let home = parent.join("postgres");
        DirBuilder::new().mode(0o700).create(&home)?;
        let account = SystemAccount::in_place_of_root()?;
        if let Some(account) = &account {
            // Only root can enter the temporary directory, so the account is allowed to pass
            // through it.
            fs::set_permissions(parent, Permissions::from_mode(0o711))?;
            account.give(&home)?;
        }
        let cluster = Self {
            parent: parent.to_owned(),
            data: home.join("data"),
            home,
            programs: programs.to_owned(),
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

    /// Starts a server, which stops when the current thread ends, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// Returns an error with the end of the log if the server does not start.
    pub fn start(&self, interrupt: &Interrupt) -> Result<Postgres> {
        let mut postgres = self.server();
        let log = Log::of(&mut postgres, &self.parent.join("postgres.log"))?;
        // INT is PostgreSQL's fast shutdown: it ends all sessions and exits.
        let launch = Launch {
            name: "PostgreSQL",
            stop_with: Signal::INT,
            scope: Scope::Group,
            log: &log,
            interrupt,
        };
        Ok(Postgres {
            root: format!("postgres://postgres@127.0.0.1:{}", self.port),
            process: launch.start(&mut postgres, |process| self.is_ready(process))?,
        })
    }

    fn server(&self) -> Command {
        let mut postgres = self.as_account(bound_to_thread(self.programs.join("postgres"), "INT"));
        postgres.arg("-D").arg(&self.data);
        postgres.args(["-p", &self.port.to_string()]);
        for setting in settings(self.durability, &self.home) {
            postgres.arg("-c").arg(setting);
        }
        postgres
    }

    /// Makes a command run under the server's account, without the caller's settings.
    fn as_account(&self, mut command: Command) -> Command {
        without_settings(&mut command);
        command.current_dir(&self.home);
        if let Some(account) = &self.account {
            account.apply_to(&mut command);
        }
        command
    }

    /// Returns `true` if the lock file belongs to this server and states that it is ready.
    ///
    /// `pg_ctl --wait` checks the same. The file may have been left behind by a server that was
    /// killed.
    fn is_ready(&self, server: &Process) -> bool {
        let lock = fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = lock.lines().map(str::trim);
        lines.next() == Some(server.id().to_string().as_str()) && lines.nth(6) == Some("ready")
    }
}

/// A running server, stopped on drop.
pub struct Postgres {
    root: String,
    process: Process,
}

impl Postgres {
    /// Creates a cluster below `parent` and starts a server on it.
    ///
    /// # Errors
    ///
    /// Returns an error if the cluster cannot be created or the server does not start.
    pub fn start(
        programs: &Path,
        parent: &Path,
        durability: Durability,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        Cluster::create(programs, parent, durability, interrupt)?.start(interrupt)
    }

    /// Returns a URI for the server's default database, with full permissions.
    pub fn uri(&self) -> String {
        self.uri_of("postgres")
    }

    /// Returns a URI for the given database, with full permissions.
    pub fn uri_of(&self, database: &str) -> String {
        format!("{}/{database}", self.root)
    }

    /// Returns the server's process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
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

/// Removes the caller's variables, such as `PGPORT`, which refer to another server.
pub fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if is_setting(&name) {
            command.env_remove(name);
        }
    }
}

fn is_setting(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("PG"))
}
