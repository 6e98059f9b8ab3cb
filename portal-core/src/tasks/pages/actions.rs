//! Actions of the task pages; each action of an administrator is audited.

use axum::extract::Request;
use serde_json::json;
use uuid::Uuid;

use super::all_tasks::{days_of, span_of};
use super::area::Area;
use super::{ALL, PageScope, RequestFields, SCHEDULES, TASK_TYPES, read_form};
use crate::auth::{AuditLog, safe_return};
use crate::error::{Error, Result};
use crate::pages::{Flash, IntoPage, PageResponse};
use crate::state::PortalState;
use crate::tasks::engine::queue::CancelOutcome;
use crate::tasks::service::{check_start, task_not_found};
use crate::tasks::trace_context;

/// A submitted form and its sender.
struct ActionForm<'a> {
    reader: PageScope<'a>,
    choice: RequestFields,
    /// The task in the path.
    task_id: Option<Uuid>,
    /// Trace context of the request, passed to the task that it starts.
    trace_parent: Option<String>,
}

impl<'a> ActionForm<'a> {
    async fn of(state: &'a PortalState, request: Request) -> Result<Self> {
        Self::in_area(Area::Admin, state, request).await
    }

    async fn in_area(area: Area, state: &'a PortalState, request: Request) -> Result<Self> {
        let task_id = request
            .uri()
            .path()
            .rsplit('/')
            .nth(1)
            .and_then(|id| id.parse().ok());
        let trace_parent = trace_context::of_request(request.headers());
        let (reader, request) = PageScope::in_area(area, state, request).await?;
        let form = read_form(request, state).await?;
        Ok(Self {
            reader,
            choice: RequestFields::parse(&form.0),
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

    /// Redirects to the page with the button.
    fn back(&self, flash: Flash) -> PageResponse {
        let wanted = match self.field("back") {
            "" => self.reader.area.root(),
            wanted => wanted,
        };
        let config = &self.reader.config;
        flash.redirect(&safe_return(config, wanted)).into_page()
    }
}

/// Converts a client error into a message on the page with the button.
fn refusal(error: Error) -> Result<Flash> {
    if error.status().is_client_error() {
        Ok(Flash::error(error.detail()))
    } else {
        Err(error)
    }
}

pub(super) async fn cancel(
    state: &PortalState,
    request: Request,
    area: Area,
) -> Result<PageResponse> {
    let sent = ActionForm::in_area(area, state, request).await?;
    let id = sent.task_id()?;
    let PageScope { tasks, user, .. } = &sent.reader;
    sent.reader.find(id).await?;
    let mut transaction = tasks.0.store.begin().await?;
    let cancelled = tasks.cancel_in(&mut transaction, id).await?;
    if matches!(cancelled, CancelOutcome::AlreadyFinished) {
        return Ok(sent.back(Flash::info("The task had already finished")));
    }
    let done = match cancelled {
        CancelOutcome::Requested(_) => "Cancelling the task…",
        _ => "Task cancelled",
    };
    if area == Area::Admin {
        let target = format!("task:{id}");
        AuditLog::record_in(&mut transaction, user, "task.cancel", &target, json!({})).await?;
    }
    transaction.commit().await?;
    tasks.publish_cancelled(id, cancelled).await;
    Ok(sent.back(Flash::success(done)))
}

pub(super) async fn run_again(
    state: &PortalState,
    request: Request,
    area: Area,
) -> Result<PageResponse> {
    let mut sent = ActionForm::in_area(area, state, request).await?;
    let id = sent.task_id()?;
    let trace_parent = sent.trace_parent.take();
    let PageScope { tasks, user, .. } = &sent.reader;
    let record = sent.reader.find(id).await?;
    if let Some(task_type) = tasks.registry().get(&record.group, &record.name)
        && area == Area::Own
    {
        check_start(task_type, Some(user))?;
    }
    let mut transaction = tasks.0.store.begin().await?;
    let again = tasks.run_again_in(&mut transaction, id, trace_parent).await;
    let again = match again {
        Ok(again) => again,
        Err(error) if error.code() == "task_not_found" => return Err(error),
        Err(error) => return Ok(sent.back(refusal(error)?)),
    };
    if area == Area::Admin {
        let target = format!("task:{id}");
        let details = json!({ "new_task_id": again.id });
        AuditLog::record_in(&mut transaction, user, "task.run_again", &target, details).await?;
    }
    transaction.commit().await?;
    let page = sent.reader.task_url(tasks.publish_rerun(again), "");
    let started = Flash::success("New task started");
    // A list stays open; the page of a task redirects to the new task.
    Ok(match sent.field("back") {
        "" => started.redirect(&page).into_page(),
        _ => sent.back(started.link("View", page)),
    })
}

pub(super) async fn pause(state: &PortalState, request: Request) -> Result<PageResponse> {
    set_paused(state, request, true).await
}

pub(super) async fn resume(state: &PortalState, request: Request) -> Result<PageResponse> {
    set_paused(state, request, false).await
}

async fn set_paused(state: &PortalState, request: Request, paused: bool) -> Result<PageResponse> {
    let sent = ActionForm::of(state, request).await?;
    let PageScope { tasks, user, .. } = &sent.reader;
    let (group, name) = (sent.field("state"), sent.field("task"));
    let definition = tasks.registry().find(group, name)?;
    let (action, done) = if paused {
        ("tasks.pause", "paused")
    } else {
        ("tasks.resume", "resumed")
    };
    let target = format!("task_kind:{group}/{name}");
    let mut transaction = tasks.0.store.begin().await?;
    tasks
        .set_paused_in(&mut transaction, group, name, paused)
        .await?;
    AuditLog::record_in(&mut transaction, user, action, &target, json!({})).await?;
    transaction.commit().await?;
    tasks.resumed(paused).await;
    let flash = Flash::success(format!("“{}” {done}", definition.title));
    Ok(flash.redirect(&sent.reader.url(TASK_TYPES)).into_page())
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
    let sent = ActionForm::of(state, request).await?;
    let PageScope { tasks, user, .. } = &sent.reader;
    let (group, name) = (sent.field("state"), sent.field("task"));
    let (action, done) = if paused {
        ("tasks.pause_schedule", "paused")
    } else {
        ("tasks.resume_schedule", "resumed")
    };
    let target = format!("schedule:{group}/{name}");
    let mut transaction = tasks.0.store.begin().await?;
    tasks
        .set_schedule_paused_in(&mut transaction, group, name, paused)
        .await?;
    AuditLog::record_in(&mut transaction, user, action, &target, json!({})).await?;
    transaction.commit().await?;
    tasks.schedules_changed().await;
    let flash = Flash::success(format!("Schedule of “{name}” {done}"));
    Ok(flash.redirect(&sent.reader.url(SCHEDULES)).into_page())
}

pub(super) async fn prune(state: &PortalState, request: Request) -> Result<PageResponse> {
    let sent = ActionForm::of(state, request).await?;
    let to_all = |flash: Flash| Ok(flash.redirect(&sent.reader.url(ALL)).into_page());
    let days = match days_of(sent.field("days")) {
        Ok(days) => days,
        Err(fault) => return to_all(Flash::error(fault.message)),
    };
    let PageScope { tasks, user, .. } = &sent.reader;
    let count = tasks.count_finished(span_of(days)).await?;
    let details = json!({ "days": days, "tasks": count });
    // Tasks are deleted in batches; the first one also stores the audit entry.
    let mut transaction = tasks.0.store.begin().await?;
    AuditLog::record_in(&mut transaction, user, "tasks.prune", "tasks", details).await?;
    let first = tasks.prune_in(&mut transaction, span_of(days)).await?;
    transaction.commit().await?;
    let rest = tasks.prune(span_of(days)).await?;
    to_all(Flash::success(match first + rest {
        1 => "1 task deleted".to_owned(),
        tasks => format!("{tasks} tasks deleted"),
    }))
}
