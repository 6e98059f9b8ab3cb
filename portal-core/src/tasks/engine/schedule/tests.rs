//! Guarantees of schedules: each time fires once, and only the latest missed time fires afterwards.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use sea_query::{Expr, ExprTrait, Order, Query};

use super::scheduler::changed;
use super::table::{self, FireOutcome, StoredSchedule};
use super::{Scheduler, scheduled};
use crate::source;
use crate::store::{ClusterEvent, Store};
use crate::tasks::definition::args::NoArgs;
use crate::tasks::definition::registry::TaskRegistry;
use crate::tasks::definition::task::Task;
use crate::tasks::engine::queue;
use crate::tasks::service::Tasks;
use crate::tasks::settings::TaskSettings;
use crate::tasks::table_columns::TABLE;

async fn store() -> Store {
    let store = Store::connect("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    store
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn task(name: &'static str) -> Task<NoArgs, u8> {
    Task::new(source!(task), "probe", name, |_, _, _| {
        Box::pin(async { Ok(0) })
    })
}

fn registry(tasks: impl IntoIterator<Item = Task<NoArgs, u8>>) -> TaskRegistry {
    let mut registry = TaskRegistry::default();
    for task in tasks {
        registry.insert(task.into_definition()).unwrap();
    }
    registry
}

fn tasks(store: &Store, task_types: impl IntoIterator<Item = Task<NoArgs, u8>>) -> Tasks {
    Tasks::new(store.clone(), registry(task_types), TaskSettings::default())
}

/// Returns the scheduler of a replica with one task.
fn replica(store: &Store, cron: &'static str) -> Scheduler {
    let task = task("nightly").schedule(cron).title("Nightly");
    Scheduler::new(tasks(store, [task]))
}

async fn row(store: &Store) -> StoredSchedule {
    let mut rows = table::all(store).await.unwrap();
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// Returns the scheduled times of the stored tasks, in order.
async fn fired(store: &Store) -> Vec<DateTime<Utc>> {
    let select = Query::select()
        .columns(["scheduled_for", "run_at", "schedule"])
        .from(TABLE)
        .order_by("id", Order::Asc)
        .take();
    let rows = store.fetch_all(&select).await.unwrap();
    rows.iter()
        .map(|row| {
            let time = row.get("scheduled_for").unwrap();
            assert_eq!(row.get::<DateTime<Utc>>("run_at").unwrap(), time);
            assert_eq!(row.get::<String>("schedule").unwrap(), "probe/nightly");
            time
        })
        .collect()
}

#[tokio::test]
async fn new_schedule_starts_at_its_registration() {
    let store = store().await;
    let replica = replica(&store, "0 3 * * *");
    replica.register(at("2026-03-10T12:00:00Z")).await.unwrap();
    let next = replica.pass(at("2026-03-10T12:00:00Z")).await.unwrap();
    assert_eq!(next, Some(at("2026-03-11T03:00:00Z")));
    assert!(fired(&store).await.is_empty());
    let next = replica.pass(at("2026-03-11T03:00:00Z")).await.unwrap();
    assert_eq!(next, Some(at("2026-03-12T03:00:00Z")));
    assert_eq!(fired(&store).await, [at("2026-03-11T03:00:00Z")]);
    // A second registration changes nothing.
    replica.register(at("2026-03-12T12:00:00Z")).await.unwrap();
    let row = row(&store).await;
    assert_eq!(row.last_fired_for, at("2026-03-11T03:00:00Z"));
    let task = queue::get(&store, row.last_task_id.unwrap()).await.unwrap();
    let task = task.unwrap();
    assert_eq!(
        (task.group.as_str(), task.name.as_str()),
        ("probe", "nightly")
    );
    let args = queue::args(&store, task.id).await.unwrap();
    assert_eq!(args, Some(serde_json::json!({})));
    assert_eq!((task.client_token_id, task.owner_user_id), (None, None));
}

#[tokio::test]
async fn each_time_fires_once_across_all_replicas() {
    let store = store().await;
    let (one, other) = (replica(&store, "0 * * * *"), replica(&store, "0 * * * *"));
    for replica in [&one, &other] {
        replica.register(at("2026-03-10T12:30:00Z")).await.unwrap();
    }
    for now in [
        "2026-03-10T13:00:00Z",
        "2026-03-10T13:00:10Z",
        "2026-03-10T14:00:00Z",
    ] {
        for replica in [&one, &other] {
            replica.pass(at(now)).await.unwrap();
        }
    }
    let expected = [at("2026-03-10T13:00:00Z"), at("2026-03-10T14:00:00Z")];
    assert_eq!(fired(&store).await, expected);
}

#[tokio::test]
async fn fired_schedule_wakes_the_workers() {
    let store = store().await;
    let replica = replica(&store, "0 * * * *");
    replica.register(at("2026-03-10T12:30:00Z")).await.unwrap();
    let shared = &replica.tasks.0;
    replica.pass(at("2026-03-10T12:45:00Z")).await.unwrap();
    assert!(shared.engine.wake.notified().now_or_never().is_none());
    replica.pass(at("2026-03-10T13:00:00Z")).await.unwrap();
    assert!(shared.engine.wake.notified().now_or_never().is_some());
    assert!(shared.engine.ready.notified().now_or_never().is_some());
}

#[tokio::test]
async fn schedulers_are_notified_of_pauses_and_resumptions() {
    let store = store().await;
    let replica = replica(&store, "0 * * * *");
    replica.register(at("2026-03-10T12:30:00Z")).await.unwrap();
    let mut events = store.subscribe();
    store.publish(ClusterEvent::TasksReady).await;
    assert!(changed(&mut events).now_or_never().is_none());
    let tasks = &replica.tasks;
    tasks.pause_schedule("probe", "nightly").await.unwrap();
    assert!(changed(&mut events).now_or_never().is_some());
    tasks.resume_schedule("probe", "nightly").await.unwrap();
    assert!(changed(&mut events).now_or_never().is_some());
}

#[tokio::test]
async fn second_replica_starts_nothing_for_the_same_time() {
    let store = store().await;
    let replica = replica(&store, "0 * * * *");
    replica.register(at("2026-03-10T12:30:00Z")).await.unwrap();
    let scheduled = &replica.scheduled[0];
    let fire = async |time| table::fire(&store, scheduled, at(time)).await.unwrap();
    assert!(matches!(
        fire("2026-03-10T14:00:00Z").await,
        FireOutcome::Started(_)
    ));
    // Another replica fires for the same time or lags behind; both read the row before the first
    // write.
    for time in ["2026-03-10T14:00:00Z", "2026-03-10T13:00:00Z"] {
        assert_eq!(fire(time).await, FireOutcome::Skipped);
    }
    assert!(pause(&store, &scheduled.name).await);
    assert_eq!(fire("2026-03-10T15:00:00Z").await, FireOutcome::Skipped);
    assert_eq!(fired(&store).await, [at("2026-03-10T14:00:00Z")]);
    assert_eq!(row(&store).await.last_fired_for, at("2026-03-10T14:00:00Z"));
}

#[tokio::test]
async fn time_with_an_existing_task_fires_without_a_second_one() {
    let store = store().await;
    let replica = replica(&store, "0 * * * *");
    replica.register(at("2026-03-10T12:30:00Z")).await.unwrap();
    replica.pass(at("2026-03-10T13:00:00Z")).await.unwrap();
    let first = row(&store).await;
    // This simulates restoring only this table from a backup.
    let back = Query::update()
        .table("portal_task_schedules")
        .value("last_fired_for", at("2026-03-10T12:30:00Z"))
        .take();
    store.execute(&back).await.unwrap();
    replica.pass(at("2026-03-10T13:00:01Z")).await.unwrap();
    assert_eq!(row(&store).await, first);
    assert_eq!(fired(&store).await, [at("2026-03-10T13:00:00Z")]);
}

#[tokio::test]
async fn unique_task_is_not_started_while_another_is_active() {
    let store = store().await;
    let task = task("nightly").schedule("0 * * * *").unique().retries(2);
    let replica = Scheduler::new(tasks(&store, [task]));
    replica.register(at("2026-03-10T12:30:00Z")).await.unwrap();
    replica.pass(at("2026-03-10T13:00:00Z")).await.unwrap();
    let mut events = store.subscribe();
    replica.pass(at("2026-03-10T14:00:00Z")).await.unwrap();
    assert_eq!(fired(&store).await, [at("2026-03-10T13:00:00Z")]);
    // Because there is no new task, the next time is announced separately.
    assert!(changed(&mut events).now_or_never().is_some());
    let row = row(&store).await;
    assert_eq!(row.last_fired_for, at("2026-03-10T14:00:00Z"));
    let task = queue::get(&store, row.last_task_id.unwrap()).await.unwrap();
    assert_eq!(task.unwrap().max_attempts, 3);
}

#[tokio::test]
async fn only_the_latest_missed_time_fires_after_downtime() {
    let store = store().await;
    replica(&store, "0 * * * *")
        .register(at("2026-03-10T12:30:00Z"))
        .await
        .unwrap();
    let again = replica(&store, "0 * * * *");
    again.register(at("2026-03-13T09:20:00Z")).await.unwrap();
    for now in [
        "2026-03-13T09:20:00Z",
        "2026-03-13T09:20:01Z",
        "2026-03-13T10:00:00Z",
    ] {
        again.pass(at(now)).await.unwrap();
    }
    let expected = [at("2026-03-13T09:00:00Z"), at("2026-03-13T10:00:00Z")];
    assert_eq!(fired(&store).await, expected);
}

#[tokio::test]
async fn times_missed_while_paused_do_not_fire() {
    let store = store().await;
    let replica = replica(&store, "0 * * * *");
    replica.register(at("2026-03-10T12:30:00Z")).await.unwrap();
    assert!(pause(&store, "probe/nightly").await);
    let next = replica.pass(at("2026-03-10T15:10:00Z")).await.unwrap();
    assert_eq!(next, None);
    let resumed = resume(&store, at("2026-03-10T15:20:00Z"));
    assert!(resumed.await.unwrap());
    replica.pass(at("2026-03-10T15:20:00Z")).await.unwrap();
    assert!(fired(&store).await.is_empty());
    // Resuming a schedule that is not paused does not skip any time.
    let resumed = resume(&store, at("2026-03-10T16:00:01Z"));
    assert!(resumed.await.unwrap());
    replica.pass(at("2026-03-10T16:00:02Z")).await.unwrap();
    assert_eq!(fired(&store).await, [at("2026-03-10T16:00:00Z")]);
}

#[tokio::test]
async fn changed_schedule_does_not_fire_for_past_times() {
    let store = store().await;
    let old = replica(&store, "0 3 * * *");
    old.register(at("2026-03-10T12:00:00Z")).await.unwrap();
    old.pass(at("2026-03-11T03:00:00Z")).await.unwrap();

    let new = replica(&store, "0 5 * * *");
    new.register(at("2026-03-11T09:00:00Z")).await.unwrap();
    let stored = row(&store).await;
    assert_eq!(
        (stored.cron.as_str(), stored.time_zone.as_str()),
        ("0 5 * * *", "UTC")
    );
    new.pass(at("2026-03-11T09:00:00Z")).await.unwrap();
    assert_eq!(fired(&store).await, [at("2026-03-11T03:00:00Z")]);
    new.pass(at("2026-03-12T05:00:00Z")).await.unwrap();

    // A clock that is behind must not move `last_fired_for` back.
    let newest = replica(&store, "0 4 * * *");
    newest.register(at("2026-03-12T01:00:00Z")).await.unwrap();
    assert_eq!(row(&store).await.last_fired_for, at("2026-03-12T05:00:00Z"));
    newest.pass(at("2026-03-12T04:00:00Z")).await.unwrap();
    let expected = [at("2026-03-11T03:00:00Z"), at("2026-03-12T05:00:00Z")];
    assert_eq!(fired(&store).await, expected);
}

#[tokio::test]
async fn two_versions_side_by_side_fire_each_time_once() {
    let store = store().await;
    let (old, new) = (
        replica(&store, "0 * * * *"),
        replica(&store, "0,30 * * * *"),
    );
    old.register(at("2026-03-10T12:10:00Z")).await.unwrap();
    new.register(at("2026-03-10T12:10:00Z")).await.unwrap();
    for now in [
        "2026-03-10T12:30:00Z",
        "2026-03-10T13:00:00Z",
        "2026-03-10T13:30:00Z",
    ] {
        for replica in [&old, &new] {
            replica.pass(at(now)).await.unwrap();
        }
    }
    let expected = [
        "2026-03-10T12:30:00Z",
        "2026-03-10T13:00:00Z",
        "2026-03-10T13:30:00Z",
    ];
    assert_eq!(fired(&store).await, expected.map(at));
    // The table shows whichever version fired last.
    assert_eq!(row(&store).await.cron, "0,30 * * * *");
}

#[tokio::test]
async fn schedule_removed_from_the_code_stays_and_does_not_fire() {
    let store = store().await;
    replica(&store, "0 3 * * *")
        .register(at("2026-03-10T12:00:00Z"))
        .await
        .unwrap();
    let tasks = tasks(&store, [task("nightly")]);
    let without = Scheduler::new(tasks.clone());
    without.register(at("2026-03-12T12:00:00Z")).await.unwrap();
    without.pass(at("2026-03-12T12:00:00Z")).await.unwrap();
    assert!(fired(&store).await.is_empty());
    let records = tasks.schedules().await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!((&*records[0].title, records[0].next_at), ("nightly", None));
}

#[tokio::test]
async fn deleted_row_is_recreated() {
    let store = store().await;
    let replica = replica(&store, "0 3 * * *");
    replica.register(at("2026-03-10T12:00:00Z")).await.unwrap();
    let delete = Query::delete()
        .from_table("portal_task_schedules")
        .and_where(Expr::col("name").eq("probe/nightly"))
        .take();
    store.execute(&delete).await.unwrap();
    replica.pass(at("2026-03-12T12:00:00Z")).await.unwrap();
    assert!(fired(&store).await.is_empty());
    assert_eq!(row(&store).await.last_fired_for, at("2026-03-12T12:00:00Z"));
}

#[tokio::test]
async fn schedules_are_listed_paused_and_resumed() {
    let store = store().await;
    let replica = replica(&store, "0 3 * * *");
    replica.register(crate::store::now()).await.unwrap();
    let tasks = &replica.tasks;
    let record = tasks.schedules().await.unwrap().remove(0);
    assert_eq!(
        (record.group.as_str(), record.name.as_str()),
        ("probe", "nightly")
    );
    assert_eq!(&*record.title, "Nightly");
    assert_eq!(record.last_task_id, None);
    let next = scheduled(&tasks.0.registry).next().unwrap().schedule;
    assert_eq!(record.next_at, next.next_after(record.last_fired_for));

    tasks.pause_schedule("probe", "nightly").await.unwrap();
    let paused = tasks.schedules().await.unwrap().remove(0);
    assert_eq!((paused.paused, paused.next_at), (true, None));
    tasks.resume_schedule("probe", "nightly").await.unwrap();
    let resumed = tasks.schedules().await.unwrap().remove(0);
    assert!(!resumed.paused && resumed.last_fired_for > record.last_fired_for);

    for unknown in [
        tasks.pause_schedule("probe", "other").await,
        tasks.resume_schedule("probe", "other").await,
    ] {
        assert_eq!(unknown.unwrap_err().code(), "schedule_unknown");
    }
}

async fn pause(store: &Store, name: &str) -> bool {
    let mut transaction = store.begin().await.unwrap();
    let found = table::pause(&mut transaction, name).await.unwrap();
    transaction.commit().await.unwrap();
    found
}

async fn resume(store: &Store, now: DateTime<Utc>) -> Result<bool, crate::store::StoreError> {
    let mut transaction = store.begin().await?;
    let found = table::resume(&mut transaction, "probe/nightly", now).await?;
    transaction.commit().await?;
    Ok(found)
}
