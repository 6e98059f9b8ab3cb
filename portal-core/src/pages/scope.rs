//! Render scope: data of the current request that components read while they render.
//!
//! A task local, because components do not receive the request. Without a scope, as in unit tests
//! and background tasks, every value has a default.

use std::sync::Arc;

use super::zone::Zone;

tokio::task_local! {
    static CURRENT: RenderScope;
}

/// Data of one request for the components that render its response.
#[derive(Debug, Default)]
pub(crate) struct RenderScope {
    zone: Zone,
    base_path: Arc<str>,
}

impl RenderScope {
    pub(crate) fn new(zone: Zone, base_path: Arc<str>) -> Self {
        Self { zone, base_path }
    }

    /// Handles a request within this scope.
    pub(crate) async fn enter<F: Future>(self, handling: F) -> F::Output {
        CURRENT.scope(self, handling).await
    }

    /// Renders a response within this scope.
    pub(crate) fn enter_sync<T>(self, render: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, render)
    }
}

/// Returns the time zone of the visitor. Default: not known, which means UTC.
pub(crate) fn zone() -> Zone {
    CURRENT.try_with(|scope| scope.zone).unwrap_or_default()
}

/// Returns the prefix of every path of the portal: empty, or such as `/portal`. Default: empty.
pub(crate) fn base_path() -> Arc<str> {
    CURRENT
        .try_with(|scope| Arc::clone(&scope.base_path))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn base_path_is_that_of_the_scope() {
        assert_eq!(&*base_path(), "");
        let scope = || RenderScope::new(Zone::default(), "/portal".into());
        assert_eq!(&*scope().enter(async { base_path() }).await, "/portal");
        assert_eq!(&*scope().enter_sync(base_path), "/portal");
    }
}
