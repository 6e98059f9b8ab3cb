//! A page within a portal, and the same bytes as a constant.

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

/// A page and its constant, for clients that do not take compressed answers.
pub(crate) const PLAIN: &[Subject] = &[
    Subject {
        name: "constant",
        about: "the bytes of the page, by an axum handler and nothing around it",
        start: |setting| Box::pin(constant(setting, Caller::Nobody)),
    },
    Subject {
        name: "page",
        about: "a page of a portal, with layout and navigation",
        start: |setting| Box::pin(page(setting, Caller::Nobody)),
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
        start: |setting| Box::pin(page(setting, Caller::Packed)),
    },
];

/// Sixty paragraphs, as a page of help may have.
#[portal_core::page("/bench", nav(icon = "book-open"))]
async fn bench() -> Markup {
    html! {
        (PageHead::new("A page").description("Without a database."))
        div class="pt-stack" {
            @for number in 1..=12 {
                (Card::new().title(format!("Part {number}")).body(html! {
                    @for line in 1..=5 { p { "This is line " (line) " of part " (number) ", <escaped> as all text." } }
                    (Button::new("Go on").href("/bench"))
                }))
            }
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
    Ok(builder.auth(auth).page(bench).build().await?.into_router())
}

async fn page(setting: Setting, caller: Caller) -> Result<Served> {
    Ok(Served {
        router: portal(&setting.database).await?,
        path: PATH,
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
