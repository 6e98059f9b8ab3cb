//! The reference portal: `cargo run`, then open <http://127.0.0.1:8000>.

mod models;
mod pages;
mod tasks;

use std::process::ExitCode;

use portal_clerk::ClerkAuth;
use portal_core::prelude::*;

#[tokio::main]
async fn main() -> ExitCode {
    Portal::builder()
        .auth(ClerkAuth::new())
        .discover()
        .defaults(include_str!("defaults.yaml"))
        .run()
        .await
}
