//! Actions on the task pages; each action by an administrator is audited.

use serde_json::json;

use super::all_tasks::{days_of, span_of};
use super::area::Area;
use super::request::{TaskId, TraceParent};
use super::scope::{AdminScope, PageScope};
use super::{ALL, SCHEDULES, TASK_TYPES};
use crate::auth::{AuditLog, safe_return};
use crate::error::{Error, Result};
use crate::fields::FormFields;
use crate::pages::{Flash, Href, IntoPage, PageResponse};
use crate::tasks::engine::queue::CancelOutcome;
use crate::tasks::service::check_start;

/// Redirects to the page that contains the button.
fn back(scope: &PageScope, form: &FormFields, flash: Flash) -> PageResponse {
    let wanted = form.get("back").unwrap_or(scope.area.root());
    flash
        .redirect(Href::host(safe_return(&scope.config, wanted)))
        .into_page()
}

/// Converts a client error into a message on the page that contains the button.
fn refusal(error: Error) -> Result<Flash> {
    if error.status().is_client_error() {
        Ok(Flash::error(error.detail()))
    } else {
        Err(error)
    }
}

pub(super) async fn cancel(
    scope: PageScope,
    TaskId(id): TaskId,
    form: FormFields,
) -> Result<PageResponse> {
    let PageScope { tasks, user, .. } = &scope;
    scope.find(id).await?;
    let mut transaction = tasks.0.store.begin().await?;
    let cancelled = tasks.cancel_in(&mut transaction, id).await?;
    if matches!(cancelled, CancelOutcome::AlreadyFinished) {
        return Ok(back(
            &scope,
            &form,
            Flash::info("The task had already finished"),
        ));
    }
    let done = match cancelled {
        CancelOutcome::Requested(_) => "Cancelling the task…",
        _ => "Task cancelled",
    };
    if scope.area == Area::Admin {
        let target = format!("task:{id}");
        AuditLog::record_in(&mut transaction, user, "task.cancel", &target, json!({})).await?;
    }
    transaction.commit().await?;
    tasks.publish_cancelled(id, cancelled).await;
    Ok(back(&scope, &form, Flash::success(done)))
}

pub(super) async fn run_again(
    scope: PageScope,
    TaskId(id): TaskId,
    TraceParent(trace_parent): TraceParent,
    form: FormFields,
) -> Result<PageResponse> {
    let PageScope { tasks, user, .. } = &scope;
    let record = scope.find(id).await?;
    if let Some(task_type) = tasks.registry().get(&record.group, &record.name)
        && scope.area == Area::Own
    {
        check_start(task_type, Some(user))?;
    }
    let mut transaction = tasks.0.store.begin().await?;
    let again = tasks.run_again_in(&mut transaction, id, trace_parent).await;
    let again = match again {
        Ok(again) => again,
        Err(error) if error.code() == "task_not_found" => return Err(error),
        Err(error) => return Ok(back(&scope, &form, refusal(error)?)),
    };
    if scope.area == Area::Admin {
        let target = format!("task:{id}");
        let details = json!({ "new_task_id": again.id });
        AuditLog::record_in(&mut transaction, user, "task.run_again", &target, details).await?;
    }
    transaction.commit().await?;
    let page = scope.task_path(tasks.publish_rerun(again), "");
    let started = Flash::success("New task started");
    // A list stays open, whereas the page of a task redirects to the new task.
    Ok(match form.get("back") {
        None => started.redirect(page).into_page(),
        Some(_) => back(&scope, &form, started.link("View", page)),
    })
}

pub(super) async fn pause(AdminScope(scope): AdminScope, form: FormFields) -> Result<PageResponse> {
    set_paused(&scope, &form, true).await
}

pub(super) async fn resume(
    AdminScope(scope): AdminScope,
    form: FormFields,
) -> Result<PageResponse> {
    set_paused(&scope, &form, false).await
}

async fn set_paused(scope: &PageScope, form: &FormFields, paused: bool) -> Result<PageResponse> {
    let PageScope { tasks, user, .. } = scope;
    let (group, name) = (form.text("state"), form.text("task"));
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
    Ok(flash.redirect(TASK_TYPES).into_page())
}

pub(super) async fn pause_schedule(
    AdminScope(scope): AdminScope,
    form: FormFields,
) -> Result<PageResponse> {
    set_schedule_paused(&scope, &form, true).await
}

pub(super) async fn resume_schedule(
    AdminScope(scope): AdminScope,
    form: FormFields,
) -> Result<PageResponse> {
    set_schedule_paused(&scope, &form, false).await
}

async fn set_schedule_paused(
    scope: &PageScope,
    form: &FormFields,
    paused: bool,
) -> Result<PageResponse> {
    let PageScope { tasks, user, .. } = scope;
    let (group, name) = (form.text("state"), form.text("task"));
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
    Ok(flash.redirect(SCHEDULES).into_page())
}

pub(super) async fn prune(AdminScope(scope): AdminScope, form: FormFields) -> Result<PageResponse> {
    let to_all = |flash: Flash| Ok(flash.redirect(ALL).into_page());
    let days = match days_of(form.text("days")) {
        Ok(days) => days,
        Err(error) => return to_all(Flash::error(error.message)),
    };
    let PageScope { tasks, user, .. } = &scope;
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
