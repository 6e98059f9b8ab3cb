//! Actions: application code that administrators run on rows of a model.

mod background;
mod definition;
mod drawer;
mod entry;
mod execution;
mod registry;
mod report;
mod rest;
mod row_cursor;
mod rows;

pub use definition::{ActionArgs, ActionEntry, ActionFuture, AdminAction};
pub use report::{ActionReport, FailedRow};
pub use rows::{ActionRow, Rows};

pub(crate) use background::action_tasks;
pub(super) use drawer::{ActionForm, report_drawer, summary};
pub(super) use entry::{bulk_bar, form, list_menu, may_select, may_select_all, row_menu};
pub(super) use execution::{
    ARGS, ActionOutcome, ActionResult, ActionRun, check_selection, find, run,
};
pub(crate) use registry::attach;
pub(super) use rest::{RequestedAction, describe as describe_actions};
pub(super) use row_cursor::RowCursor;
