//! Helpers for the tests: portals, clients, databases and browsers.

mod chromium;
mod clerk;
mod cookie_client;
mod database;
mod demo_portal;
mod event_stream;
mod log;
mod process;
mod server;
pub(crate) mod shop;
mod socket;
mod tasks;
mod template;

pub(crate) use chromium::{Chromium, Loaded};
pub(crate) use clerk::ClerkPortal;
pub(crate) use cookie_client::{CookieClient, attributes, connect, form, raw, raw_without_host};
pub(crate) use database::Database;
pub(crate) use demo_portal::DemoPortal;
pub(crate) use event_stream::EventStream;
pub(crate) use log::Log;
pub(crate) use process::{ReferencePortal, command};
use server::http;
pub(crate) use server::{ADMIN, Client, PRODUCTION_HOST, TestResponse, TestServer};
pub(crate) use socket::Socket;
pub(crate) use tasks::{TaskClient, eventually};

/// Runs a test on both databases: `on_both!(name)` for an `async fn name(database: Database)`.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::support::Database::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name($crate::support::Database::Postgres).await;
            }
        }
    )+};
}
pub(crate) use on_both;
