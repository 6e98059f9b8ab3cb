//! `/api/admin/views`: REST interface of saved views.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::api::ModelUser;
use super::super::models::Models;
use super::{SavedView, SavedViews, ViewDraft};
use crate::auth::{Guard, RateClass, Routes};
use crate::error::{Error, Result};
use crate::request::{ApiJson, ApiQuery};
use crate::state::PortalState;

/// Returns the routes of saved views.
pub(in super::super) fn routes() -> Routes {
    let (views, view) = ("/api/admin/views", "/api/admin/views/{id}");
    let writes = Routes::new()
        .post(views, Guard::Model, create)
        .put(view, Guard::Model, update)
        .delete(view, Guard::Model, delete)
        .rate_class(RateClass::OwnWrite);
    Routes::new().get(views, Guard::Model, list).merge(writes)
}

/// Caller of a request to saved views, who may view at least one model.
struct ViewUser(ModelUser);

impl FromRequestParts<PortalState> for ViewUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self> {
        let user = ModelUser::from_request_parts(parts, state).await?;
        let registry = state.borrow::<Models>()?.registry();
        registry.access().check(Some(&user.user))?;
        Ok(Self(user))
    }
}

#[derive(Debug, Deserialize)]
struct ModelQuery {
    model: String,
}

/// Body of a request that saves a view.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewView {
    model: String,
    name: String,
    query: String,
    #[serde(default)]
    shared_with: Option<String>,
}

/// Body of a request that changes a view.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangedView {
    name: String,
    query: String,
    #[serde(default)]
    shared_with: Option<String>,
}

async fn list(
    State(state): State<PortalState>,
    ViewUser(user): ViewUser,
    ApiQuery(query): ApiQuery<ModelQuery>,
) -> Result<Json<Value>> {
    let rows = user.rows(&state, &query.model).await?;
    let views = SavedViews::of(&state, &user.user, &user.actor)?;
    let items = views.list(rows.model().name).await?;
    Ok(Json(json!({ "items": items })))
}

async fn create(
    State(state): State<PortalState>,
    ViewUser(user): ViewUser,
    ApiJson(body): ApiJson<NewView>,
) -> Result<(StatusCode, Json<SavedView>)> {
    let rows = user.rows(&state, &body.model).await?;
    let draft = ViewDraft {
        name: body.name,
        query: body.query,
        shared_with: body.shared_with,
    };
    let views = SavedViews::of(&state, &user.user, &user.actor)?;
    let view = views.create(rows.model(), draft).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

async fn update(
    State(state): State<PortalState>,
    ViewUser(user): ViewUser,
    Path(id): Path<String>,
    ApiJson(body): ApiJson<ChangedView>,
) -> Result<Json<SavedView>> {
    let views = SavedViews::of(&state, &user.user, &user.actor)?;
    let view = views.get(&id).await?;
    let rows = user.rows(&state, &view.model).await?;
    let draft = ViewDraft {
        name: body.name,
        query: body.query,
        shared_with: body.shared_with,
    };
    Ok(Json(views.update(rows.model(), &id, draft).await?))
}

async fn delete(
    State(state): State<PortalState>,
    ViewUser(user): ViewUser,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    let views = SavedViews::of(&state, &user.user, &user.actor)?;
    let view = views.get(&id).await?;
    let rows = user.rows(&state, &view.model).await?;
    views.delete(rows.model(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
