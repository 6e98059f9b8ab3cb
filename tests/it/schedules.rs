//! Schedules of real portals: two replicas on one PostgreSQL database, or one on SQLite.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use portal_clerk::ClerkAuth;
use portal_core::config::{Config, Settings};
use portal_core::prelude::*;
use portal_core::store::{Column, Row};
use portal_core::tasks::{TaskFilter, TaskStatus};
use portal_core::{Task, source};
use tempfile::TempDir;

use crate::support::{Database, eventually, on_both};

on_both!(
    each_time_starts_one_task_over_all_replicas,
    a_paused_schedule_rests_until_it_is_resumed,
);

// By hand and not by macro: what a macro has registered, every other test's portal would discover.

fn every_second() -> Task<NoArgs, u8> {
    Task::new(source!(every_second), "clock", "second", |_, _, _| {
        Box::pin(async { Ok(7) })
    })
    .schedule("* * * * * *")
    .time_zone("Europe/Berlin")
}

struct Replicas {
    portals: Vec<Portal>,
    _directory: TempDir,
}

impl Replicas {
    async fn start(database: Database) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let uri = database.create(&directory).await;
        let count = match database {
            Database::Sqlite => 1,
            Database::Postgres => 2,
        };
        let mut portals = Vec::new();
        for _ in 0..count {
            let settings =
                Settings::from_pairs([("APP_ENV", "DEV"), ("DB_LOCAL_URI", uri.as_str())]);
            let config = Config::from_settings(settings).expect("it is right");
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

    fn tasks(&self) -> &Tasks {
        self.portals[0]
            .state()
            .borrow::<Tasks>()
            .expect("a portal has tasks")
    }
}
