//! The reference portal: `cargo run`, then open <http://127.0.0.1:8000>.

mod models;
mod pages;
mod tasks;

use std::process::ExitCode;
use std::time::Duration;

use portal_clerk::ClerkAuth;
use portal_core::TaskSettings;
use portal_core::prelude::*;

#[tokio::main]
async fn main() -> ExitCode {
    Portal::builder()
        .auth(ClerkAuth::new())
        .discover()
        .role(
            RoleDefinition::new("editor")
                .title("Editor")
                .permission("features:write"),
        )
        .home_path("/admin/overview")
        .profile_path("/admin/profile")
        .default_records(include_str!("defaults.yaml"))
        // Keep tasks as long as the longest time range on the overview page.
        .task_settings(TaskSettings::default().retention(Duration::from_hours(90 * 24)))
        .run()
        .await
}
