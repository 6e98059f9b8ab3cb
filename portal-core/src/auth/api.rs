//! `/api/auth`, `/api/users`, `/sign-out`: the current user, the user list and sign-out.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::access::Access;
use super::audit::Actor;
use super::extract::{AdminUser, CurrentUser, caller};
use super::preferences::PreferenceChecks;
use super::rate_class::RateClass;
use super::redirect::with_base_path;
use super::roles::Roles;
use super::routes::Routes;
use super::service::Auth;
use super::users::{User, UserChange, UserFilter, UserSort};
use crate::config::Config;
use crate::error::{Error, FieldError, Result};
use crate::request::{ApiJson, ApiQuery, escape_pointer};
use crate::state::{Data, PortalState};

pub(crate) fn routes() -> Routes {
    let own_writes = Routes::new()
        .patch("/api/auth/me", Access::User, change_me)
        .rate_class(RateClass::OwnWrite);
    let admin_writes = Routes::new()
        .patch("/api/users/{id}", Access::Admin, change)
        .rate_class(RateClass::AdminWrite);
    // Each of these routes calls the identity provider, which limits the number of requests that
    // the portal as a whole may send.
    let provider_reads = Routes::new()
        .get("/api/auth/clerk/me", Access::User, clerk_me)
        .rate_class(RateClass::ClientToken);
    let sign_out = Routes::new()
        .post("/sign-out", Access::Public, sign_out)
        .form()
        .rate_class(RateClass::SignIn)
        .exempt_from_maintenance();
    Routes::new()
        .get("/api/auth/me", Access::User, me)
        .get("/api/auth/me/preferences", Access::User, preferences)
        .get("/api/users", Access::Admin, list)
        .merge(own_writes)
        .merge(admin_writes)
        .merge(provider_reads)
        .merge(sign_out)
}

async fn me(user: CurrentUser) -> Json<User> {
    Json(User::clone(&user))
}

async fn preferences(user: CurrentUser) -> Json<Value> {
    let preferences = user.preferences.as_object().cloned().unwrap_or_default();
    Json(json!({ "preferences": preferences }))
}

/// Changes the caller's preferences: `{"preferences": {name: value}}`; `null` removes a preference.
async fn change_me(
    auth: Data<Auth>,
    checks: Data<PreferenceChecks>,
    user: CurrentUser,
    ApiJson(body): ApiJson<Value>,
) -> Result<Json<Value>> {
    user.require_not_impersonated()?;
    let preferences = read_preferences(body, &checks).map_err(Error::invalid)?;
    let preferences = auth.users.set_preferences(user.id, preferences).await?;
    auth.forget_user(user.id);
    Ok(Json(json!({ "preferences": preferences })))
}

fn read_preferences(
    body: Value,
    checks: &PreferenceChecks,
) -> Result<Map<String, Value>, Vec<FieldError>> {
    let Value::Object(members) = body else {
        return Err(vec![FieldError::new(
            "",
            "invalid_type",
            "must be an object",
        )]);
    };
    let mut errors = Vec::new();
    let mut preferences = Map::new();
    for (name, value) in members {
        match (name.as_str(), value) {
            ("preferences", Value::Object(given)) => {
                errors.extend(checks.validate(&given));
                preferences = given;
            }
            ("preferences", _) => {
                let message = "must be an object of preferences by name";
                errors.push(FieldError::new("/preferences", "invalid_type", message));
            }
            (name, _) => errors.push(FieldError::new(
                format!("/{}", escape_pointer(name)),
                "unknown_field",
                "unknown field; only `preferences` can be changed",
            )),
        }
    }
    if errors.is_empty() {
        Ok(preferences)
    } else {
        Err(errors)
    }
}

async fn clerk_me(auth: Data<Auth>, user: CurrentUser) -> Result<Json<Value>> {
    Ok(Json(auth.profile(&user.subject).await?.record))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    search: Option<String>,
    sort: Option<String>,
    page: Option<u64>,
    per_page: Option<u64>,
}

async fn list(
    auth: Data<Auth>,
    _: AdminUser,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<Value>> {
    let mut errors = Vec::new();
    let sort = query.sort.as_deref().unwrap_or("-created_at");
    let column = match sort.strip_prefix('-').unwrap_or(sort) {
        "email" => UserSort::Email,
        "created_at" => UserSort::CreatedAt,
        "last_login" => UserSort::LastSignIn,
        "user_type" => UserSort::Role,
        _ => {
            errors.push(FieldError::new(
                "/sort",
                "unknown_field",
                "must be email, created_at, last_login or user_type",
            ));
            UserSort::default()
        }
    };
    let page = query.page.unwrap_or(1);
    let per_page = query.per_page.unwrap_or(20);
    if page == 0 || page > 1_000_000 {
        errors.push(FieldError::new(
            "/page",
            "invalid_value",
            "must be between 1 and 1000000",
        ));
    }
    if ![10, 20, 50, 100].contains(&per_page) {
        errors.push(FieldError::new(
            "/per_page",
            "not_allowed",
            "must be 10, 20, 50 or 100",
        ));
    }
    if !errors.is_empty() {
        return Err(Error::invalid(errors));
    }
    let filter = UserFilter {
        search: query.search,
        sort: column,
        descending: sort.starts_with('-'),
        offset: (page - 1) * per_page,
        limit: per_page,
    };
    let (users, total) = auth.users.list(&filter).await?;
    Ok(Json(json!({
        "items": users,
        "total": total,
        "page": page,
        "per_page": per_page,
        "pages": total.div_ceil(per_page).max(1),
    })))
}

/// Reads the changes to a user from a request body; the error lists all invalid fields.
fn read_change(body: &Value, roles: &Roles) -> Result<UserChange> {
    let Some(members) = body.as_object() else {
        let error = FieldError::new("", "invalid_type", "must be an object");
        return Err(Error::invalid(vec![error]));
    };
    let mut change = UserChange::default();
    let mut errors = Vec::new();
    for (name, value) in members {
        let (code, message) = match (name.as_str(), value) {
            ("user_type" | "is_active", Value::Null) => continue,
            ("user_type", Value::String(text)) => match roles.find(text) {
                Some(role) => {
                    change.role = Some(role);
                    continue;
                }
                None => ("not_allowed", format!("must be one of {}", roles.names())),
            },
            ("is_active", Value::Bool(is_active)) => {
                change.is_active = Some(*is_active);
                continue;
            }
            ("user_type", _) => ("invalid_type", "must be a string".to_owned()),
            ("is_active", _) => ("invalid_type", "must be true or false".to_owned()),
            _ => ("unknown_field", "unknown field".to_owned()),
        };
        let pointer = format!("/{}", escape_pointer(name));
        errors.push(FieldError::new(pointer, code, message));
    }
    if errors.is_empty() {
        Ok(change)
    } else {
        Err(Error::invalid(errors))
    }
}

async fn change(
    auth: Data<Auth>,
    roles: Data<Roles>,
    admin: AdminUser,
    Path(id): Path<String>,
    ApiJson(body): ApiJson<Value>,
) -> Result<Json<User>> {
    let id: Uuid = id
        .parse()
        .map_err(|_| Error::not_found("the user does not exist").with_code("user_not_found"))?;
    let change = read_change(&body, &roles)?;
    let user = auth.users.change(&Actor::from(&admin), id, &change).await?;
    auth.forget_user(id);
    Ok(Json(user))
}

/// Ends the caller's session, even if the account is deactivated.
async fn sign_out(State(state): State<PortalState>, mut parts: Parts) -> Result<Response> {
    let auth = state.borrow::<Auth>()?;
    let config = state.borrow::<Config>()?;
    match caller(&mut parts, &state).await {
        Ok(Some(user)) => auth.end_session(user.session_id()).await?,
        // Tokens live for a minute, sessions for days: an expired token can still end its session.
        Ok(None) => auth.end_expired_session(&parts).await?,
        Err(error) => {
            tracing::warn!(%error, "failed to identify the caller at sign-out; only the cookie is cleared");
        }
    }
    let home = with_base_path(&config.base_path, "/");
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, home)]).into_response();
    for cookie in auth.forget() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
