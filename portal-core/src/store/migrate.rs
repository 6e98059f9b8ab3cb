//! The portal's own migrations: ordered, checksummed, embedded in the binary.

use std::borrow::Cow;
use std::collections::HashSet;

use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};

use super::{Dialect, Pool, Store, StoreError};

/// Table of applied migrations, separate from an application's own `_sqlx_migrations`.
const TABLE: &str = "_portal_migrations";

macro_rules! migrations {
    ($($version:literal $name:literal),* $(,)?) => {
        &[$((
            $version,
            $name,
            include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        )),*]
    };
}

/// All migrations, each with its version, its name, and its SQL for SQLite and for PostgreSQL.
const MIGRATIONS: &[(i64, &str, &str, &str)] = migrations![
    1 "0001_users",
    2 "0002_tasks",
    3 "0003_task_engine",
    4 "0004_identity",
    5 "0005_notifications",
    6 "0006_settings",
    7 "0007_statistics",
    8 "0008_task_quotas",
    9 "0009_client_tokens",
    10 "0010_role_sources",
    11 "0011_app_migrations",
    12 "0012_saved_views",
];

/// Comparison of a database's migrations with those of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Names of the migrations that have not been applied.
    pub missing: Vec<String>,
    /// Versions in the database whose content differs from this program's migration.
    ///
    /// Newer versions than this program's are not listed: during a rolling update, old and new
    /// replicas run side by side.
    pub mismatched: Vec<i64>,
}

impl MigrationState {
    /// Returns `true` if the database has exactly the migrations that this program needs.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.missing.is_empty() && self.mismatched.is_empty()
    }
}

fn migrator(dialect: Dialect) -> Migrator {
    let migrations = MIGRATIONS
        .iter()
        .map(|&(version, name, sqlite, postgres)| {
            let sql = if dialect == Dialect::Sqlite {
                sqlite
            } else {
                postgres
            };
            let sql = sqlx::SqlSafeStr::into_sql_str(sql);
            Migration::new(
                version,
                Cow::Borrowed(name),
                MigrationType::Simple,
                sql,
                false,
            )
        })
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.dangerous_set_table_name(TABLE);
    migrator.set_ignore_missing(true);
    migrator
}

impl Store {
    /// Applies all missing migrations. Replicas that migrate concurrently wait for each other.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable, or if its migrations do not match those of this
    /// program.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrator = migrator(self.dialect());
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { write, .. } => migrator.run(write).await?,
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => migrator.run(pool).await?,
        }
        Ok(())
    }

    /// Compares the database with this program; creates an empty migration table if it is missing.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn migration_state(&self) -> Result<MigrationState, StoreError> {
        let migrator = migrator(self.dialect());
        let applied = match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { write, .. } => applied(&mut *write.acquire().await?).await?,
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => applied(&mut *pool.acquire().await?).await?,
        };
        let versions: HashSet<i64> = applied.iter().map(|(version, _)| *version).collect();
        let missing = migrator
            .iter()
            .filter(|migration| !versions.contains(&migration.version))
            .map(|migration| migration.description.to_string())
            .collect();
        let newest = migrator
            .iter()
            .map(|known| known.version)
            .max()
            .unwrap_or(0);
        let foreign = applied
            .iter()
            .filter(|(version, checksum)| {
                *version <= newest
                    && !migrator.iter().any(|known| {
                        known.version == *version && known.checksum.as_ref() == checksum.as_slice()
                    })
            })
            .map(|(version, _)| *version)
            .collect();
        Ok(MigrationState {
            missing,
            mismatched: foreign,
        })
    }
}

async fn applied<C: Migrate>(connection: &mut C) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    connection.ensure_migrations_table(TABLE).await?;
    let applied = connection.list_applied_migrations(TABLE).await?;
    Ok(applied
        .into_iter()
        .map(|migration| (migration.version, migration.checksum.into_owned()))
        .collect())
}
