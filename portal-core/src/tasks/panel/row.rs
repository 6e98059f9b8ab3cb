//! A task as a row of a list.

use serde_json::Value;

use super::Reader;
use crate::pages::components::TaskRowView;
use crate::tasks::TaskRecord;

/// The row without buttons.
impl From<&TaskRecord> for TaskRowView {
    fn from(record: &TaskRecord) -> Self {
        Self {
            id: record.id.to_string(),
            title: record.title.to_string(),
            state: record.state.clone(),
            name: record.name.clone(),
            status: record.status.to_string(),
            progress: record.progress,
            message: record.message.clone(),
            result: record.result.as_ref().map(Value::to_string),
            error: record.error.clone(),
            created_at: record.created_at.to_rfc3339(),
            started_at: record.started_at.map(|at| at.to_rfc3339()),
            finished_at: record.finished_at.map(|at| at.to_rfc3339()),
            cancel_action: None,
            again_action: None,
        }
    }
}

/// The row with the buttons of an administrator.
pub(super) fn row(reader: &Reader<'_>, record: &TaskRecord) -> TaskRowView {
    let action = |verb: &str| Some(reader.url(&format!("/admin/tasks/{}/{verb}", record.id)));
    TaskRowView {
        cancel_action: record.is_active().then(|| action("cancel")).flatten(),
        // Shown once the task has ended, which a live list may see happen.
        again_action: action("again"),
        ..TaskRowView::from(record)
    }
}
