//! Running an action: permissions, arguments, the rows, and the entry in the audit log.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use serde_json::{Value, json};
use tracing::Instrument as _;
use uuid::Uuid;

use super::super::row_service::RowService;
use super::super::selection::{RowSelection, check_count};
use super::background;
use super::definition::{ActionTarget, AdminAction};
use super::report::ActionReport;
use crate::auth::{Actor, AuditLog, User};
use crate::error::{Error, FieldError, Result};
use crate::state::PortalState;
use crate::tasks::TaskContext;

/// JSON pointer of the arguments in a request body.
pub(in super::super) const ARGS: &str = "/args";

/// One execution of an action, which its audit entries name.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct ActionRun {
    pub(in super::super) id: Uuid,
    /// Name of the action.
    pub(in super::super) action: &'static str,
}

/// Result of an action: the report on the rows, and the error that ended the action early.
#[derive(Debug)]
pub(in super::super) struct ActionOutcome {
    pub(in super::super) run: Uuid,
    pub(in super::super) report: ActionReport,
    pub(in super::super) error: Option<Error>,
}

/// Returns an action of a model by name, if the user may run it.
///
/// Fails with `404 action_unknown` or `403 not_permitted`.
pub(in super::super) fn find<'a>(rows: &RowService<'a>, name: &str) -> Result<&'a AdminAction> {
    let action = rows.model().action(name);
    let action =
        action.ok_or_else(|| Error::not_found("unknown action").with_code("action_unknown"))?;
    rows.permit(action.operation())?;
    Ok(action)
}

/// Returns the errors in arguments, with pointers below `/args`.
pub(super) fn args_errors(action: &AdminAction, args: &Value) -> Vec<FieldError> {
    let errors = action.check(args).err().unwrap_or_default();
    errors.into_iter().map(below_args).collect()
}

fn below_args(error: FieldError) -> FieldError {
    FieldError {
        pointer: format!("{ARGS}{}", error.pointer),
        ..error
    }
}

/// Checks whether an action is offered for a selection.
pub(in super::super) fn check_selection(
    action: &AdminAction,
    selection: &RowSelection,
) -> Result<()> {
    let offered = |target| action.is_offered_for(target);
    let (is_offered, pointer) = match selection {
        RowSelection::Keys(keys) if keys.len() < 2 => (
            offered(ActionTarget::One) || offered(ActionTarget::Many),
            "/ids",
        ),
        RowSelection::Keys(_) => (offered(ActionTarget::Many), "/ids"),
        RowSelection::Matching { .. } => (offered(ActionTarget::All), "/all"),
    };
    if is_offered {
        return Ok(());
    }
    let targets = action.targets.iter().map(|target| match target {
        ActionTarget::One => "one row",
        ActionTarget::Many => "selected rows",
        ActionTarget::All => "all rows that match a filter",
    });
    let message = format!(
        "the action runs only on {}",
        targets.collect::<Vec<_>>().join(" or ")
    );
    let error = FieldError::new(pointer, "not_allowed", message);
    Err(Error::invalid(vec![error]))
}

/// Result of a request to run an action.
#[derive(Debug)]
pub(in super::super) enum ActionResult {
    Finished(ActionOutcome),
    /// The action runs in the task with this id.
    Enqueued(Uuid),
}

/// Runs an action, which [`find`] has returned, on rows that the user can see, or enqueues its task.
///
/// # Errors
///
/// Fails if nothing was done: the selection or the arguments are invalid, or the database is
/// unavailable. Later errors are part of the outcome.
pub(in super::super) async fn run(
    rows: &RowService<'_>,
    action: &AdminAction,
    selection: RowSelection,
    args: Value,
) -> Result<ActionResult> {
    check_selection(action, &selection)?;
    match args_errors(action, &args) {
        errors if errors.is_empty() => {}
        errors => return Err(Error::invalid(errors)),
    }
    if let RowSelection::Matching { confirmed, .. } = &selection {
        let (count, _) = rows.selected(&selection, 0).await?;
        check_count(count, *confirmed)?;
    }
    if action.is_background {
        let id = background::enqueue(rows, action, &selection, args).await?;
        return Ok(ActionResult::Enqueued(id));
    }
    // An action must not stop half-way because the client disconnects or the request times out.
    let call = ActionCall {
        state: rows.state().clone(),
        user: rows.user().clone(),
        actor: rows.actor().clone(),
        model: action.model,
        action: action.name,
        selection,
        args,
    };
    let running = tokio::spawn(call.run().in_current_span());
    let outcome = running.await.map_err(Error::internal)??;
    Ok(ActionResult::Finished(outcome))
}

/// An accepted action, independent of the request.
struct ActionCall {
    state: PortalState,
    user: User,
    actor: Actor,
    model: &'static str,
    action: &'static str,
    selection: RowSelection,
    args: Value,
}

impl ActionCall {
    async fn run(self) -> Result<ActionOutcome> {
        let rows = RowService::open(&self.state, self.model, &self.user, &self.actor).await?;
        let action = find(&rows, self.action)?;
        perform(&rows, action, self.selection, self.args, None).await
    }
}

/// Runs an action with checked arguments, possibly in a task.
pub(super) async fn perform(
    rows: &RowService<'_>,
    action: &AdminAction,
    selection: RowSelection,
    args: Value,
    task: Option<TaskContext>,
) -> Result<ActionOutcome> {
    let run = ActionRun {
        id: task.as_ref().map_or_else(Uuid::now_v7, TaskContext::id),
        action: action.name,
    };
    let cursor = rows.cursor(run, selection, task).await?;
    let so_far = cursor.report();
    let future = action.start(cursor, rows.state().clone(), args)?;
    let finished = AssertUnwindSafe(future).catch_unwind().await;
    let (report, error) = match finished {
        Ok(Ok(report)) => (report, None),
        Ok(Err(error)) => {
            let report = so_far.lock().clone();
            // An action that has not changed anything can still reject its arguments.
            if report.rows() == 0 && !error.field_errors().is_empty() {
                let errors = error.field_errors().iter().cloned().map(below_args);
                return Err(Error::invalid(errors.collect()));
            }
            (report, Some(error))
        }
        Err(_) => {
            let error = Error::internal(format!("the action `{}` panicked", action.name));
            (so_far.lock().clone(), Some(error))
        }
    };
    let outcome = ActionOutcome {
        run: run.id,
        report,
        error,
    };
    record(rows, action, &outcome).await;
    Ok(outcome)
}

/// Records an execution in the audit log, in addition to the entries for changed rows.
async fn record(rows: &RowService<'_>, action: &AdminAction, outcome: &ActionOutcome) {
    let model = action.model;
    let report = &outcome.report;
    let mut details = json!({
        "label": action.title,
        "run": outcome.run,
        "changed": report.changed(),
        "unchanged": report.unchanged(),
        "failed": report.failed(),
    });
    if let Some(error) = &outcome.error {
        details["error"] = error.code().into();
    }
    let audit = rows.state().borrow::<AuditLog>();
    let recorded = match audit {
        Ok(audit) => {
            let (name, target) = (format!("{model}.{}", action.name), format!("model:{model}"));
            audit.record(rows.actor(), &name, &target, details).await
        }
        Err(error) => Err(error),
    };
    // The rows are already changed, each with its own entry.
    if let Err(error) = recorded {
        tracing::error!(%error, model, action = action.name, "failed to record an action");
    }
}

impl ActionOutcome {
    /// Returns the report for the REST API, or the error with the report on the rows before it.
    pub(in super::super) fn into_response(self) -> Result<Value> {
        let mut report = serde_json::to_value(&self.report).map_err(Error::internal)?;
        report["run"] = self.run.to_string().into();
        match self.error {
            None => Ok(report),
            Some(error) => Err(error.with_extension("report", report)),
        }
    }
}
