//! Integration tests: a real portal on a real database, over real sockets.
//!
//! Run them with `cargo xtask test`, which starts PostgreSQL and a browser driver.

mod app;
mod browser;
mod crash;
mod monitor;
mod seed_clients;
mod smoke;
mod support;
mod task_access;
mod task_queue;
mod tasks;
