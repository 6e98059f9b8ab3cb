//! A small sales application: `cargo run -p crm`, then open <http://127.0.0.1:8000>.

mod actions;
mod demo;
mod links;
mod models;
mod pages;
mod queries;
mod tasks;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use portal_clerk::ClerkAuth;
use portal_core::prelude::*;
use portal_core::store::now;

/// Returns the rule for everything in the application: the role `sales`, and administrators.
fn sales() -> Access {
    Access::role("sales")
}

fn portal() -> PortalBuilder {
    Portal::builder()
        .auth(ClerkAuth::new())
        .role(RoleDefinition::new("sales").title("Sales"))
        .discover()
        .nav(links::add_to)
        // Remove this line and `demo.rs` to start with an empty database.
        .default_records(demo::rows(now().date_naive()))
}

#[tokio::main]
async fn main() -> ExitCode {
    portal().run().await
}
