//! Pending tasks that a claim may take, and their distribution among the task types.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde_json::json;

use super::claim::QueueSpec;
use crate::store::{Dialect, RawSql, StoreError, Transaction};

/// Condition that the index `portal_tasks_ready` covers, in the order of [`READY_ORDER`].
///
/// A replica whose clock is ahead may assign a turn too early; such a task still waits for
/// `run_at`.
pub(super) const READY: &str = "task.status = 'PENDING' AND task.turn IS NOT NULL";
pub(super) const READY_ORDER: &str = "task.priority DESC, task.turn, task.id";

/// A task type from which a claim may take tasks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) task_type: &'a QueueSpec,
    /// Maximum number of tasks to take.
    pub(super) most: u64,
}

/// Due tasks of one type and one priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// Index of the type among the candidates.
    pub(super) place: usize,
    pub(super) priority: i32,
    /// Number of tasks, at most the number that the claim may take.
    pub(super) tasks: u64,
}

/// Due tasks of the candidates.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) due: Vec<Due>,
    /// `true` if any tasks without a turn are due.
    pub(super) unplaced: bool,
}

/// Counts due tasks of types that are not paused, reading at most `most` rows for each type.
pub(in crate::tasks) async fn find(
    transaction: &mut Transaction,
    dialect: Dialect,
    candidates: &[Candidate<'_>],
    now: DateTime<Utc>,
) -> Result<Found, StoreError> {
    let mut found = Found::default();
    for statement in statements(dialect, candidates, now) {
        for row in transaction.fetch_all(&statement).await? {
            let place: i64 = row.get("place")?;
            match usize::try_from(place) {
                Ok(place) => found.due.push(Due {
                    place,
                    priority: i32::try_from(row.get::<i64>("priority")?).unwrap_or_default(),
                    tasks: row.get::<i64>("tasks")?.unsigned_abs(),
                }),
                Err(_) => found.unplaced = true,
            }
        }
    }
    Ok(found)
}

/// Returns the statements of [`find`]: one on PostgreSQL, a few on SQLite, with one part per type.
pub(in crate::tasks) fn statements(
    dialect: Dialect,
    candidates: &[Candidate<'_>],
    now: DateTime<Utc>,
) -> Vec<RawSql<false>> {
    match dialect {
        Dialect::Postgres => vec![postgres(candidates, now)],
        Dialect::Sqlite => {
            let numbered: Vec<_> = candidates.iter().enumerate().collect();
            let mut parts: Vec<_> = numbered
                .chunks(SQLITE_PARTS)
                .map(|chunk| sqlite(chunk, now))
                .collect();
            parts.push(RawSql {
                sql: "SELECT -1 AS place, 0 AS priority, 1 AS tasks WHERE EXISTS (SELECT 1 \
                      FROM portal_tasks AS task INDEXED BY portal_tasks_waiting \
                      WHERE task.status = 'PENDING' AND task.turn IS NULL AND task.run_at <= $1)"
                    .into(),
                values: vec![now.into()],
            });
            parts
        }
    }
}

/// Maximum number of types per compound statement; SQLite allows 500.
const SQLITE_PARTS: usize = 100;

fn sqlite(candidates: &[(usize, &Candidate<'_>)], now: DateTime<Utc>) -> RawSql<false> {
    let mut sql = String::new();
    let mut values: Vec<sea_query::Value> = vec![now.into()];
    for (place, candidate) in candidates {
        if !sql.is_empty() {
            sql.push_str(" UNION ALL ");
        }
        let first = values.len();
        // Only numbers are formatted into the SQL text.
        let _ = write!(
            sql,
            "SELECT {place} AS place, priority, count(*) AS tasks FROM (SELECT task.priority \
             FROM portal_tasks AS task INDEXED BY portal_tasks_ready \
             WHERE {READY} AND task.state = ${} AND task.name = ${} AND task.run_at <= $1 \
             ORDER BY {READY_ORDER} LIMIT ${}) \
             WHERE NOT EXISTS (SELECT 1 FROM portal_task_queues \
             WHERE state = ${} AND name = ${} AND paused) GROUP BY priority",
            first + 1,
            first + 2,
            first + 3,
            first + 1,
            first + 2,
        );
        values.push(candidate.task_type.group.as_str().into());
        values.push(candidate.task_type.name.into());
        values.push(limit(candidate.most).into());
    }
    RawSql {
        sql: sql.into(),
        values,
    }
}

fn postgres(candidates: &[Candidate<'_>], now: DateTime<Utc>) -> RawSql<false> {
    let task_types: Vec<_> = candidates
        .iter()
        .enumerate()
        .map(|(place, candidate)| {
            json!({
                "place": place,
                "state": candidate.task_type.group,
                "name": candidate.task_type.name,
                "most": limit(candidate.most),
            })
        })
        .collect();
    // The SQL text does not depend on the number of types, so the statement is planned only once.
    let sql = format!(
        "SELECT kind.place, CAST(due.priority AS BIGINT) AS priority, count(*) AS tasks \
         FROM jsonb_to_recordset($1) AS kind(place bigint, state text, name text, most bigint) \
         CROSS JOIN LATERAL (SELECT task.priority FROM portal_tasks AS task \
         WHERE {READY} AND task.state = kind.state AND task.name = kind.name \
         AND task.run_at <= $2 ORDER BY {READY_ORDER} LIMIT kind.most) AS due \
         WHERE NOT EXISTS (SELECT 1 FROM portal_task_queues AS queue \
         WHERE queue.state = kind.state AND queue.name = kind.name AND queue.paused) \
         GROUP BY kind.place, due.priority \
         UNION ALL SELECT -1, 0, 1 WHERE EXISTS (SELECT 1 FROM portal_tasks AS task \
         WHERE task.status = 'PENDING' AND task.turn IS NULL AND task.run_at <= $2)"
    );
    RawSql {
        sql: sql.into(),
        values: vec![serde_json::Value::Array(task_types).into(), now.into()],
    }
}

fn limit(tasks: u64) -> i64 {
    i64::try_from(tasks).unwrap_or(i64::MAX)
}

/// Order in which a process last served the types, so that types of equal priority take turns.
#[derive(Debug, Default)]
pub(super) struct Rotation(Mutex<Served>);

#[derive(Debug, Default)]
struct Served {
    count: u64,
    /// For each type, the count at which it was last served.
    last: Vec<u64>,
}

impl Rotation {
    /// Returns the number of tasks to take from each of `types` types, at most `room` in total.
    ///
    /// Higher priorities are served first; types of equal priority take turns, one task at a time.
    pub(super) fn share(&self, types: usize, due: &[Due], room: u64) -> Vec<u64> {
        let mut by_priority: BTreeMap<_, Vec<Due>> = BTreeMap::new();
        for part in due {
            let priority = std::cmp::Reverse(part.priority);
            by_priority.entry(priority).or_default().push(*part);
        }
        let mut served = self.0.lock();
        let known = types.max(served.last.len());
        served.last.resize(known, 0);
        let mut shares = vec![0; types];
        let mut room = room;
        for mut open in by_priority.into_values() {
            open.sort_by_key(|part| served.last.get(part.place).copied());
            while room > 0 && !open.is_empty() {
                for part in &mut open {
                    if room == 0 {
                        break;
                    }
                    let Some(share) = shares.get_mut(part.place) else {
                        part.tasks = 0;
                        continue;
                    };
                    *share += 1;
                    part.tasks -= 1;
                    room -= 1;
                    served.serve(part.place);
                }
                open.retain(|part| part.tasks > 0);
            }
        }
        shares
    }
}

impl Served {
    fn serve(&mut self, place: usize) {
        self.count += 1;
        if let Some(last) = self.last.get_mut(place) {
            *last = self.count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(place: usize, priority: i32, tasks: u64) -> Due {
        Due {
            place,
            priority,
            tasks,
        }
    }

    #[test]
    fn types_of_equal_priority_take_turns() {
        let rotation = Rotation::default();
        let both = [due(0, 0, 100), due(1, 0, 100)];
        let first = rotation.share(2, &both, 1);
        let second = rotation.share(2, &both, 1);
        assert_eq!((first, second), (vec![1, 0], vec![0, 1]));
        assert_eq!(rotation.share(2, &both, 10), [5, 5]);
        assert_eq!(
            rotation.share(2, &[due(0, 0, 2), due(1, 0, 100)], 10),
            [2, 8]
        );
        assert_eq!(rotation.share(2, &[due(0, 0, 2), due(1, 0, 3)], 10), [2, 3]);
    }

    #[test]
    fn higher_priorities_are_served_first() {
        let rotation = Rotation::default();
        let queues = [due(0, 5, 3), due(0, 0, 9), due(1, 0, 9), due(1, -1, 9)];
        assert_eq!(rotation.share(2, &queues, 2), [2, 0]);
        assert_eq!(rotation.share(2, &queues, 7), [5, 2]);
        assert_eq!(rotation.share(2, &queues, 99), [12, 18]);
    }
}
