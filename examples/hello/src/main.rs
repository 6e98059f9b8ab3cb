//! The smallest portal: `cargo run -p hello`.

use std::process::ExitCode;

use portal_clerk::ClerkAuth;
use portal_core::prelude::*;

/// Home
#[page("/", nav(icon = "house", order = 1))]
async fn home() -> Markup {
    html! { h1 { "Hello" } }
}

/// Your profile
#[page("/profile", requires_auth, nav(icon = "user", order = 2))]
async fn profile(user: CurrentUser) -> Markup {
    html! { p { "Signed in as " (user.email()) } }
}

fn portal() -> PortalBuilder {
    Portal::builder().auth(ClerkAuth::new()).discover()
}

#[tokio::main]
async fn main() -> ExitCode {
    portal().run().await
}

#[cfg(test)]
mod tests;
