//! Schedules in real portals: two replicas on one PostgreSQL database, or one on SQLite.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use portal_clerk::ClerkAuth;
use portal_core::config::{Config, Settings};
use portal_core::prelude::*;
use portal_core::tasks::{ScheduleRecord, TaskFilter};
use portal_core::{Task, source};
use reqwest::Method;
use sea_query::{Expr, ExprTrait, Order, Query};
use tempfile::TempDir;
use uuid::Uuid;

use crate::app;
use crate::live_stream::Tab;
use crate::support::{CookieClient, Database, TestResponse, TestServer, eventually, on_both};

on_both!(
    each_scheduled_time_starts_one_task_across_replicas,
    paused_schedule_does_not_fire_until_resumed,
    administrator_sees_and_pauses_a_schedule,
    open_schedules_page_updates_when_one_is_paused,
);

// Tasks are built by hand, because the portals in all other tests would discover a task that a
// macro registers.

fn every_second() -> Task<NoArgs, u8> {
    Task::new(source!(every_second), "clock", "second", |_, _, _| {
        Box::pin(async { Ok(7) })
    })
    .schedule("* * * * * *")
    .time_zone("Europe/Berlin")
}

/// Fires so rarely that only a pause or resume changes the page.
fn seldom() -> Task<NoArgs, u8> {
    every_second().schedule("0 0 29 2 *")
}

struct Replicas {
    portals: Vec<Portal>,
    _directory: TempDir,
}

impl Replicas {
    async fn start(database: Database) -> Self {
        let directory = tempfile::tempdir().expect("the directory can be created");
        let uri = database.create(&directory).await;
        let count = match database {
            Database::Sqlite => 1,
            Database::Postgres => 2,
        };
        let mut portals = Vec::new();
        for _ in 0..count {
            let settings =
                Settings::from_pairs([("APP_ENV", "DEV"), ("DB_LOCAL_URI", uri.as_str())]);
            let config = Config::from_settings(settings).expect("the configuration is valid");
            let builder = Portal::builder().config(config).auth(ClerkAuth::new());
            portals.push(
                builder
                    .task(every_second)
                    .build()
                    .await
                    .expect("the portal starts"),
            );
        }
        Self {
            portals,
            _directory: directory,
        }
    }

    fn tasks(&self) -> Arc<Tasks> {
        let tasks = self.portals[0].state().get::<Tasks>();
        tasks.expect("the service exists")
    }

    async fn schedule(&self) -> ScheduleRecord {
        let mut schedules = self
            .tasks()
            .schedules()
            .await
            .expect("the database responds");
        assert_eq!(schedules.len(), 1);
        schedules.remove(0)
    }

    /// Returns the ids of the completed tasks, with the scheduled time of each.
    async fn completed(&self) -> Vec<(Uuid, DateTime<Utc>)> {
        let select = Query::select()
            .columns(["id", "scheduled_for"])
            .from("portal_tasks")
            .and_where(Expr::col("schedule").eq("clock/second"))
            .and_where(Expr::col("status").eq("COMPLETED"))
            .order_by("scheduled_for", Order::Asc)
            .take();
        let rows = self.portals[0].store().fetch_all(&select).await;
        let rows = rows.expect("the table can be read");
        rows.iter()
            .map(|row| {
                let id = row.get("id").expect("row has an id");
                (id, row.get("scheduled_for").expect("value is a time"))
            })
            .collect()
    }

    /// Waits until `count` tasks scheduled after an instant have completed.
    async fn until_fired(&self, count: usize, after: DateTime<Utc>) {
        eventually(&format!("{count} scheduled times have fired"), async || {
            let completed = self.completed().await;
            let fired = completed.iter().filter(|(_, time)| *time > after);
            (fired.count() >= count).then_some(())
        })
        .await;
    }

    async fn stop(&self) {
        for portal in &self.portals {
            portal.shutdown().await;
        }
    }
}

async fn each_scheduled_time_starts_one_task_across_replicas(database: Database) {
    let replicas = Replicas::start(database).await;
    let begin = replicas.schedule().await.last_fired_for;
    replicas.until_fired(6, begin).await;
    replicas.stop().await;

    let tasks = replicas.tasks().list(&TaskFilter::default()).await;
    let completed = replicas.completed().await;
    assert_eq!(
        tasks.expect("the tasks can be listed").len(),
        completed.len()
    );
    let times: BTreeSet<_> = completed.iter().map(|(_, time)| *time).collect();
    assert_eq!(times.len(), completed.len(), "{completed:?}");
    let schedule = replicas.schedule().await;
    let newest = completed.last().copied();
    assert_eq!(
        newest,
        schedule.last_task_id.zip(Some(schedule.last_fired_for))
    );
    assert_eq!(
        (schedule.group.as_str(), schedule.name.as_str()),
        ("clock", "second")
    );
    assert_eq!(schedule.time_zone, "Europe/Berlin");
}

async fn paused_schedule_does_not_fire_until_resumed(database: Database) {
    let replicas = Replicas::start(database).await;
    let begin = replicas.schedule().await.last_fired_for;
    replicas.until_fired(1, begin).await;

    let tasks = replicas.tasks();
    let paused = tasks.pause_schedule("clock", "second").await;
    paused.expect("schedule exists");
    let at_pause = replicas.schedule().await;
    assert!(at_pause.paused);
    // Wait until two scheduled times have passed.
    tokio::time::sleep(Duration::from_millis(2200)).await;
    assert_eq!(replicas.schedule().await, at_pause);

    let before = Utc::now();
    let resumed = tasks.resume_schedule("clock", "second").await;
    resumed.expect("schedule exists");
    replicas.until_fired(2, before).await;
    replicas.stop().await;
    let missed: Vec<_> = replicas
        .completed()
        .await
        .into_iter()
        .filter(|(_, time)| (at_pause.last_fired_for < *time) && (*time <= before))
        .collect();
    assert_eq!(missed, []);
}

async fn administrator_sees_and_pauses_a_schedule(database: Database) {
    let server = TestServer::start_with(database, &[], |portal| {
        app::build(portal).task(every_second)
    })
    .await;
    let mut admin = CookieClient::of(&server.url, &server.admin().await);
    let page = admin.page("/admin/tasks/schedules").await.text;
    for part in [
        "* * * * * *",
        "Every second",
        "Europe/Berlin",
        "clock/second",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let schedule = [("state", "clock"), ("task", "second")];
    let tasks = server.state.get::<Tasks>().expect("the service exists");
    for (verb, paused) in [("pause-schedule", true), ("resume-schedule", false)] {
        let response = admin
            .submit(&format!("/admin/tasks/kinds/{verb}"), &schedule)
            .await;
        assert_eq!(response.status, 303, "{}", response.text);
        let schedules = tasks.schedules().await.expect("the database responds");
        assert_eq!(schedules[0].paused, paused);
    }
    let audit = server.admin().await.get("/api/admin/audit").await.json();
    assert_eq!(audit["items"][0]["action"], "tasks.resume_schedule");
    let unknown = [("state", "clock"), ("task", "nothing")];
    let response = admin
        .submit("/admin/tasks/kinds/pause-schedule", &unknown)
        .await;
    assert_eq!(response.status, 404);
}

async fn open_schedules_page_updates_when_one_is_paused(database: Database) {
    let server =
        TestServer::start_with(database, &[], |portal| app::build(portal).task(seldom)).await;
    let admin = server.admin().await;
    let region = async || {
        let request = admin.request(Method::GET, "/admin/tasks/schedules");
        TestResponse::of(request.header("x-portal-region", "task-schedules"))
            .await
            .text
    };
    assert!(!region().await.contains("Paused"));
    let mut tab = Tab::open(&admin, "tasks").await;
    let tasks = server.state.get::<Tasks>().expect("the service exists");
    let paused = tasks.pause_schedule("clock", "second").await;
    paused.expect("schedule exists");
    assert_eq!(tab.changed().await, ["tasks"]);
    let shown = region().await;
    assert!(
        shown.starts_with("<pt-live id=\"task-schedules\"") && shown.contains("Paused"),
        "{shown}"
    );
    let resumed = tasks.resume_schedule("clock", "second").await;
    resumed.expect("schedule exists");
    assert_eq!(tab.changed().await, ["tasks"]);
    assert!(!region().await.contains("Paused"));
}
