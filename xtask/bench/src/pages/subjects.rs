//! A page within a portal, and the same bytes as a constant.

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

use crate::subject::{Caller, Served, Setting, Subject};

const PATH: &str = "/bench";
const TEXT_PATH: &str = "/bench/text";

/// A page and its constant, for clients that do not take compressed answers.
pub(crate) const PLAIN: &[Subject] = &[
    Subject {
        name: "constant",
        about: "the bytes of the page, by an axum handler and nothing around it",
        start: |setting| Box::pin(constant(setting, Caller::Nobody)),
    },
    Subject {
        name: "page",
        about: "a page of a portal, with layout and navigation, made anew for each request",
        start: |setting| Box::pin(page(setting, PATH, Caller::Nobody)),
    },
    Subject {
        name: "text-page",
        about: "the same with a content that was made once, as of Markdown",
        start: |setting| Box::pin(page(setting, TEXT_PATH, Caller::Nobody)),
    },
];

/// The same for clients that do.
pub(crate) const PACKED: &[Subject] = &[
    Subject {
        name: "packed-constant",
        about: "the compressed bytes of the page, by an axum handler and nothing around it",
        start: |setting| Box::pin(constant(setting, Caller::Packed)),
    },
    Subject {
        name: "packed-page",
        about: "the page, rendered and compressed for each request",
        start: |setting| Box::pin(page(setting, PATH, Caller::Packed)),
    },
];

/// A page of help, made anew for each request.
#[portal_core::page("/bench", nav(icon = "book-open"))]
async fn bench() -> Markup {
    help()
}

/// The same, made once, as a page is that comes from Markdown.
#[portal_core::page("/bench/text", title = "Bench", nav(icon = "book-open"))]
async fn bench_text() -> Markup {
    static HELP: LazyLock<Markup> = LazyLock::new(help);
    HELP.clone()
}

/// Mostly text that stands in the source.
fn help() -> Markup {
    let part = |title: &'static str, text: Markup| Card::new().title(title).body(text);
    html! {
        (PageHead::new("Questions and answers").description("What is asked most, and what we say to it."))
        div class="pt-stack" {
            (part("How do I change my plan?", html! {
                p { "Open your profile, choose “Plan”, and pick another one. What you have paid for the present month \
                     is set off against the new price, so that nothing is paid twice. A smaller plan begins with the \
                     next month, a larger one at once." }
                p { "Whoever pays by invoice is sent the new one with the change. The old one stays valid until its \
                     date of payment, and needs no correction." }
                (Button::new("Open the profile").icon("user").href("/admin/profile"))
            }))
            (part("Who sees what I have entered?", html! {
                p { "You and whoever administers the portal. Each change by somebody else stands in the audit log, \
                     with its date, its author and the values before and after it; nothing in there can be changed." }
                ul {
                    li { "Names and addresses come from your sign-in, and are changed there." }
                    li { "Records that you add are yours until you share them." }
                    li { "Files are kept for as long as their record, and are removed with it." }
                }
            }))
            (part("Why is my task still waiting?", html! {
                p { "Tasks of one kind run one after another where their author wants it so. The page of tasks says \
                     how many stand before yours, and whether the kind is paused. A task that has been waiting for \
                     longer than an hour is told to the administrators." }
                p { "You can leave the page: a message under the bell says when the task has ended, and with what \
                     result. It is kept for thirty days." }
                (Button::new("Open the tasks").icon("list-checks").href("/admin/tasks"))
            }))
            (part("How do I get my data out?", html! {
                p { "Every list has an export, as comma-separated values or as JSON. It holds what the list shows, with \
                     its filters and its order. For all of it at once, start the task “Export everything”, which \
                     puts an archive under your files." }
                p { "Dates are written as in ISO 8601, in universal time; numbers have a point and no separators; \
                     empty fields are empty." }
            }))
            (part("What happens when I leave?", html! {
                p { "Your account is closed at once: nobody can sign in with it, and running tasks are cancelled. What is \
                     personal is removed on the same day; what the law wants kept is kept without your name." }
                p { "Until then, everything can be exported. Afterwards nothing can be brought back, neither by you nor \
                     by us." }
                (Button::new("Export everything").icon("download").href("/admin/tasks"))
            }))
            (part("How do I reach a person?", html! {
                p { "Write to the address at the foot of each page. On working days somebody answers within four hours. \
                     Say what you were doing, and copy the number of the request that an error page shows: with it we \
                     find what went wrong without asking you for more." }
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

/// Asks a portal for the page once.
async fn constant(setting: Setting, caller: Caller) -> Result<Served> {
    let mut request = Request::get(PATH).header(header::HOST, "localhost:8000");
    if matches!(caller, Caller::Packed) {
        request = request.header(header::ACCEPT_ENCODING, "gzip");
    }
    let portal = portal(&setting.database).await?;
    let Ok(answer) = portal.oneshot(request.body(Body::empty())?).await;
    let coding = answer.headers().get(header::CONTENT_ENCODING).cloned();
    let is_packed = coding.is_some();
    anyhow::ensure!(
        answer.status() == 200 && is_packed == matches!(caller, Caller::Packed),
        "the page answers {}, packed: {is_packed}",
        answer.status()
    );
    let body = to_bytes(answer.into_body(), usize::MAX).await;
    let body = body.context("the page is not read")?;
    let handler = move || {
        let (body, coding) = (body.clone(), coding.clone());
        async move { answer_with(body, coding) }
    };
    Ok(Served {
        router: Router::new().route(PATH, get(handler)),
        path: PATH,
        caller,
    })
}

fn answer_with(body: Bytes, coding: Option<HeaderValue>) -> impl IntoResponse {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = ([(header::CONTENT_TYPE, html)], body).into_response();
    if let Some(coding) = coding {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, coding);
    }
    response
}
