//! Lists of admin models: filters, selected rows, cursors, totals, saved views and exports.

mod cursors;
mod exports;
mod filters;
mod selection;
mod views;

use chrono::NaiveDate;
use portal_core::prelude::*;

use crate::support::{Client, Database, TestServer};

/// Result of a measurement
#[derive(Debug, Clone, Copy, PartialEq, Eq, AdminChoice)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    #[admin(label = "To be repeated")]
    Repeat,
}

/// Values that a station measured
#[admin_model(
    list(station, outcome, level, value, taken_on),
    search(station),
    order_by = station,
    nav(group = "Laboratory", icon = "activity")
)]
pub(crate) struct Measurement {
    id: i64,
    station: String,
    #[admin(default = "passed")]
    outcome: Outcome,
    #[admin(index)]
    level: i64,
    value: Option<i64>,
    taken_on: Option<NaiveDate>,
    note: Option<String>,
}

const API: &str = "/api/admin/models/measurement";
const PAGE: &str = "/admin/settings/measurement";

/// Returns the server with rows 1 to `count`, whose level is their number, and an administrator.
async fn with_measurements(database: Database, count: u32) -> (TestServer, Client) {
    let server = TestServer::start(database).await;
    if count == 0 {
        let admin = server.admin().await;
        return (server, admin);
    }
    let fill = format!(
        "INSERT INTO measurement (station, level) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         SELECT 'S' || i, i FROM n"
    );
    assert_eq!(server.sql(fill).await, u64::from(count));
    let admin = server.admin().await;
    (server, admin)
}

/// Returns the number of rows.
async fn total(client: &Client) -> u64 {
    let list = client.get(API).await.json();
    list["total"].as_u64().expect("the total is a number")
}
