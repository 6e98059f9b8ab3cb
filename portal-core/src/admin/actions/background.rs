//! Actions that run as background tasks, with the permissions of the user who started them.

use axum::http::StatusCode;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::super::model_view::ModelView;
use super::super::operator::Operator;
use super::super::query::{Filter, ListQuery};
use super::super::registry::ModelRegistry;
use super::super::row_service::RowService;
use super::super::selection::RowSelection;
use super::definition::AdminAction;
use super::execution;
use super::report::ActionReport;
use super::row_cursor::{CANCELLED, SUPERSEDED};
use crate::auth::{Actor, Auth};
use crate::error::{Error, Result};
use crate::state::PortalState;
use crate::tasks::{Initiator, Task, TaskContext, TaskDefinition, TaskError, TaskFuture, Tasks};

/// Maximum size of the arguments of a task, which contain the keys of the selected rows.
const MAX_ARGS: usize = 1024 * 1024;

/// Number of attempts after the database was unavailable.
const RETRIES: u32 = 5;

/// Arguments of the task of an action.
#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
struct BackgroundArgs {
    model: String,
    action: String,
    rows: StoredSelection,
    args: Value,
    /// Id of the impersonator at the provider, if the user was impersonated.
    acted_by: Option<String>,
}

/// Selected rows, as stored in the arguments of a task.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum StoredSelection {
    Ids(Vec<String>),
    Matching {
        search: String,
        filters: Vec<StoredFilter>,
    },
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct StoredFilter {
    field: String,
    operator: String,
    values: Vec<Value>,
}

/// Returns the task types of all actions that run in the background.
pub(crate) fn action_tasks(models: &ModelRegistry) -> impl Iterator<Item = TaskDefinition> {
    let actions = models.models().iter().flat_map(|model| &model.actions);
    actions.filter(|it| it.is_background).map(task_type)
}

fn task_type(action: &AdminAction) -> TaskDefinition {
    Task::<BackgroundArgs, ActionReport>::new(action.source, action.model, action.name, run)
        .title(action.title.clone())
        .description(action.description.clone())
        .internal()
        .max_args(MAX_ARGS)
        .retries(RETRIES)
        .into_definition()
}

/// Enqueues the task of an action, and returns its id.
pub(super) async fn enqueue(
    rows: &RowService<'_>,
    action: &AdminAction,
    selection: &RowSelection,
    args: Value,
) -> Result<Uuid> {
    let tasks = rows.state().borrow::<Tasks>()?;
    let definition = tasks.registry().get(action.model, action.name);
    let definition = definition.ok_or_else(|| Error::internal("the action has no task type"))?;
    let args = BackgroundArgs {
        model: action.model.to_owned(),
        action: action.name.to_owned(),
        rows: StoredSelection::of(selection),
        args,
        acted_by: rows.actor().acted_by().map(str::to_owned),
    };
    let args = serde_json::to_value(args).map_err(Error::internal)?;
    let initiator = Initiator::from(rows.user());
    let (id, _) = tasks
        .enqueue_json(definition, args, initiator, None)
        .await?;
    Ok(id)
}

/// Runs an action in its task.
fn run(task: TaskContext, state: PortalState, args: BackgroundArgs) -> TaskFuture<ActionReport> {
    Box::pin(async move {
        match perform(&task, &state, args).await {
            Ok(report) => Ok(report),
            Err(error) => Err(task_error(&error)),
        }
    })
}

async fn perform(
    task: &TaskContext,
    state: &PortalState,
    args: BackgroundArgs,
) -> Result<ActionReport> {
    let owner = match task.owner_user_id() {
        Some(id) => state.borrow::<Auth>()?.user(id).await?,
        None => None,
    };
    let owner = owner.ok_or_else(|| Error::forbidden("the user no longer exists"))?;
    let actor = Actor::of_user(&owner, args.acted_by);
    let rows = RowService::open(state, &args.model, &owner, &actor).await?;
    let action = execution::find(&rows, &args.action)?;
    let selection = args.rows.restore(rows.model())?;
    let outcome =
        execution::perform(&rows, action, selection, args.args, Some(task.clone())).await?;
    match outcome.error {
        None => Ok(outcome.report),
        Some(error) if [CANCELLED, SUPERSEDED].contains(&error.code()) => Err(error),
        Some(error) => {
            let report = &outcome.report;
            let changed = match report.changed() {
                1 => "1 row was changed".to_owned(),
                changed => format!("{changed} rows were changed"),
            };
            let (detail, failed) = (error.detail(), report.failed());
            let detail = format!("{detail}; before, {changed} and {failed} failed");
            let code = error.code().to_owned();
            Err(Error::new(error.status(), code, detail).with_cause(error))
        }
    }
}

/// Returns the error of a task; only an unavailable database is worth another attempt.
fn task_error(error: &Error) -> TaskError {
    let detail = error.detail().to_owned();
    let task_error = match error.status() {
        StatusCode::SERVICE_UNAVAILABLE => TaskError::retryable(detail),
        _ => TaskError::permanent(detail),
    };
    task_error.with_code(error.code().to_owned())
}

impl StoredSelection {
    fn of(selection: &RowSelection) -> Self {
        match selection {
            RowSelection::Keys(keys) => Self::Ids(keys.clone()),
            RowSelection::Matching { query, .. } => Self::Matching {
                search: query.search.clone(),
                filters: query.filters.iter().map(StoredFilter::of).collect(),
            },
        }
    }

    /// Returns the selection, if the user may still view its fields.
    fn restore(self, model: &ModelView<'_>) -> Result<RowSelection> {
        let (search, filters) = match self {
            Self::Ids(keys) => return Ok(RowSelection::Keys(keys)),
            Self::Matching { search, filters } => (search, filters),
        };
        let mut query = ListQuery::first_page(model);
        let search = query.set_search(&search);
        search.map_err(|error| Error::invalid(vec![error]))?;
        for filter in filters {
            query.filters.push(filter.restore(model)?);
        }
        Ok(RowSelection::Matching {
            query: Box::new(query),
            confirmed: None,
        })
    }
}

impl StoredFilter {
    fn of(filter: &Filter) -> Self {
        Self {
            field: filter.field.to_owned(),
            operator: filter.operator.name().to_owned(),
            values: filter.values.clone(),
        }
    }

    fn restore(self, model: &ModelView<'_>) -> Result<Filter> {
        let (field, operator) = (model.field(&self.field), Operator::parse(&self.operator));
        let (Some(field), Some(operator)) = (field, operator) else {
            let detail = format!("the filter by `{}` is no longer valid", self.field);
            return Err(Error::conflict("filter_invalid", detail));
        };
        Ok(Filter {
            field: field.name,
            operator,
            values: self.values,
        })
    }
}
