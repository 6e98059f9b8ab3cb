//! Actions: application code that administrators run on rows of a model.

mod definition;
mod execution;
mod registry;
mod report;
mod rest;
mod rows;

pub use definition::{ActionArgs, ActionEntry, ActionFuture, AdminAction};
pub use report::{ActionReport, FailedRow};
pub use rows::{ActionRow, Rows};

pub(super) use definition::ActionTarget;
pub(super) use execution::{ActionOutcome, ActionRun, find, run};
pub(crate) use registry::attach;
pub(super) use rest::{RequestedAction, describe as describe_actions};
pub(super) use rows::RowCursor;
