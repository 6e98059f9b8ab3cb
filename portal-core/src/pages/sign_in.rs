//! `/sign-in` and `/sign-up`: the portal's pages around the provider's part.

use axum::extract::Request;
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Deserialize;

use super::components::Card;
use super::content::{IntoPage, PageResponse};
use super::default_layout::PlainLayout;
use super::page::{Page, PageFuture};
use crate::auth::{Auth, caller, safe_return};
use crate::config::Config;
use crate::source;
use crate::state::PortalState;

pub(crate) fn pages() -> Vec<Page> {
    vec![
        Page::new(source!(sign_in), "/sign-in", sign_in)
            .title("Sign in")
            .layout(PlainLayout),
        Page::new(source!(sign_up), "/sign-up", sign_up)
            .title("Create an account")
            .layout(PlainLayout),
    ]
}

fn sign_in(state: PortalState, request: Request) -> PageFuture {
    Box::pin(async move { show(false, &state, request).await })
}

fn sign_up(state: PortalState, request: Request) -> PageFuture {
    Box::pin(async move { show(true, &state, request).await })
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    redirect_url: String,
}

async fn show(sign_up: bool, state: &PortalState, request: Request) -> PageResponse {
    let (mut parts, _) = request.into_parts();
    let wanted = match axum::extract::Query::<Wanted>::try_from_uri(&parts.uri) {
        Ok(axum::extract::Query(wanted)) => wanted.redirect_url,
        Err(_) => String::new(),
    };
    let (auth, config) = match (state.borrow::<Auth>(), state.borrow::<Config>()) {
        (Ok(auth), Ok(config)) => (auth, config),
        (Err(error), _) | (_, Err(error)) => return PageResponse::Error(error),
    };
    let return_to = safe_return(&config.base_path, &wanted);
    match caller(&mut parts, state).await {
        Ok(Some(user)) if user.is_allowed_in() => Redirect::to(&return_to).into_page(),
        _ => frame(sign_up, config, auth.sign_in(sign_up, &return_to)).into_page(),
    }
}

/// What every provider's part stands in, with the way to the other of the two pages.
fn frame(sign_up: bool, config: &Config, provider_part: Markup) -> Markup {
    let (title, question, other, path) = match sign_up {
        false => ("Sign in", "No account yet?", "Create one", "/sign-up"),
        true => (
            "Create an account",
            "Have an account?",
            "Sign in",
            "/sign-in",
        ),
    };
    html! {
        div class="pt-stack" {
        (Card::new().body(html! {
            div class="pt-stack" {
                header class="pt-center" {
                    h1 { (title) }
                    p class="pt-muted" { "to continue to " (config.app_name) }
                }
                (provider_part)
            }
        }))
        p class="pt-center pt-muted" { (question) " " a href={ (config.base_path) (path) } { (other) } }
        }
    }
}
