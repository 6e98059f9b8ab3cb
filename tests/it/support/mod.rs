//! Helpers for the tests: portals, clients, databases and browsers.

mod chromium;
mod clerk;
mod database;
mod events;
mod log;
mod process;
mod server;
mod showcase;
mod socket;
mod tasks;
mod wire;

pub(crate) use chromium::{Chromium, Loaded};
pub(crate) use clerk::ClerkPortal;
pub(crate) use database::Database;
pub(crate) use events::EventStream;
pub(crate) use log::Log;
pub(crate) use process::{ReferencePortal, command};
pub(crate) use server::{ADMIN, Answer, Client, PRODUCTION_HOST, TestServer};
pub(crate) use showcase::Showcase;
pub(crate) use socket::Socket;
pub(crate) use tasks::{TaskClient, eventually};
pub(crate) use wire::{Browser, attributes, connect, form, raw, raw_without_host};

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
