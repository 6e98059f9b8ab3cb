//! Actions in the REST API: their descriptions, and running them.

use serde_json::{Value, json};

use super::super::model_view::ModelView;
use super::super::policy::Operation;
use super::super::row_service::RowService;
use super::definition::{ActionTarget, AdminAction};
use super::execution;
use super::selection::Selection;
use crate::error::Result;

/// Name of the built-in action that deletes rows.
const DELETE: &str = "delete";

/// Returns the descriptions of the actions that the caller may run.
pub(in super::super) fn describe(model: &ModelView<'_>) -> Vec<Value> {
    let delete = model.permissions.delete.then(|| {
        json!({
            "name": DELETE,
            "title": "Delete",
            "description": "",
            "on": ["one", "many"],
            "confirm": null,
            "danger": true,
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

    /// Runs the action, and returns the response.
    pub(in super::super) async fn run(
        self,
        rows: &RowService<'a>,
        keys: Vec<String>,
        args: Value,
    ) -> Result<Value> {
        match self {
            Self::Delete => Ok(json!({ "deleted": rows.delete_all(&keys).await? })),
            Self::Custom(action) => {
                let selection = Selection::Keys(keys);
                let outcome = execution::run(rows, action, selection, args).await?;
                outcome.into_response()
            }
        }
    }
}
