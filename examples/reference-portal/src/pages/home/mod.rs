//! `/`: the landing page.

mod layout;
mod preview;

use portal_core::pages::components::{Button, CodeBlock, copy_button, icon};
use portal_core::prelude::*;

use super::highlight;

/// URL of the source code.
pub(in crate::pages) const SOURCE: &str = env!("CARGO_PKG_REPOSITORY");

struct AttributeSample {
    name: &'static str,
    title: &'static str,
    text: &'static str,
    points: [&'static str; 3],
    file: &'static str,
    code: &'static str,
}

const ATTRIBUTES: [AttributeSample; 3] = [
    AttributeSample {
        name: "#[page]",
        title: "A function becomes a page",
        text: "Route, title, access and navigation live next to the page. Arguments are axum extractors.",
        points: [
            "Guests sign in first, then return to the page they opened",
            "Works as plain HTML, with live updates on top",
            "A layout you can replace",
        ],
        file: "pages/invoices.rs",
        code: r#"/// Invoices
#[page("/invoices", requires_auth, nav(icon = "inbox"))]
async fn invoices(user: CurrentUser, db: Data<Db>) -> Result<Markup> {
    let invoices = db.invoices_of(user.id).await?;
    Ok(html! {
        (PageHead::new("Invoices"))
        (invoice_table(&invoices))
    })
}"#,
    },
    AttributeSample {
        name: "#[admin_model]",
        title: "A struct becomes a table",
        text: "The table, its forms, search, a REST API and an audit log, all from a struct you already have.",
        points: [
            "Validated forms with errors next to their fields",
            "Concurrent edits never overwrite each other",
            "SQLite and PostgreSQL",
        ],
        file: "models.rs",
        code: r#"/// Features of subscription plans
#[admin_model(list(name, plan, enabled), search(name))]
struct Feature {
    id: i64,
    #[admin(unique)]
    name: String,
    #[admin(choices("free", "pro"), default = "free")]
    plan: String,
    #[admin(default = true)]
    enabled: bool,
}"#,
    },
    AttributeSample {
        name: "#[monitored_background_task]",
        title: "A function becomes a task",
        text: "Stored before it is accepted, restarted after a crash, and monitored live in the portal or over WebSocket.",
        points: [
            "Retries, schedules, limits, cancellation",
            "A form and curl commands generated from its arguments",
            "Any number of replicas share the work",
        ],
        file: "tasks/reports.rs",
        code: r#"/// Build the report
#[monitored_background_task]
async fn report(task: TaskContext, args: ReportArgs) -> Result<Report, TaskError> {
    for (done, month) in args.months().enumerate() {
        task.update().progress(done * 8).message(month).await?;
        summarize(month).await?;
    }
    Ok(Report::of(args))
}"#,
    },
];

const FEATURES: [(&str, &str, &str); 6] = [
    (
        "shield-check",
        "Sign-in you can trust",
        "Clerk in production, a development identity provider on your machine. The same access rules for pages, models and tasks.",
    ),
    (
        "activity",
        "Live everywhere",
        "Changes appear in every open browser within a second, on every replica, and only for people who are allowed to see them.",
    ),
    (
        "rotate-ccw",
        "Crash-proof tasks",
        "Kill a process mid-run, and another one picks up its tasks. No task is lost, and each one finishes exactly once.",
    ),
    (
        "palette",
        "Make it yours",
        "26 accents, 7 grays, radius, scaling and density, light and dark. Replace any component, or the whole layout.",
    ),
    (
        "zap",
        "Fast on slow networks",
        "Pages are under 64 KB including fonts and scripts, render in microseconds and work without JavaScript.",
    ),
    (
        "lock",
        "Safe by default",
        "A strict content security policy without inline code, origin checks, rate limits, and an audit log of every change.",
    ),
];

/// Home
///
/// A user portal from three attributes: pages, admin models and background tasks.
#[page("/", nav(icon = "house", order = 10), layout = layout::HomeLayout)]
async fn home(config: Data<portal_core::Config>, user: Option<CurrentUser>) -> Markup {
    html! {
        (hero(user.is_some()))
        (preview::picture(&config.app_name))
        (attributes())
        (features())
        (start())
    }
}

fn hero(is_signed_in: bool) -> Markup {
    html! {
        section class="pt-hero" {
            p class="pt-eyebrow" { "For " b { "axum" } ", on tokio and sqlx" }
            h1 { "A user portal from three attributes" }
            p {
                "Sign-in, pages, admin forms and background tasks with live progress. "
                "Add them to your existing Rust service and keep writing functions and structs."
            }
            div class="pt-row" {
                @if is_signed_in {
                    (Button::new("Open the overview").solid().size(3).icon_end("arrow-right").href("/admin/overview"))
                } @else {
                    (Button::new("Sign in").solid().size(3).icon_end("arrow-right").href("/sign-in"))
                }
                (Button::new("Get started").size(3).href("#start"))
            }
        }
    }
}

fn attributes() -> Markup {
    html! {
        section class="pt-site-section" id="attributes" {
            header { h2 { "Three attributes, no framework to learn" } p { "Each turns an item you would write anyway into part of the portal." } }
            @for one in &ATTRIBUTES {
                div class="pt-code-sample" {
                    div {
                        code class="pt-eyebrow" { (one.name) }
                        h3 { (one.title) }
                        p { (one.text) }
                        ul { @for point in one.points { li { (icon("check")) (point) } } }
                    }
                    figure class="pt-code" {
                        header { span { (one.file) } (copy_button(one.code)) }
                        pre tabindex="0" aria-label={ "Example of " (one.name) } { code { (highlight::rust(one.code)) } }
                    }
                }
            }
        }
    }
}

fn features() -> Markup {
    html! {
        section class="pt-site-section" id="features" {
            header { h2 { "Everything you don’t have to build" } p { "The parts every portal needs and that take months to get right." } }
            ul class="pt-features" {
                @for (glyph, title, text) in FEATURES {
                    li { (icon(glyph)) h3 { (title) } p { (text) } }
                }
            }
        }
    }
}

fn start() -> Markup {
    html! {
        section class="pt-site-section" id="start" {
            header { h2 { "Running in a minute" } p { "SQLite and the development identity provider need no setup and no account." } }
            ol class="pt-site-steps" {
                li {
                    h3 { "Try the reference portal" }
                    p { "You’re looking at it." }
                    (CodeBlock::new(format!("git clone {SOURCE}\ncd portal\ncargo run")).title("Terminal"))
                }
                li {
                    h3 { "Add it to your service" }
                    p { "Run it as a separate program, or nest it in your router." }
                    (CodeBlock::new("cargo add maud portal-core portal-clerk\ncargo add tokio --features full").title("Terminal"))
                }
                li {
                    h3 { "Make yourself an administrator" }
                    p { "The user who signs in with this address has full access." }
                    (CodeBlock::new("ADMIN_USER_EMAILS=you@example.com \\\n  cargo run").title("Terminal"))
                }
            }
        }
    }
}
