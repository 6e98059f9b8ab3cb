//! `/admin/about`: a page written in Markdown, with a table of contents and build information.

mod markdown;

use std::sync::LazyLock;

use portal_core::Store;
use portal_core::pages::components::{Button, Card, PageHead, Tone, badge, detail_list};
use portal_core::prelude::*;
use portal_core::store::Dialect;

use self::markdown::Document;
use super::home::SOURCE;

/// About
///
/// Features of this portal, its configuration and its API.
#[page("/admin/about", nav(icon = "info", order = 30))]
async fn about(
    config: Data<portal_core::Config>,
    store: Data<Store>,
    user: Option<CurrentUser>,
) -> Markup {
    // The file is embedded in the binary and never changes, so it is rendered only once.
    static DOCUMENT: LazyLock<Document> =
        LazyLock::new(|| markdown::read(include_str!("about.md")));
    let database = user
        .is_some_and(|user| user.is_admin())
        .then(|| store.dialect());
    html! {
        (PageHead::new("About this portal")
            .description("Features, configuration and API.")
            .actions(Button::new("Source code").icon("code").href(SOURCE)))
        div class="pt-doc" {
            nav class="pt-toc" aria-labelledby="toc" {
                h2 id="toc" { "On this page" }
                ul { @for (id, title) in &DOCUMENT.contents { li { a href={ "#" (id) } { (title) } } } }
            }
            article class="pt-prose" { (DOCUMENT.body) }
            (build(&config, database))
        }
    }
}

/// Renders the build information; only administrators see the database.
fn build(config: &portal_core::Config, database: Option<Dialect>) -> Card<'_> {
    let mode = if config.is_dev() {
        badge("Development", Tone::Warning)
    } else {
        badge("Production", Tone::Success)
    };
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let mut rows = vec![
        ("Version", html! { (env!("CARGO_PKG_VERSION")) }),
        (
            "Build",
            html! { (profile) ", " (std::env::consts::OS) " " (std::env::consts::ARCH) },
        ),
        ("Mode", mode),
    ];
    if let Some(database) = database {
        let name = match database {
            Dialect::Sqlite => "SQLite",
            Dialect::Postgres => "PostgreSQL",
        };
        rows.push(("Database", html! { (name) }));
    }
    rows.push(("License", html! { "MIT" }));
    Card::new().title("This portal").body(detail_list(&rows))
}
