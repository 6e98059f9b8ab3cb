//! What the tests stand on.

mod database;
mod process;
mod server;
mod wire;

pub(crate) use database::Database;
pub(crate) use process::{ReferencePortal, command};
pub(crate) use server::{ADMIN, Answer, Client, TestServer};
pub(crate) use wire::{Browser, attributes, form, raw};

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
