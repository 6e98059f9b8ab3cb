//! What is measured.
//!
//! To add a subject, write a function such as [`bare`] and name it in [`SUBJECTS`]:
//!
//! ```ignore
//! Subject { name: "portal", about: "the same handler inside of a portal", start: |it| Box::pin(portal(it)) },
//!
//! async fn portal(setting: Setting) -> Result<Served> {
//!     let routes = Router::new().route(PATH, get(answer));
//!     let portal = Portal::builder().config(config(&setting)).auth(..).routes(routes).build().await?;
//!     Ok(Served { router: portal.into_router(), path: PATH, signed_in: false })
//! }
//! ```
//!
//! With `signed_in: true` every request has a bearer token of `POST /dev/token`.

use std::pin::Pin;

use anyhow::{Context as _, Result};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

/// Where the measured handler is.
const PATH: &str = "/api/bench";

/// Every subject; the others are compared with the first one.
pub(crate) const SUBJECTS: &[Subject] = &[Subject {
    name: "bare",
    about: "an axum handler and nothing around it",
    start: |setting| Box::pin(bare(setting)),
}];

/// A server that can be measured.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) start: fn(Setting) -> Starting,
}

/// The server of a subject, on its way.
pub(crate) type Starting = Pin<Box<dyn Future<Output = Result<Served>> + Send>>;

/// Where a subject runs.
pub(crate) struct Setting {
    /// The URI of a database that the subject has for itself.
    #[expect(dead_code, reason = "bare axum has no database; a portal reads it")]
    pub(crate) database: String,
}

/// What a subject serves.
pub(crate) struct Served {
    pub(crate) router: Router,
    /// The path that is asked for.
    pub(crate) path: &'static str,
    /// Whether the requests are those of a signed-in user.
    pub(crate) signed_in: bool,
}

/// The subject of that name.
pub(crate) fn named(name: &str) -> Result<&'static Subject> {
    let names = || SUBJECTS.iter().map(|subject| subject.name);
    let found = SUBJECTS.iter().find(|subject| subject.name == name);
    found.with_context(|| {
        let known = names().collect::<Vec<_>>().join("`, `");
        format!("`{name}` is no subject, choose of `{known}`")
    })
}

async fn bare(_: Setting) -> Result<Served> {
    Ok(Served {
        router: Router::new().route(PATH, get(answer)),
        path: PATH,
        signed_in: false,
    })
}

/// What every subject answers.
#[derive(Serialize)]
struct Answer {
    id: u64,
    name: &'static str,
    tags: [&'static str; 3],
}

async fn answer() -> Json<Answer> {
    Json(Answer {
        id: 42,
        name: "a portal",
        tags: ["small", "quick", "typed"],
    })
}
