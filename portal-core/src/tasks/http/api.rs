//! `/api/{state}/tasks`: enqueues, reads and cancels tasks.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::authorize::AuthorizedClient;
use crate::auth::{Access, Guard, RateClass, Routes};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::request::{ApiQuery, ListPage, body_within, parse_json, require_json};
use crate::state::{Data, PortalState};
use crate::tasks::definition::task::TaskDefinition;
use crate::tasks::engine::queue::QueueFilter;
use crate::tasks::events::history::{self, TaskHistory};
use crate::tasks::initiator::Initiator;
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::service::{Tasks, check_start, task_not_found};
use crate::tasks::trace_context;

pub(super) fn routes() -> Routes {
    let owner = || Guard::ClientToken(Access::Public);
    let start = Routes::new()
        .post(
            "/api/{state}/tasks/{client_token}/start/{task}",
            owner(),
            enqueue,
        )
        .rate_class(RateClass::StartTask);
    Routes::new()
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
            history,
        )
        .merge(start)
}

async fn list_types(tasks: Data<Tasks>, config: Data<Config>) -> Json<Value> {
    let task_types: Vec<_> = tasks
        .registry()
        .startable()
        .map(|task_type| describe(task_type, &config.base_path))
        .collect();
    Json(json!({ "tasks": task_types }))
}

fn describe(task_type: &TaskDefinition, base_path: &str) -> Value {
    let (group, name) = (&task_type.group, task_type.name);
    let root = format!("{base_path}/api/{group}/tasks/{{client_token}}");
    json!({
        "state": group,
        "name": name,
        "title": &*task_type.title,
        "description": task_type.description,
        "args_schema": task_type.args_schema(),
        "example": task_type.example(),
        "access": task_type.access.to_string(),
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
    #[serde(rename = "state")]
    group: String,
    client_token: String,
    task: String,
}

async fn enqueue(
    State(state): State<PortalState>,
    Path(path): Path<StartPath>,
    request: Request,
) -> Result<Response> {
    let tasks = state.borrow::<Tasks>()?;
    let owner = AuthorizedClient::verify(&state, &path.client_token).await?;
    let definition = tasks.registry().find(&path.group, &path.task)?;
    check_start(definition, Some(&owner.user))?;
    // Use the token that the client sent, because the portal does not store tokens.
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
        path.group, secret
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
struct TaskPath {
    #[serde(rename = "state")]
    group: String,
    client_token: String,
    task_id: String,
}

/// Returns the task that a path refers to; checks the token and its owner, then the group, then the
/// task.
async fn find(state: &PortalState, path: &TaskPath) -> Result<TaskRecord> {
    let tasks = state.borrow::<Tasks>()?;
    let owner = AuthorizedClient::verify(state, &path.client_token).await?;
    tasks.registry().require_group(&path.group)?;
    let id: Uuid = path.task_id.parse().map_err(|_| task_not_found())?;
    let mine = |record: &TaskRecord| {
        record.client_token_id == Some(owner.token.id) && record.group == path.group
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
    #[serde(rename = "state")]
    group: String,
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
    let owner = AuthorizedClient::verify(&state, &path.client_token).await?;
    tasks.registry().require_group(&path.group)?;
    let page = ListPage::parse(query.limit.as_deref(), query.cursor.as_deref())?;
    let filter = QueueFilter {
        client_token_id: Some(owner.token.id),
        without: owner
            .task_types(tasks.registry(), Some(&path.group), false)
            .map(|task_type| (task_type.group.clone(), task_type.name))
            .collect(),
        group: Some(path.group.clone()),
        before: page.before,
        limit: page.to_read(),
        ..QueueFilter::default()
    };
    let (mut records, is_cut) = tasks.list_with_results(&filter).await?;
    // A page is cut short if its results are large.
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

/// Tasks that are serialized as an object by id, in the order of the list.
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

async fn history(
    State(state): State<PortalState>,
    Path(path): Path<TaskPath>,
) -> Result<Json<TaskHistory>> {
    let record = find(&state, &path).await?;
    let store = &state.borrow::<Tasks>()?.0.store;
    Ok(Json(history::read(store, &record).await?))
}
