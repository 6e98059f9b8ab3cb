//! Reverting the last migration of an owner.

use super::apply::{Context, begin_locked, parse, run, with_foreign_keys};
use super::ledger::{self, Ledger};
use super::{Migration, Migrations, rejected};
use crate::store::{Store, StoreError};

/// Migration that can be reverted.
#[derive(Debug)]
pub(crate) struct RollbackTarget<'a> {
    set: &'a Migrations,
    version: i64,
    migration: &'a Migration,
    pub(crate) name: String,
}

/// Returns the last applied migration of an owner; `None` if it has not applied any. Fails if the
/// program does not contain the SQL that reverts it.
pub(crate) async fn last_applied<'a>(
    store: &Store,
    sets: &'a [Migrations],
    set: &'a Migrations,
) -> Result<Option<RollbackTarget<'a>>, StoreError> {
    let mut transaction = store.begin().await?;
    let ledger = Ledger::read(&mut transaction).await?;
    ledger.check(sets, store.dialect())?;
    let Some((version, applied)) = ledger.last(set.owner()) else {
        return Ok(None);
    };
    let name = format!("{}/{}", set.owner(), applied.name);
    let Some(migration) = set.find(version) else {
        let problem = "applied, but not part of this program; use the program that applied it";
        return Err(rejected(name, problem));
    };
    if migration.down.get(store.dialect()).is_none() {
        let problem = format!(
            "cannot be reverted; write the file `{}.down.sql`, or one for each database",
            migration.name
        );
        return Err(rejected(name, problem));
    }
    Ok(Some(RollbackTarget {
        set,
        version,
        migration,
        name,
    }))
}

/// Reverts a migration.
pub(crate) async fn rollback(store: &Store, target: &RollbackTarget<'_>) -> Result<(), StoreError> {
    let RollbackTarget {
        set,
        version,
        migration,
        name,
    } = target;
    let sql = migration.down.get(store.dialect()).unwrap_or_default();
    let script = parse(set, migration, sql)?;
    with_foreign_keys(store, &script, async || {
        let mut transaction = begin_locked(store).await?;
        let ledger = Ledger::read(&mut transaction).await?;
        if ledger.last(set.owner()).map(|(last, _)| last) != Some(*version) {
            return Err(rejected(name.clone(), "no longer the last migration"));
        }
        let label = format!("{name} (down)");
        let context = Context {
            dialect: store.dialect(),
            label: &label,
        };
        run(&mut transaction, &context, &script, |_| false).await?;
        ledger::forget(&mut transaction, set.owner(), *version).await?;
        transaction.commit().await
    })
    .await?;
    tracing::info!(migration = name, "migration reverted");
    Ok(())
}
