//! Maintenance: everybody but administrators is told to come later.

use std::sync::Arc;

use crate::auth::DeclaredRoute;
use crate::error::Error;

/// After how many seconds to come again.
const COME_AGAIN: u32 = 30;

/// What is answered while the portal is worked on, beside health, assets and the identity
/// provider's own: by these an administrator comes in.
const OPEN: [&str; 2] = ["/sign-in", "/sign-out"];

/// Whether the portal is being worked on, and what is open all the same.
#[derive(Debug, Clone)]
pub(super) struct Maintenance(Option<Arc<[Open]>>);

/// A path, or the beginning of paths.
#[derive(Debug, PartialEq, Eq)]
enum Open {
    Path(String),
    Below(String),
}

impl Maintenance {
    /// With the routes that stay open beside the portal's own.
    pub(super) fn new(on: bool, open: &[DeclaredRoute]) -> Self {
        let own = OPEN.iter().map(|path| Open::Path((*path).to_owned()));
        let open = open.iter().map(|route| match route.path.split_once('{') {
            Some((start, _)) => Open::Below(start.to_owned()),
            None => Open::Path(route.path.to_string()),
        });
        Self(on.then(|| own.chain(open).collect()))
    }

    /// Whether a path is for administrators only.
    pub(super) fn keeps_out(&self, path: &str) -> bool {
        self.0.as_ref().is_some_and(|open| {
            !open.iter().any(|open| match open {
                Open::Path(one) => one == path,
                Open::Below(start) => path.starts_with(start.as_str()),
            })
        })
    }

    /// What everybody else is told.
    pub(super) fn refusal() -> Error {
        Error::unavailable("the portal is down for maintenance")
            .with_code("maintenance")
            .retry_after(COME_AGAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Access, RouteKind};

    #[test]
    fn only_what_is_open_lets_everybody_in() {
        let route = |path| DeclaredRoute::new(RouteKind::Route, None, path, Access::Public);
        let open = [route("/healthz"), route("/_portal/assets/{file}")];
        let off = Maintenance::new(false, &open);
        assert!(!off.keeps_out("/admin/overview"));
        let on = Maintenance::new(true, &open);
        for path in ["/healthz", "/_portal/assets/portal.css", "/sign-in"] {
            assert!(!on.keeps_out(path), "{path}");
        }
        for path in ["/", "/sign-up", "/healthz/", "/api/auth/me", "/_portal"] {
            assert!(on.keeps_out(path), "{path}");
        }
    }
}
