//! Fake Backend API, which requires the secret key.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::frontend::{jwks, parameter};
use super::state::{Instance, has_address, merge, text};

const TRACE_ID: &str = "trace_double";

pub(super) fn routes(instance: Arc<Instance>) -> Router<Arc<Instance>> {
    Router::new()
        .route("/v1/jwks", get(jwks))
        .route("/v1/users", get(list))
        .route("/v1/users/count", get(count))
        .route("/v1/users/{id}", get(user).delete(delete))
        .route("/v1/users/{id}/metadata", patch(metadata))
        .route("/v1/users/{id}/ban", post(ban))
        .route("/v1/users/{id}/unban", post(unban))
        .route("/v1/sessions", get(sessions))
        .route("/v1/sessions/{id}", get(session))
        .route("/v1/sessions/{id}/revoke", post(revoke))
        .route("/v1/clients/handshake_payload", get(handshake_payload))
        .route_layer(middleware::from_fn_with_state(instance, guard))
}

/// Records the request, applies the configured failures and checks the secret key.
async fn guard(State(instance): State<Arc<Instance>>, request: Request, next: Next) -> Response {
    let hangs = {
        let mut state = instance.state();
        let method = request.method();
        let path = request
            .uri()
            .path_and_query()
            .map_or("", |path| path.as_str());
        state.requests.push(format!("{method} {path}"));
        if state.refusals.0 > 0 {
            state.refusals.0 -= 1;
            let after = [(header::RETRY_AFTER, state.refusals.1.to_string())];
            let refused = error_response(StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
            return (after, refused).into_response();
        }
        if let Some(status) = state.failure {
            let status = StatusCode::from_u16(status).expect("status is valid");
            return error_response(status, "internal_error");
        }
        state.hangs
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    let expected = format!("Bearer {}", instance.secret_key);
    let given = request.headers().get(header::AUTHORIZATION);
    if given.is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
        return error_response(StatusCode::UNAUTHORIZED, "authentication_invalid");
    }
    next.run(request).await
}

fn error_response(status: StatusCode, code: &str) -> Response {
    let body = json!({
        "errors": [{"code": code, "message": code, "long_message": code, "meta": {}}],
        "clerk_trace_id": TRACE_ID,
    });
    let ray = [(HeaderName::from_static("cf-ray"), "ray_double")];
    (status, ray, Json(body)).into_response()
}

fn not_found() -> Response {
    error_response(StatusCode::NOT_FOUND, "resource_not_found")
}

/// Returns a record, or the error response if it is missing.
fn record(record: Option<&Value>) -> Response {
    match record {
        Some(record) => Json(record.clone()).into_response(),
        None => not_found(),
    }
}

/// Returns all values of a list parameter in a query, such as `user_id[]=a&user_id[]=b`.
fn values(query: Option<&str>, name: &str) -> Vec<String> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs
        .filter(|(key, _)| key.strip_suffix("[]").unwrap_or(key) == name)
        .map(|(_, value)| value.into_owned())
        .collect()
}

fn number(query: Option<&str>, name: &str, default: usize) -> usize {
    let given = parameter(query, name);
    given.map_or(default, |text| text.parse().expect("value is a number"))
}

/// Returns the users who match a query, in the order in which they were created.
fn matching(instance: &Instance, query: Option<&str>) -> Vec<Value> {
    let (ids, addresses) = (values(query, "user_id"), values(query, "email_address"));
    let words = parameter(query, "query").map(|words| words.to_lowercase());
    let state = instance.state();
    let users = state.users.iter().filter(|user| {
        let shown = ["id", "first_name", "last_name", "email_addresses"];
        let shown = shown.map(|member| user[member].to_string().to_lowercase());
        let hidden = state.hidden.iter().any(|id| user["id"] == **id);
        !hidden
            && (ids.is_empty() || ids.iter().any(|id| user["id"] == **id))
            && (addresses.is_empty() || addresses.iter().any(|email| has_address(user, email)))
            && words
                .as_ref()
                .is_none_or(|words| shown.iter().any(|text| text.contains(words.as_str())))
    });
    users.cloned().collect()
}

async fn list(State(instance): State<Arc<Instance>>, RawQuery(query): RawQuery) -> Response {
    let query = query.as_deref();
    let mut users = matching(&instance, query);
    let order = parameter(query, "order_by").unwrap_or_else(|| "-created_at".to_owned());
    let column = order.trim_start_matches(['+', '-', ' ']);
    let compare = |a: &Value, b: &Value| match (a[column].as_i64(), b[column].as_i64()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => text(&a[column]).cmp(text(&b[column])),
    };
    users.sort_by(compare);
    if order.starts_with('-') {
        users.sort_by(|a, b| match compare(a, b) {
            Ordering::Equal => Ordering::Equal,
            order => order.reverse(),
        });
    }
    let (limit, offset) = (number(query, "limit", 10), number(query, "offset", 0));
    if !(1..=500).contains(&limit) {
        return error_response(StatusCode::UNPROCESSABLE_ENTITY, "form_param_invalid");
    }
    let page: Vec<Value> = users.into_iter().skip(offset).take(limit).collect();
    Json(page).into_response()
}

async fn count(State(instance): State<Arc<Instance>>, RawQuery(query): RawQuery) -> Json<Value> {
    let count = matching(&instance, query.as_deref()).len();
    Json(json!({"object": "total_count", "total_count": count}))
}

async fn user(State(instance): State<Arc<Instance>>, Path(id): Path<String>) -> Response {
    record(instance.state().user(&id))
}

async fn delete(State(instance): State<Arc<Instance>>, Path(id): Path<String>) -> Response {
    match instance.state().remove_user(&id) {
        true => Json(json!({"id": id, "object": "user", "deleted": true})).into_response(),
        false => not_found(),
    }
}

async fn metadata(
    State(instance): State<Arc<Instance>>,
    Path(id): Path<String>,
    Json(change): Json<Value>,
) -> Response {
    let mut state = instance.state();
    let edited = state.edit(&id, |record| {
        for kind in ["public_metadata", "private_metadata", "unsafe_metadata"] {
            if let Some(change) = change.get(kind) {
                merge(&mut record[kind], change);
            }
        }
    });
    record(edited)
}

async fn ban(State(instance): State<Arc<Instance>>, Path(id): Path<String>) -> Response {
    let mut state = instance.state();
    state.end_sessions_of(&id, "revoked");
    record(state.edit(&id, |record| record["banned"] = true.into()))
}

async fn unban(State(instance): State<Arc<Instance>>, Path(id): Path<String>) -> Response {
    let mut state = instance.state();
    record(state.edit(&id, |record| record["banned"] = false.into()))
}

async fn sessions(State(instance): State<Arc<Instance>>, RawQuery(query): RawQuery) -> Response {
    let query = query.as_deref();
    let (user_id, status) = (parameter(query, "user_id"), parameter(query, "status"));
    let (limit, offset) = (number(query, "limit", 10), number(query, "offset", 0));
    let state = instance.state();
    let found: Vec<Value> = state
        .sessions
        .iter()
        .filter(|session| user_id.as_ref().is_none_or(|id| session.user_id == *id))
        .filter(|session| status.as_ref().is_none_or(|is| session.status == *is))
        .map(super::state::Session::record)
        .collect();
    let total = found.len();
    let page: Vec<Value> = found.into_iter().skip(offset).take(limit).collect();
    match parameter(query, "paginated").as_deref() {
        Some("true") => Json(json!({"data": page, "total_count": total})).into_response(),
        _ => Json(page).into_response(),
    }
}

async fn session(State(instance): State<Arc<Instance>>, Path(id): Path<String>) -> Response {
    let state = instance.state();
    let found = state.session(&id).map(super::state::Session::record);
    record(found.as_ref())
}

async fn revoke(State(instance): State<Arc<Instance>>, Path(id): Path<String>) -> Response {
    let mut state = instance.state();
    state.end_session(&id, "revoked");
    let found = state.session(&id).map(super::state::Session::record);
    record(found.as_ref())
}

/// Returns the cookies for a handshake; a nonce is valid only once.
async fn handshake_payload(
    State(instance): State<Arc<Instance>>,
    RawQuery(query): RawQuery,
) -> Response {
    let nonce = parameter(query.as_deref(), "nonce").unwrap_or_default();
    match instance.state().handshakes.remove(&nonce) {
        Some(directives) => Json(json!({"directives": directives})).into_response(),
        None => not_found(),
    }
}
