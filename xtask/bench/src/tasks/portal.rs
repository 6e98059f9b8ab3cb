//! Portals in this process, for measurements without HTTP.

use anyhow::Result;
use portal_clerk::ClerkAuth;
use portal_core::config::Settings;
use portal_core::{AuthProvider, Config, Portal, PortalBuilder, TaskSettings};

use super::workloads::{self, Ran};

/// Builds a portal that runs `concurrency` tasks concurrently.
pub(super) async fn build(database: &str, concurrency: usize, ran: Ran) -> Result<Portal> {
    let portal = workloads::add_to(builder(database)?, ran);
    Ok(with_concurrency(portal, concurrency).build().await?)
}

/// Builds a portal with ten task types that do nothing.
pub(super) async fn build_with_noops(
    database: &str,
    concurrency: usize,
    ran: Ran,
) -> Result<Portal> {
    let portal = workloads::add_noops(workloads::add_to(builder(database)?, ran));
    Ok(with_concurrency(portal, concurrency).build().await?)
}

/// Creates the tables, and the development identity provider's keys.
pub(super) async fn migrate(database: &str) -> Result<()> {
    let portal = builder(database)?.build().await?;
    portal.shutdown().await;
    portal.store().close().await;
    Ok(())
}

/// Returns a builder for a portal without tasks.
pub(super) fn builder(database: &str) -> Result<PortalBuilder> {
    let auth = ClerkAuth::new();
    let pairs = [
        ("APP_ENV", "DEV"),
        ("DB_LOCAL_URI", database),
        ("RATE_LIMITS", "off"),
    ];
    let settings = Settings::from_pairs_with(AuthProvider::settings(&auth), pairs);
    Ok(Portal::builder()
        .config(Config::from_settings(settings)?)
        .auth(auth))
}

/// Sets the maximum number of concurrent tasks; with 0, the portal only enqueues and shows tasks.
pub(super) fn with_concurrency(portal: PortalBuilder, concurrency: usize) -> PortalBuilder {
    let settings = TaskSettings::default().concurrency(concurrency);
    // A single user enqueues all measured tasks.
    let unbounded = settings
        .max_pending_per_owner(u64::MAX)
        .max_stored_bytes_per_owner(u64::MAX);
    portal.task_settings(unbounded)
}
