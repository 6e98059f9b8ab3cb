//! `/sign-in` and `/sign-up`: the portal's pages around the identity provider's content.

use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::response::Redirect;
use maud::{Markup, html};
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::components::Card;
use super::default_layout::PlainLayout;
use super::href::Href;
use super::into_page::{IntoPage, PageResponse};
use super::page::Page;
use super::render::QUERY_VALUE;
use crate::auth::{Auth, caller, safe_return};
use crate::config::Config;
use crate::error::Result;
use crate::source;
use crate::state::PortalState;

pub(crate) fn pages() -> Vec<Page> {
    vec![
        Page::get("/sign-in", sign_in)
            .source(source!(sign_in))
            .title("Sign in")
            .layout(PlainLayout)
            // Administrators must be able to sign in during maintenance.
            .exempt_from_maintenance(),
        Page::get("/sign-up", sign_up)
            .source(source!(sign_up))
            .title("Create an account")
            .layout(PlainLayout),
    ]
}

async fn sign_in(State(state): State<PortalState>, parts: Parts) -> Result<PageResponse> {
    show(false, &state, parts).await
}

async fn sign_up(State(state): State<PortalState>, parts: Parts) -> Result<PageResponse> {
    show(true, &state, parts).await
}

#[derive(Default, Deserialize)]
struct SignInQuery {
    #[serde(default)]
    redirect_url: String,
}

async fn show(sign_up: bool, state: &PortalState, mut parts: Parts) -> Result<PageResponse> {
    let Query(wanted) = Query::<SignInQuery>::try_from_uri(&parts.uri).unwrap_or_default();
    let (auth, config) = (state.borrow::<Auth>()?, state.borrow::<Config>()?);
    let return_to = safe_return(config, &wanted.redirect_url);
    Ok(match caller(&mut parts, state).await {
        Ok(Some(user)) if user.is_enabled() => Redirect::to(&return_to).into_page(),
        _ => {
            let query = parts.uri.query().unwrap_or_default();
            let part = auth.sign_in(sign_up, &return_to, query);
            let links_other_page = sign_up || auth.offers_sign_up();
            sign_in_card(sign_up, links_other_page, config, &return_to, part).into_page()
        }
    })
}

/// Renders the card around the provider's content, with a link to the other page.
fn sign_in_card(
    sign_up: bool,
    links_other_page: bool,
    config: &Config,
    return_to: &str,
    provider_part: Markup,
) -> Markup {
    let (title, text, question, other, path) = match sign_up {
        false => (
            "Sign in",
            "Welcome back. Sign in to continue to",
            "No account yet?",
            "Create one",
            "/sign-up",
        ),
        true => (
            "Create an account",
            "It only takes a moment. Then you'll continue to",
            "Have an account?",
            "Sign in",
            "/sign-in",
        ),
    };
    let return_to = utf8_percent_encode(return_to, QUERY_VALUE);
    let other_page = Href::from(format!("{path}?redirect_url={return_to}"));
    let head = html! {
        header class="pt-center" {
            h1 { (title) }
            p class="pt-muted" { (text) " " (config.app_name) "." }
        }
    };
    let card = Card::new().body(html! { div class="pt-stack" { (head) (provider_part) } });
    let card = match links_other_page {
        true => card.footer(html! { p { (question) " " a href=(other_page) { (other) } } }),
        false => card,
    };
    html! { (card) }
}
