//! Migration files, which are written from the differences between the models and the database.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::build_error::BuildError;
use super::builder::PortalBuilder;
use super::validate::ValidatedPortal;
use crate::admin;
use crate::error::Error;
use crate::store::{Dialect, Store, migrations};

/// A written migration.
pub(super) struct WrittenMigration {
    /// Descriptions of the changes, as sentences.
    pub(super) summary: Vec<String>,
    pub(super) files: Vec<PathBuf>,
}

impl PortalBuilder {
    /// Fails if the database does not match this program.
    ///
    /// This is `db check` for applications without the portal's command line.
    ///
    /// # Errors
    ///
    /// [`BuildError::NotMigrated`] with all differences, or another error if the portal is invalid
    /// or the database is unavailable.
    pub async fn check(self) -> Result<(), BuildError> {
        let plan = self.validate_for_process()?;
        let store = plan.connect().await?;
        let problems = plan.drift(&store).await?;
        plan.close(store).await;
        match problems.is_empty() {
            true => Ok(()),
            false => Err(BuildError::NotMigrated(problems.join("; "))),
        }
    }

    /// Reverts the last migration of the application, and returns its name; `None` if no migration
    /// is applied.
    ///
    /// This is `db rollback` for applications without the portal's command line. It can delete
    /// data, for example when the migration added a column.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the portal is invalid, the migration has no SQL that reverts it, or a
    /// statement fails; then nothing is changed.
    pub async fn rollback(self) -> Result<Option<String>, BuildError> {
        let plan = self.validate_for_process()?;
        let Some(own) = &plan.builder.migrations else {
            return Ok(None);
        };
        let store = plan.connect().await?;
        let target = migrations::last_applied(&store, &plan.migrations, own).await?;
        if let Some(target) = &target {
            migrations::rollback(&store, target).await?;
        }
        let name = target.map(|target| target.name);
        plan.close(store).await;
        Ok(name)
    }

    /// Writes a migration for the differences between the models and the database, and returns its
    /// files; an empty list if there are no differences.
    ///
    /// This is `db diff` for applications without the portal's command line. The files are for
    /// review, and the program must be built again to contain them.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the portal or the name is invalid, migrations are missing in the database,
    /// or the files cannot be written.
    pub async fn write_migration(
        self,
        name: &str,
        directory: impl AsRef<Path> + Send,
    ) -> Result<Vec<PathBuf>, BuildError> {
        let plan = self.validate_for_process()?;
        let store = plan.connect().await?;
        let written = plan
            .write_migration(&store, name, directory.as_ref())
            .await?;
        plan.close(store).await;
        Ok(written.map(|it| it.files).unwrap_or_default())
    }
}

impl ValidatedPortal {
    /// Closes a store, unless the application has provided it.
    pub(super) async fn close(&self, store: Store) {
        if self.builder.store.is_none() {
            store.close().await;
        }
    }

    /// Writes a migration; returns `None` if the tables match the models.
    pub(super) async fn write_migration(
        &self,
        store: &Store,
        name: &str,
        directory: &Path,
    ) -> Result<Option<WrittenMigration>, BuildError> {
        let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || !name.bytes().all(is_word) {
            return Err(Error::internal(format!(
                "invalid name of a migration `{name}`; use `a-z`, `0-9` and `_`, such as `rename_price`"
            ))
            .into());
        }
        let mut pending = self.portal_drift(store).await?;
        if pending.is_empty() {
            pending = self.migration_drift(store).await?;
        }
        if !pending.is_empty() {
            return Err(BuildError::NotMigrated(pending.join("; ")));
        }
        let Some(diff) = store.schema_diff(&admin::tables(&self.models)).await? else {
            return Ok(None);
        };
        let own = self.builder.migrations.as_ref();
        let newest = own.map_or(0, |it| it.newest()).max(newest_file(directory));
        let base = format!("{:04}_{name}", newest + 1);
        let mut header = format!(
            "-- Written by `db diff {name}`. Review it before you apply it. It does the following:\n"
        );
        for sentence in &diff.summary {
            header.push_str(&format!("-- - {sentence}\n"));
        }
        let scripts = [
            ("sqlite.sql", diff.up(Dialect::Sqlite)),
            ("postgres.sql", diff.up(Dialect::Postgres)),
            ("sqlite.down.sql", diff.down(Dialect::Sqlite)),
            ("postgres.down.sql", diff.down(Dialect::Postgres)),
        ];
        let mut files = Vec::new();
        for (ending, sql) in scripts {
            let path = directory.join(format!("{base}.{ending}"));
            let header = match ending.contains("down") {
                true => format!(
                    "-- Reverts `{base}`. Values that it has converted are converted back.\n"
                ),
                false => header.clone(),
            };
            write_new(&path, &format!("{header}\n{sql}")).map_err(|error| {
                Error::internal(format!("failed to write `{}`: {error}", path.display()))
            })?;
            files.push(path);
        }
        Ok(Some(WrittenMigration {
            summary: diff.summary,
            files,
        }))
    }
}

/// Writes a file that does not exist yet.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    File::create_new(path)?.write_all(text.as_bytes())
}

/// Returns the highest number of the migrations in a directory.
fn newest_file(directory: &Path) -> i64 {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let numbers = names.filter_map(|name| name.split_once('_')?.0.parse().ok());
    numbers.max().unwrap_or(0)
}
