//! Fake Frontend API: the key set, the handshake, and the calls made by the script in the browser.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::state::{Client, Instance, State as Memory};
use super::{InstanceKind, JwksBehavior};

/// Cookie that identifies the browser on the fake instance's origin.
pub(super) const CLIENT_COOKIE: &str = "__client";
pub(super) const DEV_BROWSER: &str = "__clerk_db_jwt";

pub(super) fn routes() -> Router<Arc<Instance>> {
    Router::new()
        .route("/.well-known/jwks.json", get(jwks))
        .route("/v1/client/handshake", get(handshake))
        .route("/v1/client", get(client))
        .route("/v1/client/sessions/{id}/tokens", post(new_token))
        .route("/v1/client/sessions/{id}/end", post(sign_out))
}

/// Serves the key set with the configured behavior.
pub(super) async fn jwks(State(instance): State<Arc<Instance>>) -> Response {
    let (mode, jwk) = {
        let mut state = instance.state();
        state.jwks_fetches += 1;
        (state.jwks, state.key.jwk())
    };
    match mode {
        JwksBehavior::Down => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        JwksBehavior::Huge(bytes) => return vec![0_u8; bytes].into_response(),
        JwksBehavior::Slow(time) => tokio::time::sleep(time).await,
        JwksBehavior::Up => {}
    }
    Json(json!({"keys": [jwk]})).into_response()
}

/// Returns the value of a query parameter.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let (_, value) = pairs.find(|(key, _)| key == name)?;
    Some(value.into_owned())
}

/// Returns the URL to redirect the browser back to, if such a redirect is allowed.
pub(super) fn return_address(state: &Memory, text: Option<&str>) -> Option<Url> {
    let url = Url::parse(text?).ok()?;
    let loopback = matches!(url.host_str()?, "127.0.0.1" | "localhost" | "[::1]");
    let origin = url.origin().ascii_serialization();
    let web = matches!(url.scheme(), "http" | "https");
    (web && (loopback || state.origins.contains(&origin))).then_some(url)
}

/// Finds the browser that sent a request, by its cookie on this origin or by its id in the query.
pub(super) fn find_client(
    state: &Memory,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Option<Client> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let id = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == CLIENT_COOKIE).then_some(value));
    let dev_browser = parameter(query, DEV_BROWSER);
    let by = |same: &dyn Fn(&Client) -> bool| state.clients.iter().find(|client| same(client));
    let found = by(&|client| id == Some(client.id.as_str()))
        .or_else(|| by(&|client| dev_browser.as_deref() == Some(&client.dev_browser)));
    found.cloned()
}

fn error_response(status: StatusCode, code: &str) -> Response {
    let body = json!({"errors": [{"code": code, "message": code, "long_message": code}]});
    (status, Json(body)).into_response()
}

async fn handshake(
    State(instance): State<Arc<Instance>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.as_deref();
    let development = instance.kind == InstanceKind::Development;
    let (mut target, client, session, tokens) = {
        let mut state = instance.state();
        state.handshake_count += 1;
        let requested = parameter(query, "redirect_url");
        let Some(target) = return_address(&state, requested.as_deref()) else {
            return error_response(StatusCode::BAD_REQUEST, "invalid_redirect_url");
        };
        let client = find_client(&state, &headers, query);
        let client = client.unwrap_or_else(|| state.new_client());
        let session = state.active_session(&client.id).cloned();
        (target, client, session, state.handshake_tokens)
    };
    let suffixed = parameter(query, "suffixed_cookies").as_deref() == Some("true");
    let mut directives = Vec::new();
    let mut set = |name: &str, value: &str, attributes: &str| {
        directives.push(format!("{name}={value}; Path=/; SameSite=Lax{attributes}"));
        if suffixed {
            let suffix = &instance.suffix;
            directives.push(format!(
                "{name}_{suffix}={value}; Path=/; SameSite=Lax{attributes}"
            ));
        }
    };
    const YEAR: &str = "; Max-Age=31536000";
    match session {
        Some(session) => {
            let origin = target.origin().ascii_serialization();
            let token = instance.token(&session.id, &origin, &json!({}));
            set("__session", &token, YEAR);
            set("__client_uat", &client.updated_at.to_string(), YEAR);
        }
        None => {
            set("__session", "", "; Max-Age=0");
            set("__client_uat", "0", YEAR);
        }
    }
    if development {
        set(DEV_BROWSER, &client.dev_browser, YEAR);
    }
    let (name, value) = if tokens || parameter(query, "format").as_deref() != Some("nonce") {
        let claims = json!({"handshake": directives});
        let token = instance.state().key.sign(None, &claims);
        ("__clerk_handshake", token)
    } else {
        let nonce = Uuid::new_v4().simple().to_string();
        let mut state = instance.state();
        state.handshakes.insert(nonce.clone(), directives);
        ("__clerk_handshake_nonce", nonce)
    };
    let mut response_headers = HeaderMap::new();
    response_headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response_headers.append(header::SET_COOKIE, client_cookie(&client));
    if development {
        target.query_pairs_mut().append_pair(name, &value);
    } else {
        let cookie = format!("{name}={value}; Path=/; SameSite=Lax; Max-Age=60");
        response_headers.append(header::SET_COOKIE, header_value(&cookie));
    }
    response_headers.insert(header::LOCATION, header_value(target.as_str()));
    (StatusCode::TEMPORARY_REDIRECT, response_headers).into_response()
}

pub(super) fn client_cookie(client: &Client) -> HeaderValue {
    let id = &client.id;
    header_value(&format!(
        "{CLIENT_COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax"
    ))
}

pub(super) fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("value is a valid header")
}

/// Returns a response that scripts on the portal's pages may read.
fn shared(headers: &HeaderMap, body: Value) -> Response {
    let origin = headers.get(header::ORIGIN).cloned();
    let mut response = Json(body).into_response();
    if let Some(origin) = origin {
        let response_headers = response.headers_mut();
        response_headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response_headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
    response
}

fn origin_of(headers: &HeaderMap) -> &str {
    let origin = headers.get(header::ORIGIN);
    origin
        .and_then(|origin| origin.to_str().ok())
        .unwrap_or_default()
}

/// Returns the signed-in user and a new token.
async fn client(
    State(instance): State<Arc<Instance>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (client, session, renews) = {
        let state = instance.state();
        let client = find_client(&state, &headers, query.as_deref());
        let session = client
            .as_ref()
            .and_then(|client| state.active_session(&client.id));
        (client.clone(), session.cloned(), state.renew_in_browser)
    };
    let session = session.map(|session| {
        let mut record = session.record();
        record["token"] = instance
            .token(&session.id, origin_of(&headers), &json!({}))
            .into();
        let state = instance.state();
        record["user"] = state.user(&session.user_id).cloned().unwrap_or_default();
        for private in ["private_metadata", "banned", "locked"] {
            if let Some(user) = record["user"].as_object_mut() {
                user.remove(private);
            }
        }
        record
    });
    let updated_at = client.map_or(0, |client| client.updated_at);
    let body = json!({"session": session, "updated_at": updated_at, "renews": renews});
    shared(&headers, body)
}

async fn new_token(
    State(instance): State<Arc<Instance>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let owned = owns(&instance.state(), &headers, query.as_deref(), &id);
    if !owned {
        return error_response(StatusCode::NOT_FOUND, "session_not_found");
    }
    let token = instance.token(&id, origin_of(&headers), &json!({}));
    shared(&headers, json!({"jwt": token}))
}

async fn sign_out(
    State(instance): State<Arc<Instance>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut state = instance.state();
    if !owns(&state, &headers, query.as_deref(), &id) {
        return error_response(StatusCode::NOT_FOUND, "session_not_found");
    }
    state.end_session(&id, "ended");
    shared(&headers, json!({"status": "ended"}))
}

/// Returns `true` if a session is active and belongs to the requesting browser.
fn owns(state: &Memory, headers: &HeaderMap, query: Option<&str>, session_id: &str) -> bool {
    let client = find_client(state, headers, query);
    let session = state.session(session_id);
    client.zip(session).is_some_and(|(client, session)| {
        session.client_id == client.id && session.status == "active"
    })
}
