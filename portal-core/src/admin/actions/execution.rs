//! Running an action: permissions, arguments, the rows, and the entry in the audit log.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::row_service::RowService;
use super::definition::{ActionTarget, AdminAction, invalid_args};
use super::report::ActionReport;
use super::selection::Selection;
use crate::auth::AuditLog;
use crate::error::{Error, FieldError, Result};

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

/// Checks whether an action is offered for a selection, and whether its arguments are valid.
pub(in super::super) fn check(
    action: &AdminAction,
    selection: &Selection,
    args: &Value,
) -> Result<()> {
    check_selection(action, selection)?;
    action.check(args).map_err(invalid_args)
}

fn check_selection(action: &AdminAction, selection: &Selection) -> Result<()> {
    let offered = |target| action.is_offered_for(target);
    let (is_offered, pointer) = match selection {
        Selection::Keys(keys) if keys.len() < 2 => (
            offered(ActionTarget::One) || offered(ActionTarget::Many),
            "/ids",
        ),
        Selection::Keys(_) => (offered(ActionTarget::Many), "/ids"),
        Selection::Matching(_) => (offered(ActionTarget::All), "/all"),
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

/// Runs an action on rows that the user can see.
///
/// # Errors
///
/// Fails if nothing was done: the user may not run the action, the selection or the arguments are
/// invalid, or the database is unavailable. Later errors are part of the outcome.
pub(in super::super) async fn run(
    rows: &RowService<'_>,
    action: &AdminAction,
    selection: Selection,
    args: Value,
) -> Result<ActionOutcome> {
    rows.permit(action.operation())?;
    check(action, &selection, &args)?;
    let run = ActionRun {
        id: Uuid::now_v7(),
        action: action.name,
    };
    let cursor = rows.cursor(run, selection).await?;
    let so_far = cursor.report();
    let future = action.start(cursor, rows.state().clone(), args)?;
    let finished = AssertUnwindSafe(future).catch_unwind().await;
    let (report, error) = match finished {
        Ok(Ok(report)) => (report, None),
        Ok(Err(error)) => (so_far.lock().clone(), Some(error)),
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
