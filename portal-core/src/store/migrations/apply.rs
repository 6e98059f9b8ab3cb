//! Applying migrations, together with the tables of the models.

use std::collections::BTreeSet;

use super::ledger::{self, Ledger};
use super::script::{Condition, Script, Section, SqlText, TableRef};
use super::{Migration, Migrations, rejected};
use crate::store::schema::additions::add_missing;
use crate::store::schema::catalog::{CatalogReader, FoundTable};
use crate::store::schema::{RawStatement, TableSpec};
use crate::store::{Dialect, Store, StoreError, Transaction};

/// Arbitrary id of the portal's advisory lock: replicas that change tables concurrently wait for
/// each other.
const LOCK: i64 = 0x706f_7274_616c;

/// Maximum length of a statement in an error message, in characters.
const SHOWN_LENGTH: usize = 200;

/// Applies the migrations that are missing, in order, and adds what the models require. Returns
/// the names of the applied migrations.
///
/// Tables, columns and indexes that can be added safely are added before each migration, so that
/// its SQL can refer to the tables of the models, except in tables that a pending migration changes
/// itself. Each step is one transaction under a lock that all replicas share.
pub(crate) async fn migrate(
    store: &Store,
    tables: &[TableSpec],
    sets: &[Migrations],
) -> Result<Vec<String>, StoreError> {
    if store.dialect() == Dialect::Postgres {
        return migrate_all(store, tables, sets).await;
    }
    // Another process may hold the lock of the file for as long as its migration takes.
    store.run_script("PRAGMA busy_timeout = 600000").await?;
    let result = migrate_all(store, tables, sets).await;
    store.run_script("PRAGMA busy_timeout = 5000").await?;
    result
}

async fn migrate_all(
    store: &Store,
    tables: &[TableSpec],
    sets: &[Migrations],
) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    loop {
        add_tables(store, tables, sets).await?;
        match apply_next(store, sets).await? {
            Some(name) => names.push(name),
            None => return Ok(names),
        }
    }
}

/// Starts a transaction that holds the lock.
pub(super) async fn begin_locked(store: &Store) -> Result<Transaction, StoreError> {
    let mut transaction = store.begin().await?;
    if store.dialect() == Dialect::Postgres {
        let lock = RawStatement::<true>(format!("SELECT pg_advisory_xact_lock({LOCK})"));
        transaction.fetch_all(&lock).await?;
    }
    Ok(transaction)
}

/// Adds what can be added safely.
async fn add_tables(
    store: &Store,
    tables: &[TableSpec],
    sets: &[Migrations],
) -> Result<(), StoreError> {
    let dialect = store.dialect();
    let mut transaction = begin_locked(store).await?;
    let ledger = Ledger::read(&mut transaction).await?;
    ledger.check(sets, dialect)?;
    let mut held = BTreeSet::new();
    for (set, version, migration) in ledger.pending(sets) {
        let script = parse(
            set,
            migration,
            migration.up.get(dialect).unwrap_or_default(),
        )?;
        let changed = script.tables().into_iter();
        held.extend(changed.filter(|table| !ledger.is_baseline(table, set.owner(), version)));
    }
    // A table that does not exist is created in its present form; the migrations then skip it.
    let mut present = BTreeSet::new();
    for table in held {
        let mut reader = CatalogReader::Transaction(&mut transaction);
        if reader.table(dialect, &table).await?.exists() {
            present.insert(table);
        }
    }
    let created = add_missing(&mut transaction, dialect, tables, &present).await?;
    ledger::record_baselines(&mut transaction, &created, sets).await?;
    transaction.commit().await
}

/// Applies the first missing migration and returns its name.
async fn apply_next(store: &Store, sets: &[Migrations]) -> Result<Option<String>, StoreError> {
    let next = {
        let mut transaction = store.begin().await?;
        let ledger = Ledger::read(&mut transaction).await?;
        ledger.pending(sets).into_iter().next()
    };
    let Some((set, version, migration)) = next else {
        return Ok(None);
    };
    let dialect = store.dialect();
    let label = set.label(migration);
    let sql = migration.up.get(dialect).ok_or_else(|| {
        rejected(
            label.clone(),
            format!(
                "no SQL for {}; add the file `{}.{}.sql`",
                title(dialect),
                migration.name,
                word(dialect)
            ),
        )
    })?;
    let script = parse(set, migration, sql)?;
    let is_applied = with_foreign_keys(store, &script, async || {
        let mut transaction = begin_locked(store).await?;
        let ledger = Ledger::read(&mut transaction).await?;
        let is_pending = ledger
            .pending(sets)
            .iter()
            .any(|(it, number, _)| it.owner() == set.owner() && *number == version);
        if !is_pending {
            // Another replica has applied it in the meantime.
            return Ok(false);
        }
        let is_skipped = |table: &TableRef| ledger.is_baseline(&table.table, set.owner(), version);
        let context = Context {
            dialect,
            label: &label,
        };
        run(&mut transaction, &context, &script, is_skipped).await?;
        ledger::record(&mut transaction, set.owner(), version, &migration.name, sql).await?;
        transaction.commit().await?;
        Ok(true)
    })
    .await?;
    if is_applied {
        tracing::info!(migration = label, "migration applied");
    }
    Ok(Some(label))
}

pub(super) fn parse<'a>(
    set: &Migrations,
    migration: &Migration,
    sql: &'a str,
) -> Result<Script<'a>, StoreError> {
    Script::parse(sql).map_err(|problem| rejected(set.label(migration), problem))
}

fn title(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "SQLite",
        Dialect::Postgres => "PostgreSQL",
    }
}

fn word(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::Postgres => "postgres",
    }
}

/// Runs a function while SQLite does not enforce foreign keys, if the script replaces tables.
/// SQLite ignores this setting within a transaction, and the portal has a single write connection.
pub(super) async fn with_foreign_keys<T>(
    store: &Store,
    script: &Script<'_>,
    run: impl AsyncFnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    if store.dialect() == Dialect::Postgres || !script.rebuilds() {
        return run().await;
    }
    store.run_script("PRAGMA foreign_keys = OFF").await?;
    let result = run().await;
    store.run_script("PRAGMA foreign_keys = ON").await?;
    result
}

/// Database and name of the script that is run.
pub(super) struct Context<'a> {
    pub(super) dialect: Dialect,
    pub(super) label: &'a str,
}

impl Context<'_> {
    fn rejected(&self, problem: impl Into<String>) -> StoreError {
        rejected(self.label.to_owned(), problem)
    }
}

/// Runs a script within a transaction.
pub(super) async fn run(
    transaction: &mut Transaction,
    context: &Context<'_>,
    script: &Script<'_>,
    is_skipped: impl Fn(&TableRef) -> bool,
) -> Result<(), StoreError> {
    for section in &script.sections {
        if section.condition.table().is_some_and(&is_skipped)
            || !applies(transaction, context, section).await?
        {
            continue;
        }
        for statement in &section.statements {
            execute(transaction, context, statement).await?;
        }
    }
    if script.rebuilds() && context.dialect == Dialect::Sqlite {
        let check = "SELECT \"table\" AS name FROM pragma_foreign_key_check LIMIT 1";
        let check = RawStatement::<false>(check.to_owned());
        if let Some(row) = transaction.fetch_optional(&check).await? {
            let table: String = row.get("name")?;
            return Err(context.rejected(format!(
                "rows of the table `{table}` would refer to missing rows; nothing was changed"
            )));
        }
    }
    Ok(())
}

/// Returns `true` if the condition of a section is met.
async fn applies(
    transaction: &mut Transaction,
    context: &Context<'_>,
    section: &Section<'_>,
) -> Result<bool, StoreError> {
    let Some(table) = section.condition.table() else {
        return Ok(true);
    };
    let mut reader = CatalogReader::Transaction(transaction);
    let found = reader.table(context.dialect, &table.table).await?;
    let has_all = table.columns.iter().all(|it| found.column(it).is_some());
    match section.condition {
        Condition::Always => Ok(true),
        Condition::If(_) => Ok(found.exists() && has_all),
        Condition::Unless(_) if table.columns.is_empty() => Ok(!found.exists()),
        Condition::Unless(_) => Ok(found.exists() && !has_all),
        Condition::Rebuild(_) if !found.exists() => Ok(false),
        Condition::Rebuild(_) => match difference(table, &found) {
            None => Ok(true),
            Some(problem) => Err(context.rejected(problem)),
        },
    }
}

/// Describes the difference between the columns of a table and those that a rebuild copies.
fn difference(table: &TableRef, found: &FoundTable) -> Option<String> {
    let name = &table.table;
    let lost = found
        .columns
        .iter()
        .find(|it| !table.columns.contains(&it.name));
    if let Some(column) = lost {
        return Some(format!(
            "the table `{name}` has the column `{}`, which the migration does not copy; add the column to the statements and to the directive `rebuild {name}(..)`",
            column.name
        ));
    }
    let missing = table.columns.iter().find(|it| found.column(it).is_none())?;
    Some(format!(
        "the table `{name}` has no column `{missing}`, which the migration copies; add the column first, or remove it from the statements and from the directive `rebuild {name}(..)`"
    ))
}

async fn execute(
    transaction: &mut Transaction,
    context: &Context<'_>,
    statement: &SqlText<'_>,
) -> Result<(), StoreError> {
    let failed = |source: StoreError| match source {
        StoreError::Unavailable(_) => source,
        source => StoreError::MigrationFailed {
            migration: context.label.to_owned(),
            line: statement.line,
            statement: shown(statement.sql),
            source: Box::new(source),
        },
    };
    if !statement.expects_no_rows {
        return transaction.run_script(statement.sql).await.map_err(failed);
    }
    let query = format!("SELECT count(*) FROM ({}) AS unexpected", statement.sql);
    let query = RawStatement::<false>(query);
    let row = transaction.fetch_optional(&query).await.map_err(failed)?;
    let rows: i64 = row.map_or(Ok(0), |row| row.at(0))?;
    if rows == 0 {
        return Ok(());
    }
    Err(context.rejected(format!(
        "{rows} {} must be corrected before this migration; nothing was changed. This query, in line {}, lists them: {}",
        if rows == 1 { "row" } else { "rows" },
        statement.line,
        shown(statement.sql),
    )))
}

/// Returns a statement on one line, shortened.
fn shown(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
