//! `/api/admin`.

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::audit;
use super::defaults::DefaultRows;
use super::describe::describe;
use super::models::Models;
use super::query::ListQuery;
use super::record::{Expected, Record};
use super::rows::Rows;
use super::spec::Values;
use crate::auth::{Access, AdminUser, Routes};
use crate::config::Config;
use crate::error::{Error, Fault, Result};
use crate::request::body_value;
use crate::state::PortalState;

/// Most rows that one action takes.
const MOST_IDS: usize = 1000;

/// The REST interface of admin models.
pub(crate) fn routes() -> Routes {
    let (rows, row) = (
        "/api/admin/models/{model}",
        "/api/admin/models/{model}/{id}",
    );
    let action = "/api/admin/models/{model}/actions/{action}";
    Routes::new()
        .get("/api/admin/models", Access::Admin, factory)
        .get(rows, Access::Admin, list)
        .post(rows, Access::Admin, create)
        .get(row, Access::Admin, read)
        .put(row, Access::Admin, replace)
        .patch(row, Access::Admin, change)
        .delete(row, Access::Admin, remove)
        .post(action, Access::Admin, act)
        .post("/api/admin/defaults", Access::Admin, add_defaults)
        .merge(audit::routes())
}

async fn factory(State(state): State<PortalState>, _: AdminUser) -> Result<Json<Value>> {
    let models = state.borrow::<Models>()?.registry().models();
    let models: Vec<Value> = models.iter().map(describe).collect();
    Ok(Json(json!({ "models": models })))
}

async fn list(
    State(state): State<PortalState>,
    _: AdminUser,
    Path(model): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>> {
    let rows = Rows::find(&state, &model)?;
    let query = ListQuery::parse(rows.model(), query.as_deref().unwrap_or_default())?;
    let page = rows.list(&query).await?;
    let items: Vec<Values> = page.records.into_iter().map(|it| it.values).collect();
    Ok(Json(json!({
        "items": items,
        "total": page.total,
        "page": query.page,
        "per_page": query.per_page,
        "pages": page.total.div_ceil(query.per_page).max(1),
    })))
}

async fn create(
    State(state): State<PortalState>,
    admin: AdminUser,
    Path(model): Path<String>,
    request: Request,
) -> Result<Response> {
    let rows = Rows::find(&state, &model)?;
    let record = rows.create(body_values(request, &state).await?).await?;
    let key = rows.model().key_of(&record.values);
    tracing::info!(admin = %admin.id, model, row = key, "row added");
    let location = format!(
        "{}/api/admin/models/{model}/{}",
        state.borrow::<Config>()?.base_path,
        utf8_percent_encode(&key, NON_ALPHANUMERIC)
    );
    let mut response = (StatusCode::CREATED, answer(record)).into_response();
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn read(
    State(state): State<PortalState>,
    _: AdminUser,
    Path((model, id)): Path<(String, String)>,
) -> Result<Response> {
    let record = Rows::find(&state, &model)?.get(&id).await?;
    Ok(answer(record).into_response())
}

async fn replace(
    State(state): State<PortalState>,
    admin: AdminUser,
    Path((model, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response> {
    write(&state, &admin, &model, &id, request, true).await
}

async fn change(
    State(state): State<PortalState>,
    admin: AdminUser,
    Path((model, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response> {
    write(&state, &admin, &model, &id, request, false).await
}

async fn write(
    state: &PortalState,
    admin: &AdminUser,
    model: &str,
    id: &str,
    request: Request,
    full: bool,
) -> Result<Response> {
    let rows = Rows::find(state, model)?;
    let expected = Expected::from_headers(request.headers())?;
    let given = body_values(request, state).await?;
    let record = rows.change(id, &expected, given, full).await?;
    tracing::info!(admin = %admin.id, model, row = id, "row changed");
    Ok(answer(record).into_response())
}

async fn remove(
    State(state): State<PortalState>,
    admin: AdminUser,
    Path((model, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let rows = Rows::find(&state, &model)?;
    rows.delete(&id, &Expected::from_headers(&headers)?).await?;
    tracing::info!(admin = %admin.id, model, row = id, "row deleted");
    Ok(StatusCode::NO_CONTENT)
}

async fn act(
    State(state): State<PortalState>,
    admin: AdminUser,
    Path((model, action)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Value>> {
    let rows = Rows::find(&state, &model)?;
    if action != "delete" {
        return Err(Error::not_found("the model has no such action").with_code("action_unknown"));
    }
    let keys = read_ids(body_values(request, &state).await?).map_err(Error::invalid)?;
    let deleted = rows.delete_all(&keys).await?;
    tracing::info!(admin = %admin.id, model, deleted, "rows deleted");
    Ok(Json(json!({ "deleted": deleted })))
}

async fn add_defaults(State(state): State<PortalState>, admin: AdminUser) -> Result<Json<Value>> {
    let added = initialize_defaults(&state, &admin).await?;
    Ok(Json(json!({ "added": added })))
}

/// Adds the application's default rows that are missing.
pub(super) async fn initialize_defaults(
    state: &PortalState,
    admin: &AdminUser,
) -> Result<std::collections::BTreeMap<String, u64>> {
    let models = state.borrow::<Models>()?;
    let added = match state.get::<DefaultRows>() {
        Some(defaults) => defaults.apply(models.store(), models.registry()).await?,
        None => Default::default(),
    };
    tracing::info!(admin = %admin.id, ?added, "defaults initialized");
    Ok(added)
}

/// A row with its `ETag`.
fn answer(record: Record) -> impl IntoResponse {
    (
        [(header::ETAG, record.etag_header())],
        Json(Value::Object(record.values)),
    )
}

async fn body_values(request: Request, state: &PortalState) -> Result<Values> {
    match body_value(request, state).await? {
        Value::Object(values) => Ok(values),
        _ => Err(Error::invalid(vec![Fault::new(
            "",
            "invalid_type",
            "send an object",
        )])),
    }
}

/// Reads `{"ids": [...]}`.
fn read_ids(body: Values) -> Result<Vec<String>, Vec<Fault>> {
    let mut faults: Vec<Fault> = body
        .keys()
        .filter(|name| *name != "ids")
        .map(|name| {
            let pointer = format!("/{}", crate::request::escape_pointer(name));
            Fault::new(pointer, "unknown_field", "there is only `ids`")
        })
        .collect();
    let mut keys = Vec::new();
    match body.get("ids") {
        Some(Value::Array(ids)) if ids.len() > MOST_IDS => {
            faults.push(Fault::new(
                "/ids",
                "too_long",
                format!("send at most {MOST_IDS} ids at once"),
            ));
        }
        Some(Value::Array(ids)) => {
            for (index, id) in ids.iter().enumerate() {
                match id {
                    Value::String(text) => keys.push(text.clone()),
                    Value::Number(number) => keys.push(number.to_string()),
                    _ => faults.push(Fault::new(
                        format!("/ids/{index}"),
                        "invalid_type",
                        "write an id",
                    )),
                }
            }
        }
        Some(_) => faults.push(Fault::new("/ids", "invalid_type", "send a list of ids")),
        None => faults.push(Fault::new("/ids", "required", "send a list of ids")),
    }
    if faults.is_empty() {
        Ok(keys)
    } else {
        Err(faults)
    }
}
