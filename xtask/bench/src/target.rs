//! Targets for the request benchmark.
//!
//! To add a target, write a function such as [`plain_axum`] and list it in [`SUBJECTS`].

use std::pin::Pin;

use anyhow::{Context as _, Result};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use portal_clerk::ClerkAuth;
use portal_core::config::Settings;
use portal_core::{AuthProvider, Config, CurrentUser, Portal, PortalState};
use serde::{Deserialize, Serialize};

use crate::pages;

/// Path of the measured handler.
pub(crate) const PATH: &str = "/api/bench";

/// All targets. The first is the baseline for the others.
pub(crate) const SUBJECTS: &[Target] = &[
    Target {
        name: "plain-axum",
        about: "a plain axum handler",
        start: |_| Box::pin(plain_axum(Caller::Nobody)),
    },
    Target {
        name: "plain-axum-token",
        about: "the same, with request headers as large as a session's",
        start: |_| Box::pin(plain_axum(Caller::LookAlike)),
    },
    Target {
        name: "portal",
        about: "the same handler in a portal",
        start: |setting| Box::pin(portal(setting, get(respond), Caller::Nobody)),
    },
    Target {
        name: "session",
        about: "the same, for a signed-in user",
        start: |setting| Box::pin(portal(setting, get(respond_to_user), Caller::Session)),
    },
    Target {
        name: "sessions",
        about: "the same, for a thousand users in turn",
        start: |setting| Box::pin(portal(setting, get(respond_to_user), Caller::Sessions)),
    },
];

/// A server to benchmark.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) start: fn(Setting) -> Starting,
}

/// Future that starts a target's server.
pub(crate) type Starting = Pin<Box<dyn Future<Output = Result<Served>> + Send>>;

/// Environment for starting a target.
pub(crate) struct Setting {
    /// URI of a database used only by the target.
    pub(crate) database: String,
}

/// A started target: its router, and how to send requests to it.
pub(crate) struct Served {
    pub(crate) router: Router,
    /// Path to request.
    pub(crate) path: &'static str,
    pub(crate) caller: Caller,
}

/// Sender of the requests.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Caller {
    Nobody,
    /// An anonymous caller with an ignored header that is as long as a signed-in user's.
    LookAlike,
    /// A signed-in user, with a bearer token from `POST /dev/token`.
    Session,
    /// Many signed-in users, in turn.
    Sessions,
    /// A signed-out browser that accepts compressed responses.
    Packed,
}

/// Returns the target with the given name.
pub(crate) fn named(name: &str) -> Result<&'static Target> {
    let all = || SUBJECTS.iter().chain(pages::PLAIN).chain(pages::PACKED);
    let names = || all().map(|subject| subject.name);
    let found = all().find(|subject| subject.name == name);
    found.with_context(|| {
        let known = names().collect::<Vec<_>>().join("`, `");
        format!("unknown target `{name}`; choose from `{known}`")
    })
}

async fn plain_axum(caller: Caller) -> Result<Served> {
    Ok(Served {
        router: Router::new().route(PATH, get(respond)),
        path: PATH,
        caller,
    })
}

async fn portal(
    setting: Setting,
    handler: MethodRouter<PortalState>,
    caller: Caller,
) -> Result<Served> {
    let routes = Router::new().route(PATH, handler);
    let portal = open_portal(&setting.database, &[], routes).await?;
    Ok(Served {
        router: portal.into_router(),
        path: PATH,
        caller,
    })
}

/// Builds a portal in development mode with the given variables and routes.
pub(crate) async fn open_portal(
    database: &str,
    variables: &[(&str, &str)],
    routes: Router<PortalState>,
) -> Result<Portal> {
    let auth = ClerkAuth::new();
    let pairs = [
        ("APP_ENV", "DEV"),
        ("DB_LOCAL_URI", database),
        ("RATE_LIMITS", "off"),
    ];
    let pairs = pairs.iter().chain(variables).copied();
    let settings = Settings::from_pairs_with(AuthProvider::settings(&auth), pairs);
    Ok(Portal::builder()
        .config(Config::from_settings(settings)?)
        .auth(auth)
        .merge_router(routes)
        .build()
        .await?)
}

/// The response that every target sends.
#[derive(Serialize)]
pub(crate) struct Response {
    id: u64,
    name: &'static str,
    tags: [&'static str; 3],
}

pub(crate) async fn respond() -> Json<Response> {
    Json(Response {
        id: 42,
        name: "a portal",
        tags: ["small", "quick", "typed"],
    })
}

pub(crate) async fn respond_to_user(_: CurrentUser) -> Json<Response> {
    respond().await
}
