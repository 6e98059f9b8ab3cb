//! Migrations of the application and of plugins: SQL that is embedded in the program.

mod apply;
mod ledger;
mod rollback;
mod script;

use std::borrow::Cow;
use std::path::Path;

pub(crate) use apply::migrate;
pub(crate) use ledger::migration_drift;
pub(crate) use rollback::{last_applied, rollback};
use script::Script;

use super::{Dialect, StoreError};

/// Owner name of the portal itself, whose migrations are recorded in another table.
const RESERVED_OWNER: &str = "portal";

type Sql = Cow<'static, str>;

/// Migrations of one owner: an application or a plugin.
///
/// Usually created by [`migrations!`](crate::migrations) from a directory, and passed to
/// [`PortalBuilder::migrations`](crate::PortalBuilder::migrations) or
/// [`Plugin::migrations`](crate::Plugin::migrations). The owner is the name of the crate, so
/// migrations of different crates can have the same numbers.
///
/// ```
/// use portal_core::store::{Migration, Migrations};
///
/// let customers = Migration::new("0001_customers")
///     .up("CREATE TABLE customer (id bigint PRIMARY KEY, name text NOT NULL)")
///     .down("DROP TABLE customer");
/// let upper = Migration::new("0002_names")
///     .up_sqlite("UPDATE customer SET name = upper(name)")
///     .up_postgres("UPDATE customer SET name = initcap(name)");
/// let migrations = Migrations::new("crm").with(customers).with(upper);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Migrations {
    owner: Cow<'static, str>,
    directory: Option<&'static str>,
    list: Vec<Migration>,
}

/// A migration: its name, and its SQL for each database.
#[derive(Debug, Clone)]
#[must_use]
pub struct Migration {
    name: Cow<'static, str>,
    up: PerDialect,
    down: PerDialect,
}

#[derive(Debug, Clone, Default)]
struct PerDialect {
    sqlite: Option<Sql>,
    postgres: Option<Sql>,
}

impl PerDialect {
    fn get(&self, dialect: Dialect) -> Option<&str> {
        match dialect {
            Dialect::Sqlite => self.sqlite.as_deref(),
            Dialect::Postgres => self.postgres.as_deref(),
        }
    }

    fn both(sql: Sql) -> Self {
        Self {
            sqlite: Some(sql.clone()),
            postgres: Some(sql),
        }
    }
}

impl Migration {
    /// Creates a migration without SQL. The name consists of a number, `_` and a word, such as
    /// `0001_customers`; the number determines the order.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            up: PerDialect::default(),
            down: PerDialect::default(),
        }
    }

    /// Sets the SQL for both databases.
    pub fn up(mut self, sql: impl Into<Cow<'static, str>>) -> Self {
        self.up = PerDialect::both(sql.into());
        self
    }

    /// Sets the SQL for SQLite.
    pub fn up_sqlite(mut self, sql: impl Into<Cow<'static, str>>) -> Self {
        self.up.sqlite = Some(sql.into());
        self
    }

    /// Sets the SQL for PostgreSQL.
    pub fn up_postgres(mut self, sql: impl Into<Cow<'static, str>>) -> Self {
        self.up.postgres = Some(sql.into());
        self
    }

    /// Sets the SQL that reverts the migration on both databases.
    pub fn down(mut self, sql: impl Into<Cow<'static, str>>) -> Self {
        self.down = PerDialect::both(sql.into());
        self
    }

    /// Sets the SQL that reverts the migration on SQLite.
    pub fn down_sqlite(mut self, sql: impl Into<Cow<'static, str>>) -> Self {
        self.down.sqlite = Some(sql.into());
        self
    }

    /// Sets the SQL that reverts the migration on PostgreSQL.
    pub fn down_postgres(mut self, sql: impl Into<Cow<'static, str>>) -> Self {
        self.down.postgres = Some(sql.into());
        self
    }

    /// Returns the number at the start of the name.
    fn version(&self) -> Option<i64> {
        let (number, word) = self.name.split_once('_')?;
        let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let is_name = !word.is_empty() && word.bytes().all(is_word);
        number.parse().ok().filter(|it| is_name && *it > 0)
    }

    fn scripts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let texts = [
            ("sqlite.sql", &self.up.sqlite),
            ("postgres.sql", &self.up.postgres),
            ("sqlite.down.sql", &self.down.sqlite),
            ("postgres.down.sql", &self.down.postgres),
        ];
        texts
            .into_iter()
            .filter_map(|(kind, sql)| Some((kind, sql.as_deref()?)))
    }
}

impl Migrations {
    /// Creates an empty list for an owner.
    pub fn new(owner: impl Into<Cow<'static, str>>) -> Self {
        Self {
            owner: owner.into(),
            directory: None,
            list: Vec::new(),
        }
    }

    /// Adds a migration.
    pub fn with(mut self, migration: Migration) -> Self {
        self.list.push(migration);
        self.list.sort_by_key(Migration::version);
        self
    }

    /// Sets the directory of the files on the machine that built the program.
    ///
    /// `db diff` writes new files to it, and the other commands report files that the program does
    /// not contain because it was not rebuilt. Set by [`migrations!`](crate::migrations) in debug
    /// builds.
    pub fn directory(mut self, path: &'static str) -> Self {
        self.directory = Some(path);
        self
    }

    /// Returns the name of the owner.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    pub(crate) fn path(&self) -> Option<&'static Path> {
        self.directory.map(Path::new)
    }

    /// Returns the highest number of a migration; 0 if there are no migrations.
    pub(crate) fn newest(&self) -> i64 {
        self.list
            .iter()
            .filter_map(Migration::version)
            .max()
            .unwrap_or(0)
    }

    fn find(&self, version: i64) -> Option<&Migration> {
        self.list.iter().find(|it| it.version() == Some(version))
    }

    /// Returns the migrations with their versions, in order.
    fn versions(&self) -> impl Iterator<Item = (i64, &Migration)> {
        self.list.iter().filter_map(|it| Some((it.version()?, it)))
    }

    /// Returns the name of a migration for messages.
    fn label(&self, migration: &Migration) -> String {
        format!("{}/{}", self.owner, migration.name)
    }

    /// Returns the files of the directory that this program does not contain.
    fn unknown_files(&self) -> Vec<String> {
        let Some(entries) = self.path().and_then(|path| std::fs::read_dir(path).ok()) else {
            return Vec::new();
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let is_unknown = |name: &String| {
            let base = name.split('.').next().unwrap_or_default();
            name.ends_with(".sql") && !self.list.iter().any(|it| it.name == base)
        };
        let mut unknown: Vec<String> = names.filter(is_unknown).collect();
        unknown.sort();
        unknown
    }
}

/// Returns all mistakes in migrations, as sentences.
pub(crate) fn problems(sets: &[Migrations]) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, set) in sets.iter().enumerate() {
        let owner = &set.owner;
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if owner.is_empty() || *owner == RESERVED_OWNER || !owner.bytes().all(is_word) {
            problems.push(format!(
                "invalid owner of migrations `{owner}`; use the name of the crate"
            ));
        }
        if sets[..index].iter().any(|other| other.owner == *owner) {
            problems.push(format!(
                "two lists of migrations have the owner `{owner}`; merge them, or rename one"
            ));
        }
        for (index, migration) in set.list.iter().enumerate() {
            let label = set.label(migration);
            let Some(version) = migration.version() else {
                problems.push(format!(
                    "invalid name of the migration `{label}`; use a number, `_` and a word of `a-z`, `0-9` and `_`, such as `0001_customers`"
                ));
                continue;
            };
            let mut earlier = set.list[..index].iter();
            if let Some(same) = earlier.find(|it| it.version() == Some(version)) {
                problems.push(format!(
                    "the migrations `{}` and `{label}` have the same number; renumber one of them",
                    set.label(same)
                ));
            }
            for (kind, sql) in migration.scripts() {
                if let Err(problem) = Script::parse(sql) {
                    problems.push(format!("migration `{label}` ({kind}): {problem}"));
                }
            }
        }
    }
    problems
}

fn rejected(migration: String, problem: impl Into<String>) -> StoreError {
    StoreError::MigrationRejected {
        migration,
        problem: problem.into(),
    }
}
