//! Checker: verifies the guarantees using the database and the records of the run.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::recorder::{Recorder, promise};
use super::workloads::STATE;

/// SQL that records every write to a task.
const LEDGER: &str = include_str!("ledger.sql");
/// Statements that return the tasks that violate a guarantee, each below the guarantee's name.
const CHECKS: &str = include_str!("checks.sql");
const NAME: &str = "-- name: ";

/// Maximum number of tasks printed per violated guarantee.
const MAX_SHOWN: usize = 5;

/// Makes the database record every write to a task from now on.
pub(super) async fn install_ledger(database: &str) -> Result<()> {
    let mut connection = PgConnection::connect(database).await?;
    sqlx::raw_sql(LEDGER).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Returns the number of unfinished tasks.
pub(super) async fn active(database: &str) -> Result<i64> {
    let mut connection = PgConnection::connect(database).await?;
    let select = "SELECT count(*) FROM portal_tasks WHERE status IN ('PENDING', 'PROCESSING')";
    let count = sqlx::query_scalar(select)
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(count)
}

/// Checks all guarantees and prints the results; returns an error if one is violated.
pub(super) async fn prove(database: &str, book: &Recorder) -> Result<()> {
    let mut connection = PgConnection::connect(database).await?;
    let mut promises = every_task_has_ended(&mut connection, book).await?;
    promises.extend(promise::ALL);
    for check in CHECKS.split(NAME).skip(1) {
        let (name, statement) = check.split_once('\n').context("a check has no statement")?;
        promises.push(name);
        let rows = sqlx::query(AssertSqlSafe(statement.to_owned()));
        let rows = rows
            .fetch_all(&mut connection)
            .await
            .with_context(|| format!("failed to check that {name}"))?;
        for row in rows {
            let (task, detail): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            book.violation(name, format!("{task}: {detail}"));
        }
    }
    summary(&mut connection).await?;
    connection.close().await?;
    report(book, &promises)
}

/// Checks the final state of all tasks.
///
/// Each accepted task must have exactly one row with a final status, which must be the one shown by
/// its monitors. No other rows may exist.
async fn every_task_has_ended(
    connection: &mut PgConnection,
    book: &Recorder,
) -> Result<Vec<&'static str>> {
    const ACCEPTED: &str = "every accepted task has exactly one final state";
    const OTHERS: &str = "every stored task was accepted";
    const SEEN: &str = "a monitor shows the stored final state";
    let select = "SELECT id, name, status, idempotency_key FROM portal_tasks \
                  WHERE state = $1 AND schedule IS NULL";
    let rows = sqlx::query(select)
        .bind(STATE)
        .fetch_all(connection)
        .await?;
    let mut stored: HashMap<Uuid, (String, String, Option<String>)> = HashMap::new();
    for row in rows {
        let task = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        stored.insert(row.try_get(0)?, task);
    }
    let accepted = book.accepted();
    for (id, task) in &accepted {
        match stored.get(id) {
            None => book.violation(ACCEPTED, format!("{id} ({}) is lost", task.kind)),
            Some((kind, _, key)) if kind != task.kind || key.as_ref() != Some(&task.key) => {
                book.violation(ACCEPTED, format!("{id} is {kind} instead of {}", task.kind));
            }
            Some((kind, status, _)) if !is_final(status) => {
                book.violation(ACCEPTED, format!("{id} ({kind}) is {status}"));
            }
            Some(_) => {}
        }
    }
    for (id, (kind, status, _)) in &stored {
        if !accepted.contains_key(id) {
            book.violation(OTHERS, format!("{id} ({kind}) is {status}"));
        }
    }
    for (id, seen) in book.seen() {
        let status = stored.get(&id).map(|(_, status, _)| status);
        if status != Some(&seen) {
            book.violation(
                SEEN,
                format!("{id}: {seen} was shown, {status:?} is stored"),
            );
        }
    }
    Ok(vec![ACCEPTED, OTHERS, SEEN])
}

fn is_final(status: &str) -> bool {
    matches!(status, "COMPLETED" | "ERROR")
}

/// Prints the outcomes of the tasks, because a run in which nothing failed proves nothing.
async fn summary(connection: &mut PgConnection) -> Result<()> {
    let select = "SELECT name, status, coalesce(code, ''), count(*), max(attempt) \
                  FROM portal_tasks GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    for row in sqlx::query(select).fetch_all(&mut *connection).await? {
        let (name, status, code): (String, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let (count, attempts): (i64, i32) = (row.try_get(3)?, row.try_get(4)?);
        println!("  {count:6} {name:<10} {status} {code} (up to {attempts} attempts)");
    }
    let writes: i64 = sqlx::query_scalar("SELECT count(*) FROM chaos_history")
        .fetch_one(&mut *connection)
        .await?;
    println!("  {writes:6} writes to tasks");
    let select = "SELECT schedule, count(*) FROM chaos_history \
                  WHERE operation = 'INSERT' AND schedule IS NOT NULL GROUP BY 1";
    for row in sqlx::query(select).fetch_all(connection).await? {
        let (schedule, count): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        println!("  {count:6} scheduled fires of {schedule}");
    }
    Ok(())
}

fn report(book: &Recorder, promises: &[&str]) -> Result<()> {
    for (what, count) in book.counts() {
        println!("  {count:6} {what}");
    }
    let violations = book.violations();
    for promise in promises {
        if !violations.contains_key(*promise) {
            println!("holds: {promise}");
        }
    }
    for (promise, found) in &violations {
        println!("VIOLATED: {promise} ({} times)", found.len());
        for what in found.iter().take(MAX_SHOWN) {
            println!("  {what}");
        }
    }
    match violations.len() {
        0 => Ok(()),
        broken => bail!("{broken} guarantees are violated"),
    }
}
