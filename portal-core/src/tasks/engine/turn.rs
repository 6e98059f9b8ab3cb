//! Fair order of pending tasks: owners take turns within a type and a priority.
//!
//! Each pending task has a turn, and tasks are claimed in the order of their turns. An owner's
//! first task gets the turn at the head of the queue, and each further task gets the turn after the
//! owner's last one. For each earlier task of its own owner, a task therefore waits for at most one
//! task of every other owner, no matter how many tasks the other owners have stored. All tasks
//! without an owner count as belonging to a single owner.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use sea_query::{Expr, ExprTrait, Query};
use serde_json::json;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::insert::NewTask;
use crate::store::{Dialect, RawSql, Row, Store, StoreError, Transaction};
use crate::tasks::table_columns::TABLE;

/// Maximum number of tasks that one claim assigns turns to.
pub(super) const PLACED: u64 = 256;
/// Maximum number of lines (see [`Line`]) that a process caches.
const LINES: usize = 10_000;
/// Time for which a process counts locally before it reads the head of the queue again.
const FRESH: Duration = Duration::from_secs(1);

/// The pending tasks with the same owner, type and priority.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Line {
    pub(super) owner: Option<Uuid>,
    pub(super) group: String,
    pub(super) name: String,
    pub(super) priority: i32,
}

impl Line {
    fn of(task: &NewTask) -> Self {
        Self {
            owner: task.owner_user_id,
            group: task.group.clone(),
            name: task.name.to_owned(),
            priority: task.priority,
        }
    }
}

/// Assigns turns to tasks before they are stored.
#[derive(Debug)]
pub(super) struct Turns(Cache<Line, Arc<Mutex<Option<Next>>>>);

#[derive(Debug, Clone, Copy)]
struct Next {
    turn: i64,
    read_at: Instant,
}

impl Default for Turns {
    fn default() -> Self {
        Self(Cache::new(LINES))
    }
}

impl Turns {
    /// Assigns a turn to a task that is due immediately.
    ///
    /// Any other task is assigned a turn by a claim once the task is due.
    pub(super) async fn assign(&self, store: &Store, task: &mut NewTask) {
        if task.run_at > task.created_at {
            return;
        }
        let line = Line::of(task);
        let next = match self.0.get(&line) {
            Some(next) => next,
            None => {
                let next = Arc::default();
                self.0.insert(line.clone(), Arc::clone(&next));
                next
            }
        };
        let mut next = next.lock().await;
        let known = next.filter(|next| next.read_at.elapsed() < FRESH);
        let turn = match known {
            Some(next) => next.turn,
            // If the read fails, the task is stored without a turn, and a claim assigns one.
            None => match read_one(store, &line, task.created_at).await {
                Ok(turn) => turn,
                Err(error) => {
                    tracing::debug!(%error, "failed to read a task's turn; a claim assigns one");
                    return;
                }
            },
        };
        task.turn = Some(turn);
        *next = Some(Next {
            turn: turn.saturating_add(1),
            read_at: known.map_or_else(Instant::now, |next| next.read_at),
        });
    }
}

async fn read_one(store: &Store, line: &Line, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let lines = [line];
    let mut turn = now.timestamp_micros();
    for statement in ends(store.dialect(), &lines) {
        for row in store.fetch_by_index(&statement).await? {
            turn = next_turn(&row, now)?;
        }
    }
    Ok(turn)
}

/// Returns a new task's turn: at or after the queue's head, and after the last turn of its line.
///
/// If the queue is empty, the turn is the current time, which is greater than all earlier turns.
fn next_turn(row: &Row, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let head: Option<i64> = row.get("head")?;
    let last: Option<i64> = row.get("last")?;
    let head = head.unwrap_or_else(|| now.timestamp_micros());
    Ok(last.map_or(head, |last| Ord::max(head, last.saturating_add(1))))
}

/// Returns the statements that read the head of the queue and the end of each line.
///
/// There is one statement for all lines on PostgreSQL, and one per line on SQLite.
pub(super) fn ends(dialect: Dialect, lines: &[&Line]) -> Vec<RawSql<false>> {
    match dialect {
        Dialect::Sqlite => lines.iter().enumerate().map(ends_on_sqlite).collect(),
        Dialect::Postgres => vec![ends_on_postgres(lines)],
    }
}

const IN_QUEUE: &str = "task.status = 'PENDING' AND task.turn IS NOT NULL";

fn ends_on_sqlite((place, line): (usize, &&Line)) -> RawSql<false> {
    let queue = "task.state = $1 AND task.name = $2 AND task.priority = $3";
    let kind = "task.state || '/' || task.name = $1 || '/' || $2 AND task.priority = $3";
    let sql = format!(
        "SELECT {place} AS place, (SELECT task.turn FROM portal_tasks AS task \
         INDEXED BY portal_tasks_ready WHERE {IN_QUEUE} AND {queue} ORDER BY task.turn LIMIT 1) AS head, \
         (SELECT task.turn FROM portal_tasks AS task INDEXED BY portal_tasks_owner_pending \
         WHERE task.status = 'PENDING' AND {kind} AND task.owner_user_id IS $4 \
         ORDER BY task.turn DESC LIMIT 1) AS last"
    );
    RawSql {
        sql: sql.into(),
        values: vec![
            line.group.as_str().into(),
            line.name.as_str().into(),
            line.priority.into(),
            line.owner.into(),
        ],
    }
}

fn ends_on_postgres(lines: &[&Line]) -> RawSql<false> {
    let lines: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(place, line)| {
            json!({
                "place": place,
                "owner": line.owner,
                "state": line.group,
                "name": line.name,
                "priority": line.priority,
            })
        })
        .collect();
    let queue =
        "task.state = line.state AND task.name = line.name AND task.priority = line.priority";
    // This matches the expression in the index `portal_tasks_owner_pending`.
    let kind = "task.state || '/' || task.name = line.state || '/' || line.name \
                AND task.priority = line.priority";
    let last = |owner: &str| {
        format!(
            "(SELECT task.turn FROM portal_tasks AS task WHERE task.status = 'PENDING' AND {kind} \
             AND task.owner_user_id {owner} ORDER BY task.turn DESC NULLS LAST LIMIT 1)"
        )
    };
    let sql = format!(
        "SELECT line.place, (SELECT task.turn FROM portal_tasks AS task \
         WHERE {IN_QUEUE} AND {queue} ORDER BY task.turn LIMIT 1) AS head, \
         CASE WHEN line.owner IS NULL THEN {} ELSE {} END AS last \
         FROM jsonb_to_recordset($1) \
         AS line(place bigint, owner uuid, state text, name text, priority integer)",
        last("IS NULL"),
        last("= line.owner"),
    );
    RawSql {
        sql: sql.into(),
        values: vec![serde_json::Value::Array(lines).into()],
    }
}

/// Assigns turns to at most [`PLACED`] tasks that have become due, starting with the earliest.
pub(super) async fn place_due(
    transaction: &mut Transaction,
    dialect: Dialect,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut lines: HashMap<Line, Vec<Uuid>> = HashMap::new();
    for row in transaction.fetch_all(&unplaced(dialect, now)).await? {
        let line = Line {
            owner: row.get("owner_user_id")?,
            group: row.get("state")?,
            name: row.get("name")?,
            priority: row.get("priority")?,
        };
        lines.entry(line).or_default().push(row.get("id")?);
    }
    let lines: Vec<_> = lines.into_iter().collect();
    let names: Vec<_> = lines.iter().map(|(line, _)| line).collect();
    let mut turns = Vec::new();
    for statement in ends(dialect, &names) {
        for row in transaction.fetch_all(&statement).await? {
            let first = next_turn(&row, now)?;
            let place = usize::try_from(row.get::<i64>("place")?).unwrap_or(usize::MAX);
            let Some((_, ids)) = lines.get(place) else {
                continue;
            };
            turns.extend(ids.iter().copied().zip(first..));
        }
    }
    set_turns(transaction, dialect, &turns).await
}

/// Selects the tasks that [`place_due`] assigns turns to.
pub(super) fn unplaced(dialect: Dialect, now: DateTime<Utc>) -> RawSql<true> {
    let (index, lock) = match dialect {
        Dialect::Sqlite => (" INDEXED BY portal_tasks_waiting", ""),
        Dialect::Postgres => ("", " FOR UPDATE SKIP LOCKED"),
    };
    let sql = format!(
        "SELECT id, owner_user_id, state, name, priority FROM portal_tasks{index} \
         WHERE status = 'PENDING' AND turn IS NULL AND run_at <= $1 \
         ORDER BY run_at, id LIMIT {PLACED}{lock}"
    );
    RawSql {
        sql: sql.into(),
        values: vec![now.into()],
    }
}

/// Sets turns through an array of ids. For a join, PostgreSQL might read all tasks to find the
/// rows.
pub(super) fn set_turns_on_postgres(turns: &[(Uuid, i64)]) -> RawSql<true> {
    let turns = turns
        .iter()
        .map(|(id, turn)| (id.to_string(), (*turn).into()));
    RawSql {
        sql: "UPDATE portal_tasks SET turn = CAST($1 ->> CAST(id AS TEXT) AS BIGINT) \
              WHERE id = ANY (ARRAY(SELECT CAST(key AS UUID) FROM jsonb_object_keys($1) AS key))"
            .into(),
        values: vec![serde_json::Value::Object(turns.collect()).into()],
    }
}

async fn set_turns(
    transaction: &mut Transaction,
    dialect: Dialect,
    turns: &[(Uuid, i64)],
) -> Result<(), StoreError> {
    if turns.is_empty() {
        return Ok(());
    }
    if dialect == Dialect::Postgres {
        let update = set_turns_on_postgres(turns);
        return transaction.execute(&update).await.map(drop);
    }
    for (id, turn) in turns {
        let update = Query::update()
            .table(TABLE)
            .value("turn", *turn)
            .and_where(Expr::col("id").eq(*id))
            .take();
        transaction.execute(&update).await?;
    }
    Ok(())
}
