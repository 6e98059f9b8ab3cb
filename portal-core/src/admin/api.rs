//! `/api/admin`: REST interface of admin models, default rows and the audit log.

use axum::Json;
use axum::extract::{FromRequestParts, Path, Query, RawQuery, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::actions::RequestedAction;
use super::audit_api;
use super::defaults::DefaultRows;
use super::export::export;
use super::model_schema::describe;
use super::model_view::VisibleRow;
use super::models::Models;
use super::policy::Operation;
use super::precondition::Precondition;
use super::query::ListQuery;
use super::references;
use super::row_service::{Place, RowService, visible_models};
use super::spec::RowValues;
use super::views;
use crate::auth::{Access, Actor, AdminUser, CurrentUser, Guard, RateClass, Routes};
use crate::config::Config;
use crate::error::{Error, FieldError, Result};
use crate::pages::components::FieldOption;
use crate::request::body_value;
use crate::state::PortalState;

/// Returns the routes of the REST interface of admin models.
pub(crate) fn routes() -> Routes {
    let (rows, row) = (
        "/api/admin/models/{model}",
        "/api/admin/models/{model}/{id}",
    );
    let action = "/api/admin/models/{model}/actions/{action}";
    let writes = Routes::new()
        .post(rows, Guard::Model, create)
        .put(row, Guard::Model, replace)
        .patch(row, Guard::Model, change)
        .delete(row, Guard::Model, remove)
        .post(action, Guard::Model, act)
        .post("/api/admin/defaults", Access::Admin, add_defaults)
        .rate_class(RateClass::AdminWrite);
    Routes::new()
        .get("/api/admin/models", Guard::Model, factory)
        .get(rows, Guard::Model, list)
        .get(row, Guard::Model, read)
        .get("/api/admin/models/{model}/options", Guard::Model, options)
        .get("/api/admin/models/{model}/export", Guard::Model, export)
        .merge(writes)
        .merge(audit_api::routes())
        .merge(views::routes())
}

/// Caller of a request to a model, and the actor of their changes. The policy of the model
/// determines what the caller may do.
pub(super) struct ModelUser {
    pub(super) user: CurrentUser,
    pub(super) actor: Actor,
}

impl ModelUser {
    pub(super) async fn rows<'a>(
        &'a self,
        state: &'a PortalState,
        model: &str,
    ) -> Result<RowService<'a>> {
        RowService::open(state, model, &self.user, &self.actor).await
    }
}

impl FromRequestParts<PortalState> for ModelUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self, Error> {
        let user = <CurrentUser as FromRequestParts<_>>::from_request_parts(parts, state).await?;
        let actor = Actor::from(&user);
        Ok(Self { user, actor })
    }
}

/// Returns the models that the caller may view.
async fn factory(State(state): State<PortalState>, user: CurrentUser) -> Result<Json<Value>> {
    let registry = state.borrow::<Models>()?.registry();
    registry.access().check(Some(&user))?;
    let visible: Vec<_> = visible_models(registry.models(), &user).collect();
    let models: Vec<Value> = visible.iter().map(|it| describe(it, &visible)).collect();
    Ok(Json(json!({ "models": models })))
}

async fn list(
    State(state): State<PortalState>,
    user: ModelUser,
    Path(model): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>> {
    let rows = user.rows(&state, &model).await?;
    let query = ListQuery::parse(rows.model(), query.as_deref().unwrap_or_default())?;
    let page = match &query.position {
        Some(position) => rows.page_at(&query, position).await?,
        None => rows.list(&query).await?,
    };
    let items: Vec<RowValues> = page.rows.into_iter().map(|row| row.values).collect();
    let total = page.total.number();
    Ok(Json(match page.place {
        Place::Number(number) => json!({
            "items": items,
            "total": total,
            "page": number,
            "per_page": query.per_page,
            "pages": total.div_ceil(query.per_page).max(1),
        }),
        Place::Between { previous, next } => json!({
            "items": items,
            "total": total,
            "total_accuracy": page.total.accuracy(),
            "per_page": query.per_page,
            "previous_cursor": previous,
            "next_cursor": next,
        }),
    }))
}

async fn create(
    State(state): State<PortalState>,
    user: ModelUser,
    Path(model): Path<String>,
    request: Request,
) -> Result<Response> {
    let rows = user.rows(&state, &model).await?;
    rows.permit(Operation::Create)?;
    let row = rows.create(body_values(request, &state).await?).await?;
    let key = rows.model().key_of(&row.values);
    let location = format!(
        "{}/api/admin/models/{model}/{}",
        state.borrow::<Config>()?.base_path,
        utf8_percent_encode(&key, NON_ALPHANUMERIC)
    );
    let mut response = (StatusCode::CREATED, row_response(row)).into_response();
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Query of [`options`].
#[derive(Debug, Deserialize)]
struct OptionsQuery {
    #[serde(default)]
    q: String,
}

/// Returns rows as the choices of a reference: those that match the text, at most 20.
async fn options(
    State(state): State<PortalState>,
    user: ModelUser,
    Path(model): Path<String>,
    Query(query): Query<OptionsQuery>,
) -> Result<Json<Vec<FieldOption>>> {
    let rows = user.rows(&state, &model).await?;
    let found = references::search(&rows, &query.q).await?;
    let options = found.into_iter();
    Ok(Json(
        options
            .map(|(key, label)| FieldOption::new(key, label))
            .collect(),
    ))
}

async fn read(
    State(state): State<PortalState>,
    user: ModelUser,
    Path((model, id)): Path<(String, String)>,
) -> Result<Response> {
    let rows = user.rows(&state, &model).await?;
    Ok(row_response(rows.get(&id).await?).into_response())
}

async fn replace(
    State(state): State<PortalState>,
    user: ModelUser,
    Path((model, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response> {
    write(&state, &user, &model, &id, request, true).await
}

async fn change(
    State(state): State<PortalState>,
    user: ModelUser,
    Path((model, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response> {
    write(&state, &user, &model, &id, request, false).await
}

async fn write(
    state: &PortalState,
    user: &ModelUser,
    model: &str,
    id: &str,
    request: Request,
    full: bool,
) -> Result<Response> {
    let rows = user.rows(state, model).await?;
    rows.permit(Operation::Change)?;
    let expected = Precondition::from_headers(request.headers())?;
    let given = body_values(request, state).await?;
    let changed = rows.change(id, &expected, given, full).await?;
    Ok(row_response(changed.row).into_response())
}

async fn remove(
    State(state): State<PortalState>,
    user: ModelUser,
    Path((model, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let rows = user.rows(&state, &model).await?;
    rows.permit(Operation::Delete)?;
    rows.delete(&id, &Precondition::from_headers(&headers)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn act(
    State(state): State<PortalState>,
    user: ModelUser,
    Path((model, action)): Path<(String, String)>,
    request: Request,
) -> Result<(StatusCode, Json<Value>)> {
    let rows = user.rows(&state, &model).await?;
    let action = RequestedAction::find(&rows, &action)?;
    let body = body_values(request, &state).await?;
    let (status, body) = action.run(&rows, body).await?;
    Ok((status, Json(body)))
}

async fn add_defaults(State(state): State<PortalState>, admin: AdminUser) -> Result<Json<Value>> {
    let added = initialize_defaults(&state, &Actor::from(&admin)).await?;
    Ok(Json(json!({ "added": added })))
}

/// Adds the application's default rows that are missing.
pub(super) async fn initialize_defaults(
    state: &PortalState,
    actor: &Actor,
) -> Result<std::collections::BTreeMap<String, u64>> {
    let models = state.borrow::<Models>()?;
    let added = match state.get::<DefaultRows>() {
        Some(defaults) => {
            defaults
                .apply(models.store(), models.registry(), actor)
                .await?
        }
        None => Default::default(),
    };
    Ok(added)
}

/// Builds the response for a row, with its `ETag`.
fn row_response(row: VisibleRow) -> impl IntoResponse {
    (
        [(header::ETAG, row.etag_header())],
        Json(Value::Object(row.values)),
    )
}

async fn body_values(request: Request, state: &PortalState) -> Result<RowValues> {
    match body_value(request, state).await? {
        Value::Object(values) => Ok(values),
        _ => Err(Error::invalid(vec![FieldError::new(
            "",
            "invalid_type",
            "must be an object",
        )])),
    }
}
