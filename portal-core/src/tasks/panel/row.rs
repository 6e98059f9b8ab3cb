//! A task as a row of a list.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use super::Reader;
use crate::error::Result;
use crate::pages::components::TaskRowView;
use crate::tasks::TaskRecord;

/// The addresses of users, by id.
pub(super) type Owners = HashMap<Uuid, String>;

/// The owners of some tasks.
pub(super) async fn owners(reader: &Reader<'_>, records: &[TaskRecord]) -> Result<Owners> {
    let mut owners = Owners::new();
    for id in records.iter().filter_map(|record| record.owner_user_id) {
        if !owners.contains_key(&id)
            && let Some(user) = reader.users.get(id).await?
        {
            owners.insert(id, user.email);
        }
    }
    Ok(owners)
}

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
            attempt: record.attempt,
            max_attempts: record.max_attempts,
            created_at: record.created_at.to_rfc3339(),
            started_at: record.started_at.map(|at| at.to_rfc3339()),
            finished_at: record.finished_at.map(|at| at.to_rfc3339()),
            ..Self::default()
        }
    }
}

/// The row with the buttons of an administrator.
pub(super) fn row(reader: &Reader<'_>, record: &TaskRecord) -> TaskRowView {
    let address = format!("/admin/tasks/{}", record.id);
    let action = |verb: &str| Some(reader.url(&format!("{address}/{verb}")));
    TaskRowView {
        href: Some(reader.url(&address)),
        cancel_action: record.is_active().then(|| action("cancel")).flatten(),
        // Shown once the task has ended, which a live list may see happen.
        again_action: action("again"),
        ..TaskRowView::from(record)
    }
}

/// The same with the task's owner.
pub(super) fn row_of(reader: &Reader<'_>, record: &TaskRecord, owners: &Owners) -> TaskRowView {
    let owner = record.owner_user_id.and_then(|id| owners.get(&id).cloned());
    TaskRowView {
        owner,
        ..row(reader, record)
    }
}
