//! `/api/auth`, `/api/users`, `/sign-out`.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::extract::{AdminUser, CurrentUser};
use super::role::Roles;
use super::service::Auth;
use super::users::{User, UserChange, UserFilter, UserSort};
use crate::config::Config;
use crate::error::{Error, Fault, Result};
use crate::request::{ApiJson, ApiQuery};
use crate::state::{Data, PortalState};

pub(crate) fn routes() -> Router<PortalState> {
    Router::new()
        .route("/api/auth/me", get(me))
        .route("/api/auth/clerk/me", get(clerk_me))
        .route("/api/users", get(list))
        .route("/api/users/{id}", patch(change))
        .route("/sign-out", post(sign_out))
}

async fn me(user: CurrentUser) -> Json<User> {
    Json(User::clone(&user))
}

async fn clerk_me(auth: Data<Auth>, user: CurrentUser) -> Result<Json<Value>> {
    Ok(Json(auth.profile(&user.clerk_id).await?.record))
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
    let mut faults = Vec::new();
    let sort = query.sort.as_deref().unwrap_or("-created_at");
    let column = match sort.trim_start_matches('-') {
        "email" => UserSort::Email,
        "created_at" => UserSort::CreatedAt,
        "last_login" => UserSort::LastLogin,
        "user_type" => UserSort::UserType,
        _ => {
            faults.push(Fault::new(
                "/sort",
                "unknown_field",
                "sort by email, created_at, last_login or user_type",
            ));
            UserSort::default()
        }
    };
    let page = query.page.unwrap_or(1);
    let per_page = query.per_page.unwrap_or(20);
    if page == 0 || page > 1_000_000 {
        faults.push(Fault::new(
            "/page",
            "out_of_range",
            "pages are counted from 1",
        ));
    }
    if ![10, 20, 50, 100].contains(&per_page) {
        faults.push(Fault::new(
            "/per_page",
            "not_allowed",
            "write 10, 20, 50 or 100",
        ));
    }
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    user_type: Option<String>,
    is_active: Option<bool>,
}

async fn change(
    auth: Data<Auth>,
    roles: Data<Roles>,
    admin: AdminUser,
    Path(id): Path<String>,
    ApiJson(body): ApiJson<ChangeBody>,
) -> Result<Json<User>> {
    let id: Uuid = id
        .parse()
        .map_err(|_| Error::not_found("there is no such user").with_code("user_not_found"))?;
    let user_type = match &body.user_type {
        None => None,
        Some(name) => Some(roles.find(name).ok_or_else(|| {
            Error::invalid(vec![Fault::new(
                "/user_type",
                "not_allowed",
                format!("write one of {}", roles.names()),
            )])
        })?),
    };
    let change = UserChange {
        user_type,
        is_active: body.is_active,
        preferences: None,
    };
    let user = auth.users.update(id, &change).await?;
    auth.user_changed(id).await;
    tracing::info!(admin = %admin.id, user = %id, user_type = %user.user_type, is_active = user.is_active, "user changed");
    Ok(Json(user))
}

async fn sign_out(State(state): State<PortalState>, user: Option<CurrentUser>) -> Result<Response> {
    let auth = state.borrow::<Auth>()?;
    let config = state.borrow::<Config>()?;
    if let Some(user) = user {
        auth.end_session(user.session_id()).await?;
    }
    let home = format!("{}/", config.base_path);
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, home)]).into_response();
    for cookie in auth.forget() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
