//! A portal nested in an axum app: `cargo run -p plain-axum`, then open <http://127.0.0.1:8000/portal>.

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use portal_clerk::ClerkAuth;
use portal_core::prelude::{Markup, Portal, html, page};

/// Home
#[page("/", nav(icon = "house"))]
async fn home() -> Markup {
    html! { h1 { "A portal within an app" } }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let portal = Portal::builder()
        .base_path("/portal")
        .auth(ClerkAuth::new())
        .page(home)
        .build()
        .await?;
    portal_core::telemetry::init(portal.config());

    let app: Router = Router::new()
        .route(
            "/",
            get(|| async { "This page belongs to the app. The portal is at /portal" }),
        )
        .nest("/portal", portal.router());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    // This provides the client's IP address, which the portal needs for rate limiting.
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(interrupted())
        .await?;
    portal.shutdown().await;
    Ok(())
}

async fn interrupted() {
    // If the signal handler cannot be installed, the app shuts down immediately, which is
    // acceptable here.
    let _ = tokio::signal::ctrl_c().await;
}
