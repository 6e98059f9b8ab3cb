//! The process of one replica.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use portal_clerk::ClerkAuth;
use portal_core::config::Settings as PortalSettings;
use portal_core::{AuthProvider, Config, Portal, TaskSettings};
use portal_testkit::worker;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::net::TcpListener;

use super::workloads::{self, Ledger};

/// Line that a replica prints when it is ready.
pub(super) const READY: &str = "ready";

/// Options for a replica.
#[derive(Args)]
pub(crate) struct Settings {
    /// Port to listen on
    #[arg(long)]
    port: u16,
    /// URI of the database shared by all replicas
    #[arg(long)]
    database: String,
    /// Milliseconds without a heartbeat after which other replicas claim this replica's tasks
    #[arg(long)]
    lease: u64,
    /// Number of threads
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
}

/// Serves until SIGTERM is received or the parent exits, which closes standard input.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    worker::exit_with_parent();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
    let auth = ClerkAuth::new();
    let port = settings.port.to_string();
    let log = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
    let pairs = [
        ("APP_ENV", "DEV"),
        ("HOST", "127.0.0.1"),
        ("PORT", port.as_str()),
        ("DB_LOCAL_URI", settings.database.as_str()),
        ("RATE_LIMITS", "off"),
        ("RUST_LOG", log.as_str()),
    ];
    let config = PortalSettings::from_pairs_with(AuthProvider::settings(&auth), pairs);
    let config = Config::from_settings(config)?;
    portal_core::telemetry::init(&config);
    let ledger = PgConnectOptions::application_name(settings.database.parse()?, "ledger");
    let ledger = PgPoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(2))
        .connect_lazy_with(ledger);
    let tasks = TaskSettings::default().lease(Duration::from_millis(settings.lease));
    let builder = Portal::builder()
        .config(config)
        .auth(auth)
        .task_settings(tasks);
    let portal = workloads::add_to(builder, Ledger(ledger)).build().await?;
    println!("{READY}");
    std::io::stdout().flush()?;
    Ok(portal.serve_on(listener).await?)
}
