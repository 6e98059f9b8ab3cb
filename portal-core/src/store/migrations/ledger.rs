//! Record of applied migrations, and comparison with those of the program.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, OnConflict, Query, SelectStatement};
use sha2::{Digest, Sha256};

use super::{Migration, Migrations, rejected};
use crate::store::{Dialect, Row, Store, StoreError, Transaction, now};

const TABLE: &str = "portal_app_migrations";
const BASELINES: &str = "portal_table_baselines";

/// Applied migrations by owner and version, and baselines by table and owner.
pub(super) struct Ledger {
    applied: BTreeMap<(String, i64), Applied>,
    baselines: BTreeMap<(String, String), i64>,
}

/// An applied migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) name: String,
    checksum: String,
}

impl Ledger {
    pub(super) async fn read(transaction: &mut Transaction) -> Result<Self, StoreError> {
        let applied = transaction.fetch_all(&select_applied()).await?;
        let baselines = transaction.fetch_all(&select_baselines()).await?;
        Self::of_rows(&applied, &baselines)
    }

    async fn read_from(store: &Store) -> Result<Self, StoreError> {
        let applied = store.fetch_all(&select_applied()).await?;
        let baselines = store.fetch_all(&select_baselines()).await?;
        Self::of_rows(&applied, &baselines)
    }

    fn of_rows(applied: &[Row], baselines: &[Row]) -> Result<Self, StoreError> {
        let applied = applied.iter().map(|row| {
            let key = (row.get("owner")?, row.get("version")?);
            let (name, checksum) = (row.get("name")?, row.get("checksum")?);
            Ok((key, Applied { name, checksum }))
        });
        let baselines = baselines.iter().map(|row| {
            let key = (row.get("table_name")?, row.get("owner")?);
            Ok((key, row.get("version")?))
        });
        Ok(Self {
            applied: applied.collect::<Result<_, StoreError>>()?,
            baselines: baselines.collect::<Result<_, StoreError>>()?,
        })
    }

    /// Returns `true` if the portal created the table when the migration already existed.
    pub(super) fn is_baseline(&self, table: &str, owner: &str, version: i64) -> bool {
        let key = (table.to_owned(), owner.to_owned());
        self.baselines.get(&key).is_some_and(|it| *it >= version)
    }

    /// Returns the migrations that are not applied, in the order of their owners.
    pub(super) fn pending<'a>(
        &self,
        sets: &'a [Migrations],
    ) -> Vec<(&'a Migrations, i64, &'a Migration)> {
        let all = sets.iter().flat_map(|set| {
            let versions = set.versions();
            versions.map(move |(version, migration)| (set, version, migration))
        });
        all.filter(|(set, version, _)| {
            !self
                .applied
                .contains_key(&(set.owner().to_owned(), *version))
        })
        .collect()
    }

    /// Returns the newest applied migration of an owner.
    pub(super) fn last(&self, owner: &str) -> Option<(i64, &Applied)> {
        let mut of_owner = self.applied.iter().filter(|((it, _), _)| it == owner);
        let (key, applied) = of_owner.next_back()?;
        Some((key.1, applied))
    }

    /// Returns the applied migrations that the program contains in another form, or not at all.
    ///
    /// Newer migrations than the program's are not listed: during a rolling update, old and new
    /// replicas run side by side.
    fn changed(&self, sets: &[Migrations], dialect: Dialect) -> Vec<(String, &'static str)> {
        const EDITED: &str = "the file was changed after it was applied; restore its applied content, and write the change as a new migration";
        const REMOVED: &str = "applied, but not part of this program; restore its file";
        let mut changed = Vec::new();
        for ((owner, version), applied) in &self.applied {
            let Some(set) = sets.iter().find(|set| set.owner() == owner) else {
                continue;
            };
            match set.find(*version) {
                Some(migration) => {
                    let sql = migration.up.get(dialect).unwrap_or_default();
                    if applied.name != migration.name || applied.checksum != checksum(sql) {
                        changed.push((set.label(migration), EDITED));
                    }
                }
                None if *version < set.newest() => {
                    changed.push((format!("{owner}/{}", applied.name), REMOVED));
                }
                None => {}
            }
        }
        changed
    }

    /// Fails if an applied migration was changed or removed.
    pub(super) fn check(&self, sets: &[Migrations], dialect: Dialect) -> Result<(), StoreError> {
        match self.changed(sets, dialect).into_iter().next() {
            Some((migration, problem)) => Err(rejected(migration, problem)),
            None => Ok(()),
        }
    }
}

fn select_applied() -> SelectStatement {
    Query::select()
        .columns(["owner", "version", "name", "checksum"])
        .from(TABLE)
        .take()
}

fn select_baselines() -> SelectStatement {
    Query::select()
        .columns(["table_name", "owner", "version"])
        .from(BASELINES)
        .take()
}

/// Returns the differences between the applied migrations and those of the program, as sentences.
pub(crate) async fn migration_drift(
    store: &Store,
    sets: &[Migrations],
) -> Result<Vec<String>, StoreError> {
    let ledger = Ledger::read_from(store).await?;
    let pending = ledger.pending(sets);
    let mut drift: Vec<String> = pending
        .iter()
        .map(|(set, _, migration)| format!("migration `{}` is missing", set.label(migration)))
        .collect();
    let changed = ledger.changed(sets, store.dialect());
    drift.extend(
        changed
            .into_iter()
            .map(|(migration, problem)| format!("migration `{migration}`: {problem}")),
    );
    for set in sets {
        let files = set.unknown_files().into_iter();
        drift.extend(files.map(|file| {
            format!("the file `{file}` is not part of this program; build the program again")
        }));
    }
    Ok(drift)
}

/// Records a migration as applied.
pub(super) async fn record(
    transaction: &mut Transaction,
    owner: &str,
    version: i64,
    name: &str,
    sql: &str,
) -> Result<(), StoreError> {
    let applied_at: DateTime<Utc> = now();
    let mut insert = Query::insert();
    insert
        .into_table(TABLE)
        .columns(["owner", "version", "name", "checksum", "applied_at"])
        .values_panic([
            owner.into(),
            version.into(),
            name.into(),
            checksum(sql).into(),
            applied_at.into(),
        ]);
    transaction.execute(&insert).await?;
    Ok(())
}

/// Removes the record of a migration. Its tables are no longer newer than the migration.
pub(super) async fn forget(
    transaction: &mut Transaction,
    owner: &str,
    version: i64,
) -> Result<(), StoreError> {
    let delete = Query::delete()
        .from_table(TABLE)
        .and_where(Expr::col("owner").eq(owner))
        .and_where(Expr::col("version").eq(version))
        .take();
    transaction.execute(&delete).await?;
    let lower = Query::update()
        .table(BASELINES)
        .value("version", version - 1)
        .and_where(Expr::col("owner").eq(owner))
        .and_where(Expr::col("version").gte(version))
        .take();
    transaction.execute(&lower).await?;
    Ok(())
}

/// Records that the portal has created tables in the form that the program requires.
pub(super) async fn record_baselines(
    transaction: &mut Transaction,
    tables: &[String],
    sets: &[Migrations],
) -> Result<(), StoreError> {
    for table in tables {
        for set in sets {
            let mut insert = Query::insert();
            insert
                .into_table(BASELINES)
                .columns(["table_name", "owner", "version"])
                .values_panic([
                    table.as_str().into(),
                    set.owner().into(),
                    set.newest().into(),
                ])
                .on_conflict(
                    OnConflict::columns(["table_name", "owner"])
                        .update_column("version")
                        .to_owned(),
                );
            transaction.execute(&insert).await?;
        }
    }
    Ok(())
}

/// Returns the checksum of a script, which does not depend on the kind of line ends.
fn checksum(sql: &str) -> String {
    let digest = Sha256::digest(sql.replace("\r\n", "\n").as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
