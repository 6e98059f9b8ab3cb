//! Targets: one of a portal's pages, and the same bytes as a constant.

use std::sync::LazyLock;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Request, header};
use axum::response::IntoResponse;
use axum::routing::get;
use portal_clerk::ClerkAuth;
use portal_core::config::Settings;
use portal_core::pages::components::{Button, Card, PageHead};
use portal_core::prelude::*;
use portal_core::{AuthProvider, Config};
use tower::ServiceExt as _;

use crate::target::{Caller, Served, Setting, Target};

const PATH: &str = "/bench";
const TEXT_PATH: &str = "/bench/text";

/// The page and the constant, for clients that do not accept compressed responses.
pub(crate) const PLAIN: &[Target] = &[
    Target {
        name: "constant",
        about: "the bytes of the page, from a plain axum handler",
        start: |setting| Box::pin(constant(setting, Caller::Nobody)),
    },
    Target {
        name: "page",
        about: "a page of a portal, with layout and navigation, rendered for each request",
        start: |setting| Box::pin(page(setting, PATH, Caller::Nobody)),
    },
    Target {
        name: "text-page",
        about: "the same with content that was rendered once, as from Markdown",
        start: |setting| Box::pin(page(setting, TEXT_PATH, Caller::Nobody)),
    },
];

/// The page and the constant, for clients that accept compressed responses.
pub(crate) const PACKED: &[Target] = &[
    Target {
        name: "packed-constant",
        about: "the compressed bytes of the page, from a plain axum handler",
        start: |setting| Box::pin(constant(setting, Caller::Packed)),
    },
    Target {
        name: "packed-page",
        about: "the page, rendered and compressed for each request",
        start: |setting| Box::pin(page(setting, PATH, Caller::Packed)),
    },
];

/// Help page, rendered for each request.
#[portal_core::page("/bench", nav(icon = "book-open"))]
async fn bench() -> Markup {
    help()
}

/// The same page, rendered once, as a page from Markdown would be.
#[portal_core::page("/bench/text", title = "Bench", nav(icon = "book-open"))]
async fn bench_text() -> Markup {
    static HELP: LazyLock<Markup> = LazyLock::new(help);
    HELP.clone()
}

/// Page content that is mostly static text.
fn help() -> Markup {
    let part = |title: &'static str, text: Markup| Card::new().title(title).body(text);
    html! {
        (PageHead::new("Questions and answers").description("Frequently asked questions and their answers."))
        div class="pt-stack" {
            (part("How do I change my plan?", html! {
                p { "Open your profile, choose “Plan”, and pick another one. The amount you paid for the current \
                     month is credited against the new price, so you never pay twice. A smaller plan starts next \
                     month, a larger one takes effect immediately." }
                p { "If you pay by invoice, you receive a new one with the change. The old invoice remains valid until \
                     its due date and needs no correction." }
                (Button::new("Open your profile").icon("user").href("/admin/profile"))
            }))
            (part("Who can see the data I enter?", html! {
                p { "You and the administrators of the portal. Every change by someone else is recorded in the audit log, \
                     with its date, its author and the values before and after; entries cannot be changed." }
                ul {
                    li { "Your name and e-mail address come from your sign-in provider; change them there." }
                    li { "Records that you add are yours until you share them." }
                    li { "Files are kept as long as their record and are deleted with it." }
                }
            }))
            (part("Why is my task still waiting?", html! {
                p { "Tasks of some types run one after another. The tasks page shows how many are queued before \
                     yours and whether the task type is paused. Administrators are notified of tasks that have been \
                     waiting for more than an hour." }
                p { "You can leave the page: a notification appears when the task has finished, together with its \
                     result. It is kept for thirty days." }
                (Button::new("Open tasks").icon("list-checks").href("/admin/tasks"))
            }))
            (part("How do I get my data out?", html! {
                p { "Every list can be exported as comma-separated values or JSON. The export contains the rows shown, \
                     with the same filters and order. To export everything at once, start the task “Export everything”, \
                     which adds an archive to your files." }
                p { "Dates are in ISO 8601 format, in UTC; numbers have a decimal point and no separators; \
                     empty fields stay empty." }
            }))
            (part("What happens when I leave?", html! {
                p { "Your account is closed immediately: sign-in is disabled, and running tasks are cancelled. Personal data \
                     is deleted on the same day; data that must be retained by law is kept without your name." }
                p { "You can export everything until then. Afterwards your data cannot be restored, neither by you nor \
                     by us." }
                (Button::new("Export everything").icon("download").href("/admin/tasks"))
            }))
            (part("How do I reach a person?", html! {
                p { "Write to the address in the footer of each page. On working days we reply within four hours. \
                     Describe what you were doing and include the request ID from the error page: it lets us find the \
                     cause without further questions." }
            }))
        }
    }
}

async fn portal(database: &str) -> Result<Router> {
    let auth = ClerkAuth::new();
    let pairs = [
        ("APP_ENV", "DEV"),
        ("DB_LOCAL_URI", database),
        ("RATE_LIMITS", "off"),
    ];
    let settings = Settings::from_pairs_with(AuthProvider::settings(&auth), pairs);
    let builder = Portal::builder().config(Config::from_settings(settings)?);
    Ok(builder
        .auth(auth)
        .page(bench)
        .page(bench_text)
        .build()
        .await?
        .into_router())
}

async fn page(setting: Setting, path: &'static str, caller: Caller) -> Result<Served> {
    Ok(Served {
        router: portal(&setting.database).await?,
        path,
        caller,
    })
}

/// Requests the page from a portal once, and serves the response as a constant.
async fn constant(setting: Setting, caller: Caller) -> Result<Served> {
    let mut request = Request::get(PATH).header(header::HOST, "localhost:8000");
    if matches!(caller, Caller::Packed) {
        request = request.header(header::ACCEPT_ENCODING, "gzip");
    }
    let portal = portal(&setting.database).await?;
    let Ok(response) = portal.oneshot(request.body(Body::empty())?).await;
    let coding = response.headers().get(header::CONTENT_ENCODING).cloned();
    let is_packed = coding.is_some();
    anyhow::ensure!(
        response.status() == 200 && is_packed == matches!(caller, Caller::Packed),
        "the page responded with {}, compressed: {is_packed}",
        response.status()
    );
    let body = to_bytes(response.into_body(), usize::MAX).await;
    let body = body.context("failed to read the page")?;
    let handler = move || {
        let (body, coding) = (body.clone(), coding.clone());
        async move { respond_with(body, coding) }
    };
    Ok(Served {
        router: Router::new().route(PATH, get(handler)),
        path: PATH,
        caller,
    })
}

fn respond_with(body: Bytes, coding: Option<HeaderValue>) -> impl IntoResponse {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = ([(header::CONTENT_TYPE, html)], body).into_response();
    if let Some(coding) = coding {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, coding);
    }
    response
}
