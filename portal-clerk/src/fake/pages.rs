//! Fake hosted pages for sign-in and sign-up.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;

use super::InstanceKind;
use super::frontend::{
    DEV_BROWSER, client_cookie, find_client, header_value, parameter, return_address,
};
use super::state::Instance;

pub(super) fn routes() -> Router<Arc<Instance>> {
    Router::new()
        .route("/sign-in", get(sign_in).post(submit))
        .route("/sign-up", get(sign_up).post(submit))
}

async fn sign_in(RawQuery(query): RawQuery) -> Markup {
    page("Sign in", query.as_deref())
}

async fn sign_up(RawQuery(query): RawQuery) -> Markup {
    page("Sign up", query.as_deref())
}

fn page(title: &str, query: Option<&str>) -> Markup {
    let redirect_url = parameter(query, "redirect_url").unwrap_or_default();
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (title) " - Fake Clerk" } }
            body {
                h1 { (title) }
                form method="post" {
                    input type="hidden" name="redirect_url" value=(redirect_url);
                    p { label { "E-mail " input type="email" name="email" required; } }
                    p { label { "First name " input name="first_name"; } }
                    p { label { "Last name " input name="last_name"; } }
                    button type="submit" { (title) }
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct Person {
    email: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    redirect_url: String,
}

async fn submit(
    State(instance): State<Arc<Instance>>,
    headers: HeaderMap,
    Form(person): Form<Person>,
) -> Response {
    let mut state = instance.state();
    let Some(mut target) = return_address(&state, Some(&person.redirect_url)) else {
        return (StatusCode::BAD_REQUEST, "invalid redirect_url").into_response();
    };
    let email = person.email.trim();
    if !email.contains('@') {
        return (
            StatusCode::UNPROCESSABLE_ENTITY,
            "an e-mail address is required",
        )
            .into_response();
    }
    let user = state.user_of(email, person.first_name.trim(), person.last_name.trim());
    if state.user(&user).is_some_and(|user| user["banned"] == true) {
        return (StatusCode::FORBIDDEN, "this user is banned").into_response();
    }
    let client = find_client(&state, &headers, None);
    let client = client.unwrap_or_else(|| state.new_client());
    state.open_session(&user, &client.id);
    let mut response_headers = HeaderMap::new();
    response_headers.append(header::SET_COOKIE, client_cookie(&client));
    match instance.kind {
        InstanceKind::Development => {
            let mut query = target.query_pairs_mut();
            query.append_pair(DEV_BROWSER, &client.dev_browser);
        }
        // These cookies are set for the portal's domain and contain the time of this browser's last
        // sign-in.
        InstanceKind::Production => {
            let now = chrono::Utc::now().timestamp();
            let suffix = &instance.suffix;
            for name in ["__client_uat".to_owned(), format!("__client_uat_{suffix}")] {
                let cookie = format!("{name}={now}; Path=/; SameSite=Lax; Max-Age=31536000");
                response_headers.append(header::SET_COOKIE, header_value(&cookie));
            }
        }
    }
    response_headers.insert(header::LOCATION, header_value(target.as_str()));
    (StatusCode::SEE_OTHER, response_headers).into_response()
}
