//! Actions in the REST API: their descriptions, and running them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::model_view::ModelView;
use super::super::policy::Operation;
use super::super::row_service::RowService;
use super::super::selection::RowSelection;
use super::super::spec::RowValues;
use super::definition::{ActionTarget, AdminAction};
use super::execution::{self, ActionResult, args_errors};
use crate::error::{Error, FieldError, Result};
use crate::request::escape_pointer;

/// Name of the built-in action that deletes rows.
const DELETE: &str = "delete";

/// Returns the descriptions of the actions that the caller may run.
pub(in super::super) fn describe(model: &ModelView<'_>) -> Vec<Value> {
    let delete = model.permissions.delete.then(|| {
        json!({
            "name": DELETE,
            "title": "Delete",
            "description": "",
            "on": ["one", "many", "all"],
            "confirm": null,
            "danger": true,
            "background": false,
            "json_schema": null,
        })
    });
    let actions = model.actions().map(describe_action);
    delete.into_iter().chain(actions).collect()
}

fn describe_action(action: &AdminAction) -> Value {
    let targets = action.targets.iter().copied().map(ActionTarget::as_str);
    json!({
        "name": action.name,
        "title": action.title,
        "description": action.description,
        "on": targets.collect::<Vec<_>>(),
        "confirm": action.confirm,
        "danger": action.is_danger,
        "background": action.is_background,
        "json_schema": action.args_schema(),
    })
}

/// An action that a request names.
pub(in super::super) enum RequestedAction<'a> {
    /// The built-in action that deletes rows.
    Delete,
    Custom(&'a AdminAction),
}

impl<'a> RequestedAction<'a> {
    /// Returns the action with a name, if the caller may run it.
    pub(in super::super) fn find(rows: &RowService<'a>, name: &str) -> Result<Self> {
        if name == DELETE {
            rows.permit(Operation::Delete)?;
            return Ok(Self::Delete);
        }
        Ok(Self::Custom(execution::find(rows, name)?))
    }

    /// Runs the action with the selection and the arguments of a request body, and returns the
    /// status and the body of the response.
    pub(in super::super) async fn run(
        self,
        rows: &RowService<'a>,
        mut body: RowValues,
    ) -> Result<(StatusCode, Value)> {
        let selection = RowSelection::take_from(rows.model(), &mut body);
        let (selection, mut errors) = match selection {
            Ok(selection) => (Some(selection), Vec::new()),
            Err(errors) => (None, errors),
        };
        let mut args = Value::Null;
        if let Self::Custom(action) = self {
            args = body.remove("args").unwrap_or_else(|| json!({}));
            errors.extend(args_errors(action, &args));
        }
        errors.extend(body.keys().map(|name| {
            let pointer = format!("/{}", escape_pointer(name));
            FieldError::new(pointer, "unknown_field", self.members())
        }));
        let Some(selection) = selection.filter(|_| errors.is_empty()) else {
            return Err(Error::invalid(errors));
        };
        match self {
            Self::Delete => {
                let deleted = rows.delete_all(&selection).await?;
                Ok((StatusCode::OK, json!({ "deleted": deleted })))
            }
            Self::Custom(action) => match execution::run(rows, action, selection, args).await? {
                ActionResult::Finished(outcome) => Ok((StatusCode::OK, outcome.into_response()?)),
                ActionResult::Enqueued(id) => Ok((StatusCode::ACCEPTED, json!({ "task_id": id }))),
            },
        }
    }

    /// Returns the message for an unknown member of the request body.
    fn members(&self) -> &'static str {
        match self {
            Self::Delete => "unknown member; use ids, or all with filter, search and confirm",
            Self::Custom(_) => {
                "unknown member; use args, and ids, or all with filter, search and confirm"
            }
        }
    }
}
