//! A claim reads a bounded number of rows, whatever the queue and the table statistics contain.

use serde_json::Value;

use super::*;
use crate::store::{Dialect, RawSql};
use crate::tasks::engine::due::{self, Candidate};
use crate::tasks::engine::turn::{self, Line};
use crate::tasks::engine::{claim, quota};

on_both!(claims_read_a_bounded_number_of_rows);

const NAMES: [&str; 10] = [
    "type0", "type1", "type2", "type3", "type4", "type5", "type6", "type7", "type8", "type9",
];
/// Number of tasks per claim.
const ROOM: u64 = 32;
/// Owner of most of the tasks.
const OWNER: Uuid = Uuid::from_u128(7);
const QUOTA: u64 = 1_000;

fn types(count: usize, limited: bool) -> Vec<QueueSpec> {
    let task_type = |name| QueueSpec {
        finish_notification: None,
        group: "probe".to_owned(),
        name,
        concurrency: limited.then_some(5),
        at_most_once: false,
    };
    NAMES.into_iter().take(count).map(task_type).collect()
}

/// Inserts a due task for each number in a range with one statement.
async fn fill(store: &Store, types: usize, status: &str, numbers: std::ops::Range<u64>) {
    let (from, to) = (numbers.start, numbers.end);
    let (id, series) = match store.dialect() {
        Dialect::Sqlite => (
            "unhex(printf('%032x', number))",
            format!(
                "WITH RECURSIVE numbers(number) AS (SELECT {from} UNION ALL \
                 SELECT number + 1 FROM numbers WHERE number + 1 < {to})"
            ),
        ),
        Dialect::Postgres => (
            "lpad(to_hex(number), 32, '0')::uuid",
            format!(
                "WITH numbers(number) AS (SELECT generate_series({from}::bigint, {to}::bigint - 1))"
            ),
        ),
    };
    let owner = match store.dialect() {
        Dialect::Sqlite => format!("x'{}'", OWNER.simple()),
        Dialect::Postgres => format!("'{OWNER}'"),
    };
    let at = "'2026-01-01T00:00:00+00:00'";
    let script = format!(
        "INSERT INTO portal_tasks (id, state, name, owner_user_id, args, status, priority, run_at, \
         created_at, updated_at, turn, stored_bytes) {series} SELECT {id}, 'probe', \
         'type' || (number % {types}), {owner}, '{{}}', '{status}', number % 2, {at}, {at}, {at}, number, 2 \
         FROM numbers"
    );
    store.run_script(&script).await.unwrap();
}

async fn pause(store: &Store, paused: &[&str]) {
    store
        .run_script("DELETE FROM portal_task_queues")
        .await
        .unwrap();
    for name in paused {
        let row = format!("INSERT INTO portal_task_queues VALUES ('probe', '{name}', TRUE)");
        store.run_script(&row).await.unwrap();
    }
}

/// Returns the number of task rows that a PostgreSQL plan read, including discarded ones.
fn rows_read(plan: &Value) -> u64 {
    let number = |key: &str| plan[key].as_f64().unwrap_or_default();
    let own = if plan["Relation Name"] == "portal_tasks" && plan["Node Type"] != "ModifyTable" {
        let dropped = number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
        ((number("Actual Rows") + dropped) * number("Actual Loops")) as u64
    } else {
        0
    };
    let parts = plan["Plans"].as_array().into_iter().flatten();
    own + parts.map(rows_read).sum::<u64>()
}

/// Runs a statement and asserts that it reads at most `most` task rows.
async fn check<const W: bool>(store: &Store, statement: &RawSql<W>, most: u64, about: &str) {
    let dialect = store.dialect();
    let explain = match dialect {
        Dialect::Sqlite => "EXPLAIN QUERY PLAN",
        Dialect::Postgres => "EXPLAIN (ANALYZE, FORMAT JSON)",
    };
    let explained = RawSql::<true> {
        sql: format!("{explain} {}", statement.sql).into(),
        values: statement.values.clone(),
    };
    let mut transaction = store.begin_by_index().await.unwrap();
    let rows = transaction.fetch_all(&explained).await.unwrap();
    // The rollback restores the rows and releases their locks for the next claim.
    transaction.rollback().await.unwrap();
    match dialect {
        Dialect::Sqlite => {
            for row in &rows {
                let step: String = row.get("detail").unwrap();
                // A full scan is acceptable if the index contains only running tasks.
                let is_bounded = !step.contains("SCAN task")
                    && !step.contains("SCAN portal_tasks")
                    && !step.contains("TEMP B-TREE FOR ORDER BY")
                    || step.contains("portal_tasks_lease");
                assert!(is_bounded, "{about}: {step}");
            }
        }
        Dialect::Postgres => {
            let plan: Value = rows[0].at(0).unwrap();
            let read = rows_read(&plan[0]["Plan"]);
            assert!(
                read <= most,
                "{about}: {read} rows, {most} expected\n{plan:#}"
            );
        }
    }
}

async fn check_all(store: &Store, types_in_queue: usize, about: &str) {
    let (dialect, now) = (store.dialect(), now());
    for types_known in [1, 2, 10] {
        for limited in [false, true] {
            let task_types = types(types_known, limited);
            let share = |most| {
                let candidate = |task_type| Candidate { task_type, most };
                task_types.iter().map(candidate).collect::<Vec<_>>()
            };
            let about = format!("{about}, {types_known} types, limited: {limited}");
            let most = types_known as u64 * ROOM;
            for statement in due::statements(dialect, &share(ROOM), now) {
                check(store, &statement, most + 1, &format!("{about}, due")).await;
            }
            let claimer = ClaimRequest {
                owner: Uuid::new_v4(),
                lease: TimeDelta::seconds(30),
                task_types: &task_types,
                global_concurrency: None,
                rotation: &Rotation::default(),
            };
            let each = ROOM / types_known as u64;
            for statement in claim::take_statements(dialect, &claimer, &share(each), now) {
                // Each row is read once by its turn, and once by its id for the update.
                check(store, &statement, 3 * ROOM, &format!("{about}, take")).await;
            }
        }
    }
    check(store, &claim::running_by_type(dialect), 0, "running").await;
    check(
        store,
        &turn::unplaced(dialect, now),
        turn::PLACED,
        "unplaced",
    )
    .await;
    check(
        store,
        &quota::count_pending(dialect, OWNER, QUOTA),
        QUOTA,
        "pending",
    )
    .await;
    if dialect == Dialect::Postgres {
        let turns = [(Uuid::from_u128(9), 5), (Uuid::from_u128(10), 6)];
        let statement = turn::set_turns_on_postgres(&turns);
        check(store, &statement, 4, &format!("{about}, set turns")).await;
    }
    for owner in [Some(OWNER), Some(Uuid::from_u128(8)), None] {
        let line = Line {
            owner,
            group: "probe".to_owned(),
            name: NAMES[types_in_queue - 1].to_owned(),
            priority: 0,
        };
        for statement in turn::ends(dialect, &[&line]) {
            check(store, &statement, 4, about).await;
        }
    }
}

/// Runs all checks, with and without paused types, before and after statistics are collected.
async fn check_states(store: &Store, types: usize, about: &str) {
    for analyzed in [false, true] {
        if analyzed {
            store.run_script("ANALYZE").await.unwrap();
        }
        let paused: [&[&str]; 3] = [&[], &["type0"], &["type0", "type1", "other"]];
        for paused in paused {
            pause(store, paused).await;
            let about = format!("{about}, analyzed: {analyzed}, {} paused", paused.len());
            check_all(store, types, &about).await;
        }
    }
}

async fn claims_read_a_bounded_number_of_rows(store: Store) {
    for types in [1, 2, 10] {
        store.run_script("DELETE FROM portal_tasks").await.unwrap();
        // The statistics of an empty table mislead the planner most.
        store.run_script("ANALYZE").await.unwrap();
        fill(&store, types, "COMPLETED", 2_000_000..2_005_000).await;
        fill(&store, types, "PENDING", 1..1_001).await;
        check_states(&store, types, &format!("1,000 rows of {types}")).await;
        fill(&store, types, "PENDING", 1_001..20_001).await;
        check_states(&store, types, &format!("20,000 rows of {types}")).await;
    }
    fill(&store, 10, "PENDING", 20_001..1_000_001).await;
    check_states(&store, 10, "1,000,000 rows of 10").await;
    // Test databases are not deleted, so empty this one.
    let empty = match store.dialect() {
        Dialect::Sqlite => "DELETE FROM portal_tasks; VACUUM",
        Dialect::Postgres => "TRUNCATE portal_tasks CASCADE",
    };
    store.run_script(empty).await.unwrap();
    store.close().await;
}
