//! `/`: what a visitor sees first.

use portal_core::pages::components::{Button, Card, icon};
use portal_core::prelude::*;

const FEATURES: [(&str, &str, &str); 3] = [
    (
        "shield-check",
        "Sign-in that holds",
        "Clerk in production, a development identity on your machine. One guard for pages, tasks and models.",
    ),
    (
        "database",
        "Admin without the work",
        "Annotate a struct and edit its rows: validated forms, search, YAML and JSON documents, a REST interface.",
    ),
    (
        "list-checks",
        "Tasks that survive",
        "Background tasks are stored before they are accepted, run again after a crash, and report live.",
    ),
];

/// Home
///
/// A user portal from three annotations: pages, admin models and background tasks.
#[page("/", nav(icon = "house", order = 10))]
async fn home(config: Data<portal_core::Config>, user: Option<CurrentUser>) -> Markup {
    html! {
        section class="pt-hero" {
            h1 { "A user portal from three annotations" }
            p {
                "This is " (config.app_name) ", the reference portal. It is made of "
                code { "#[page]" } ", " code { "#[admin_model]" } " and " code { "#[monitored_background_task]" } "."
            }
            div class="pt-row" {
                @if user.is_some() {
                    (Button::new("Open the overview").solid().icon_end("arrow-right").href("/admin/overview"))
                } @else {
                    (Button::new("Sign in").solid().icon_end("arrow-right").href("/sign-in"))
                    (Button::new("Look around").href("/admin/overview"))
                }
            }
        }
        div class="pt-grid" {
            @for (glyph, title, text) in FEATURES {
                (Card::new().body(html! {
                    div class="pt-feature" {
                        (icon(glyph))
                        h2 { (title) }
                        p class="pt-muted" { (text) }
                    }
                }))
            }
        }
    }
}
