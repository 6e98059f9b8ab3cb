//! `/api/{state}/tasks` and `/api/client-tokens`: enqueue, read and cancel tasks; client tokens.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::authorize::AuthorizedClient;
use super::queue::QueueFilter;
use super::record::{TaskRecord, TaskStatus};
use super::service::{Tasks, check_start, task_not_found};
use super::starter::Initiator;
use super::task::TaskDefinition;
use super::trace_context;
use super::{admin_events, history, monitor};
use crate::auth::{Access, ClientTokens, CurrentUser, Guard, NewClientToken, RateClass, Routes};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::request::{ApiQuery, ListPage, body_within, parse_json, require_json};
use crate::state::{Data, PortalState};

pub(crate) fn routes() -> Routes {
    let owner = || Guard::ClientToken(Access::Public);
    let token_writes = Routes::new()
        .post("/api/client-tokens", Access::User, create_token)
        .delete(
            "/api/client-tokens/{client_token}",
            Access::User,
            delete_token,
        )
        .rate_class(RateClass::ClientToken);
    let start = Routes::new()
        .post(
            "/api/{state}/tasks/{client_token}/start/{task}",
            owner(),
            enqueue,
        )
        .rate_class(RateClass::StartTask);
    Routes::new()
        .get("/api/client-tokens", Access::User, list_tokens)
        .get("/api/tasks", Access::Public, list_types)
        .get("/api/{state}/tasks/{client_token}/status", owner(), list)
        .get(
            "/api/{state}/tasks/{client_token}/status/{task_id}",
            owner(),
            status,
        )
        .get("/api/{state}/tasks/{client_token}", owner(), list)
        .get(
            "/api/{state}/tasks/{client_token}/{task_id}",
            owner(),
            status,
        )
        .get(
            "/api/{state}/tasks/{client_token}/result/{task_id}",
            owner(),
            result,
        )
        .post(
            "/api/{state}/tasks/{client_token}/cancel/{task_id}",
            owner(),
            cancel,
        )
        .get(
            "/api/{state}/tasks/{client_token}/history/{task_id}",
            owner(),
            history::history,
        )
        .merge(token_writes)
        .merge(start)
        .merge(monitor::routes())
        .merge(admin_events::routes())
}

async fn create_token(
    user: CurrentUser,
    tokens: Data<ClientTokens>,
) -> Result<(StatusCode, Json<NewClientToken>)> {
    // A token has all permissions of its owner and outlives the session.
    user.require_not_impersonated()?;
    Ok((StatusCode::CREATED, Json(tokens.create(user.id).await?)))
}

async fn list_tokens(user: CurrentUser, tokens: Data<ClientTokens>) -> Result<Json<Value>> {
    let tokens = tokens.list_for_user(user.id).await?;
    Ok(Json(json!({ "client_tokens": tokens })))
}

async fn delete_token(
    user: CurrentUser,
    tokens: Data<ClientTokens>,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    tokens.revoke(&id, user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_types(tasks: Data<Tasks>, config: Data<Config>) -> Json<Value> {
    let kinds: Vec<_> = tasks
        .registry()
        .startable()
        .map(|kind| describe(kind, &config.base_path))
        .collect();
    Json(json!({ "tasks": kinds }))
}

fn describe(kind: &TaskDefinition, base_path: &str) -> Value {
    let (state, name) = (&kind.state, kind.name);
    let root = format!("{base_path}/api/{state}/tasks/{{client_token}}");
    json!({
        "state": state,
        "name": name,
        "title": &*kind.title,
        "description": kind.description,
        "args_schema": kind.args_schema(),
        "example": kind.example(),
        "access": kind.access.to_string(),
        "urls": {
            "start": format!("{root}/start/{name}"),
            "status": format!("{root}/status/{{task_id}}"),
            "result": format!("{root}/result/{{task_id}}"),
            "cancel": format!("{root}/cancel/{{task_id}}"),
            "history": format!("{root}/history/{{task_id}}"),
            "monitor": format!("{base_path}/api/tasks/{{client_token}}/{{task_id}}/monitor"),
        },
    })
}

#[derive(Deserialize)]
struct StartPath {
    state: String,
    client_token: String,
    task: String,
}

async fn enqueue(
    State(state): State<PortalState>,
    Path(path): Path<StartPath>,
    request: Request,
) -> Result<Response> {
    let tasks = state.borrow::<Tasks>()?;
    let owner = AuthorizedClient::of(&state, &path.client_token).await?;
    let definition = tasks.registry().find(&path.state, &path.task)?;
    check_start(definition, Some(&owner.user))?;
    // The token as the client sent it, since the portal does not store it.
    let secret: Uuid = path.client_token.parse().map_err(Error::internal)?;
    let token = owner.token;
    let idempotency_key = idempotency_key(request.headers())?;
    let trace_parent = trace_context::of_request(request.headers());
    let args = read_args(definition, request).await?;
    let starter = Initiator {
        client_token_id: Some(token.id),
        owner_user_id: Some(token.user_id),
        trace_parent,
    };
    let (id, _) = tasks
        .enqueue_json(definition, args, starter, idempotency_key)
        .await?;
    let base_path = &state.borrow::<Config>()?.base_path;
    let location = format!(
        "{base_path}/api/{}/tasks/{}/status/{id}",
        path.state, secret
    );
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, location)],
        Json(json!({ "task_id": id })),
    )
        .into_response())
}

/// Reads the body as arguments; an empty body counts as an empty object.
async fn read_args(definition: &TaskDefinition, request: Request) -> Result<Value> {
    let headers = request.headers().clone();
    let bytes = body_within(request, definition.max_args)
        .await?
        .ok_or_else(|| definition.args_too_large())?;
    if definition.args_schema().is_none() || bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    require_json(&headers)?;
    parse_json(&bytes)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Error::bad_request(
            "`Idempotency-Key` must have 1 to 255 visible ASCII characters",
        )
        .with_code("invalid_idempotency_key")),
    }
}

#[derive(Deserialize)]
pub(super) struct TaskPath {
    state: String,
    client_token: String,
    task_id: String,
}

/// Returns the task of a path; checks the token with its owner, then the group, then the task.
pub(super) async fn find(state: &PortalState, path: &TaskPath) -> Result<TaskRecord> {
    let tasks = state.borrow::<Tasks>()?;
    let owner = AuthorizedClient::of(state, &path.client_token).await?;
    tasks.registry().require_group(&path.state)?;
    let id: Uuid = path.task_id.parse().map_err(|_| task_not_found())?;
    let mine = |record: &TaskRecord| {
        record.client_token_id == Some(owner.token.id) && record.group == path.state
    };
    let record = tasks.get(id).await?.filter(mine);
    let record = record.ok_or_else(task_not_found)?;
    owner.check(tasks.registry(), &record)?;
    Ok(record)
}

async fn status(
    State(state): State<PortalState>,
    Path(path): Path<TaskPath>,
) -> Result<Json<TaskRecord>> {
    find(&state, &path).await.map(Json)
}

#[derive(Deserialize)]
struct ListPath {
    state: String,
    client_token: String,
}

#[derive(Deserialize)]
struct ListQuery {
    limit: Option<String>,
    cursor: Option<String>,
}

async fn list(
    State(state): State<PortalState>,
    Path(path): Path<ListPath>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<TaskListBody>> {
    let tasks = state.borrow::<Tasks>()?;
    let owner = AuthorizedClient::of(&state, &path.client_token).await?;
    tasks.registry().require_group(&path.state)?;
    let page = ListPage::parse(query.limit.as_deref(), query.cursor.as_deref())?;
    let filter = QueueFilter {
        client_token_id: Some(owner.token.id),
        without: owner
            .task_types(tasks.registry(), Some(&path.state), false)
            .map(|kind| (kind.state.clone(), kind.name))
            .collect(),
        state: Some(path.state.clone()),
        before: page.before,
        limit: page.to_read(),
        ..QueueFilter::default()
    };
    let (mut records, is_cut) = tasks.list_with_results(&filter).await?;
    // Large results end a page early.
    let next_cursor = if is_cut {
        records.last().map(|record| record.id)
    } else {
        page.next_cursor(&mut records, |record| record.id)
    };
    Ok(Json(TaskListBody {
        all_tasks: ById(records),
        next_cursor,
    }))
}

#[derive(Serialize)]
struct TaskListBody {
    all_tasks: ById,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

/// Tasks serialized as an object by id, in the order of the list.
struct ById(Vec<TaskRecord>);

impl Serialize for ById {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for record in &self.0 {
            map.serialize_entry(&record.id, record)?;
        }
        map.end()
    }
}

async fn result(
    State(state): State<PortalState>,
    Path(path): Path<TaskPath>,
) -> Result<Json<Value>> {
    let record = find(&state, &path).await?;
    match record.status {
        TaskStatus::Completed => Ok(Json(record.result.unwrap_or(Value::Null))),
        TaskStatus::Error => Err(Error::conflict(
            "task_failed",
            record.error.clone().unwrap_or_default(),
        )
        .with_extension("task", &record)),
        _ => Err(Error::conflict(
            "task_not_finished",
            format!("the task is {}", record.status),
        )
        .with_extension("task", &record)),
    }
}

async fn cancel(
    State(state): State<PortalState>,
    Path(path): Path<TaskPath>,
) -> Result<(StatusCode, Json<Value>)> {
    let record = find(&state, &path).await?;
    let stopping = state.borrow::<Tasks>()?.cancel(record.id).await?;
    let status = if stopping {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(json!({ "task_id": record.id }))))
}
