//! Integration tests: a real portal on a real database, over real sockets.
//!
//! Run them with `cargo xtask test`, which starts PostgreSQL and a browser driver.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers outside of test functions fail their test as well"
)]

mod app;
mod auth;
mod build_errors;
mod embed_in_axum;
mod pages;
mod security;
mod sign_in;
mod smoke;
mod startup;
mod support;
mod users;
