//! What the buttons of the task pages do; each leaves a line in the audit log.

use axum::extract::Request;
use serde_json::json;
use uuid::Uuid;

use super::all::{days_of, span_of};
use super::{ALL, Choice, KINDS, PATH, Reader, SCHEDULES, read_form};
use crate::auth::{AuditLog, safe_return};
use crate::error::{Error, Result};
use crate::pages::{Flash, IntoPage, PageResponse};
use crate::state::PortalState;
use crate::tasks::queue::Cancelled;
use crate::tasks::service::task_not_found;
use crate::tasks::trace;

/// A form that was sent, by whom.
struct Sent<'a> {
    reader: Reader<'a>,
    choice: Choice,
    /// The task in the path.
    task_id: Option<Uuid>,
    /// What started the request, for what it starts itself.
    trace_parent: Option<String>,
}

impl<'a> Sent<'a> {
    async fn of(state: &'a PortalState, request: Request) -> Result<Self> {
        let task_id = request
            .uri()
            .path()
            .rsplit('/')
            .nth(1)
            .and_then(|id| id.parse().ok());
        let trace_parent = trace::of_request(request.headers());
        let (reader, request) = Reader::of(state, request).await?;
        let form = read_form(request, state).await?;
        Ok(Self {
            reader,
            choice: Choice::parse(&form.0),
            task_id,
            trace_parent,
        })
    }

    fn field(&self, name: &str) -> &str {
        self.choice
            .fields
            .get(name)
            .map(String::as_str)
            .unwrap_or_default()
    }

    fn task_id(&self) -> Result<Uuid> {
        self.task_id.ok_or_else(task_not_found)
    }

    /// Back to the page with the button.
    fn back(&self, flash: Flash) -> PageResponse {
        let wanted = match self.field("back") {
            "" => PATH,
            wanted => wanted,
        };
        let config = &self.reader.config;
        flash.redirect(&safe_return(config, wanted)).into_page()
    }
}

/// What a button cannot do now is a message on the page that it stands on.
fn refusal(error: Error) -> Result<Flash> {
    if error.status().is_client_error() {
        Ok(Flash::error(error.detail()))
    } else {
        Err(error)
    }
}

pub(super) async fn cancel(state: &PortalState, request: Request) -> Result<PageResponse> {
    let sent = Sent::of(state, request).await?;
    let id = sent.task_id()?;
    let Reader { tasks, user, .. } = &sent.reader;
    let mut transaction = tasks.0.store.begin().await?;
    let cancelled = tasks.cancel_in(&mut transaction, id).await?;
    if matches!(cancelled, Cancelled::Over) {
        return Ok(sent.back(Flash::info("The task had ended before")));
    }
    let target = format!("task:{id}");
    AuditLog::record_in(&mut transaction, user, "task.cancel", &target, json!({})).await?;
    transaction.commit().await?;
    tasks.cancelled(id, cancelled).await;
    Ok(sent.back(Flash::success("The task has been told to stop")))
}

pub(super) async fn run_again(state: &PortalState, request: Request) -> Result<PageResponse> {
    let mut sent = Sent::of(state, request).await?;
    let id = sent.task_id()?;
    let trace_parent = sent.trace_parent.take();
    let Reader { tasks, user, .. } = &sent.reader;
    let mut transaction = tasks.0.store.begin().await?;
    let again = tasks.run_again_in(&mut transaction, id, trace_parent).await;
    let again = match again {
        Ok(again) => again,
        Err(error) if error.code() == "task_not_found" => return Err(error),
        Err(error) => return Ok(sent.back(refusal(error)?)),
    };
    let target = format!("task:{id}");
    let details = json!({ "new_task_id": again.id });
    AuditLog::record_in(&mut transaction, user, "task.run_again", &target, details).await?;
    transaction.commit().await?;
    tasks.runs_again(again);
    Ok(sent.back(Flash::success("The task has been started again")))
}

pub(super) async fn pause(state: &PortalState, request: Request) -> Result<PageResponse> {
    set_paused(state, request, true).await
}

pub(super) async fn resume(state: &PortalState, request: Request) -> Result<PageResponse> {
    set_paused(state, request, false).await
}

async fn set_paused(state: &PortalState, request: Request, paused: bool) -> Result<PageResponse> {
    let sent = Sent::of(state, request).await?;
    let Reader { tasks, user, .. } = &sent.reader;
    let (kind_state, name) = (sent.field("state"), sent.field("task"));
    let definition = tasks.registry().find(kind_state, name)?;
    let (action, done) = if paused {
        ("tasks.pause", "is paused")
    } else {
        ("tasks.resume", "goes on")
    };
    let target = format!("task_kind:{kind_state}/{name}");
    let mut transaction = tasks.0.store.begin().await?;
    tasks
        .set_paused_in(&mut transaction, kind_state, name, paused)
        .await?;
    AuditLog::record_in(&mut transaction, user, action, &target, json!({})).await?;
    transaction.commit().await?;
    tasks.resumed(paused).await;
    let flash = Flash::success(format!("“{}” {done}", definition.title));
    Ok(flash.redirect(&sent.reader.url(KINDS)).into_page())
}

pub(super) async fn pause_schedule(state: &PortalState, request: Request) -> Result<PageResponse> {
    set_schedule_paused(state, request, true).await
}

pub(super) async fn resume_schedule(state: &PortalState, request: Request) -> Result<PageResponse> {
    set_schedule_paused(state, request, false).await
}

async fn set_schedule_paused(
    state: &PortalState,
    request: Request,
    paused: bool,
) -> Result<PageResponse> {
    let sent = Sent::of(state, request).await?;
    let Reader { tasks, user, .. } = &sent.reader;
    let (task_state, name) = (sent.field("state"), sent.field("task"));
    let (action, done) = if paused {
        ("tasks.pause_schedule", "is paused")
    } else {
        ("tasks.resume_schedule", "goes on")
    };
    let target = format!("schedule:{task_state}/{name}");
    let mut transaction = tasks.0.store.begin().await?;
    tasks
        .set_schedule_paused_in(&mut transaction, task_state, name, paused)
        .await?;
    AuditLog::record_in(&mut transaction, user, action, &target, json!({})).await?;
    transaction.commit().await?;
    tasks.schedules_changed().await;
    let flash = Flash::success(format!("The schedule of “{name}” {done}"));
    Ok(flash.redirect(&sent.reader.url(SCHEDULES)).into_page())
}

pub(super) async fn prune(state: &PortalState, request: Request) -> Result<PageResponse> {
    let sent = Sent::of(state, request).await?;
    let to_all = |flash: Flash| Ok(flash.redirect(&sent.reader.url(ALL)).into_page());
    let days = match days_of(sent.field("days")) {
        Ok(days) => days,
        Err(fault) => return to_all(Flash::error(fault.message)),
    };
    let Reader { tasks, user, .. } = &sent.reader;
    let count = tasks.count_finished(span_of(days)).await?;
    let details = json!({ "days": days, "tasks": count });
    // Small steps delete; the entry comes with the first of them.
    let mut transaction = tasks.0.store.begin().await?;
    AuditLog::record_in(&mut transaction, user, "tasks.prune", "tasks", details).await?;
    let first = tasks.prune_in(&mut transaction, span_of(days)).await?;
    transaction.commit().await?;
    let rest = tasks.prune(span_of(days)).await?;
    to_all(Flash::success(match first + rest {
        1 => "1 task has been deleted".to_owned(),
        tasks => format!("{tasks} tasks have been deleted"),
    }))
}
