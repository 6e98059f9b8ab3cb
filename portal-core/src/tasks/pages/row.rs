//! Rows in task lists.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;
use uuid::Uuid;

use super::PageScope;
use super::area::Area;
use crate::error::Result;
use crate::pages::components::TaskRowView;
use crate::tasks::engine::detail_fields;
use crate::tasks::{TaskRecord, TaskStatus};

/// Names of users, by id.
pub(super) type Owners = HashMap<Uuid, String>;

/// Returns the names of the owners of these tasks.
pub(super) async fn owners(scope: &PageScope, records: &[TaskRecord]) -> Result<Owners> {
    let ids = records.iter().filter_map(|record| record.owner_user_id);
    scope.users.names(ids).await
}

/// Formats a result for display: a string without quotes, anything else as JSON.
pub(super) fn shown_result(value: &Value, format: impl Fn(&Value) -> String) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        value => Some(format(value)),
    }
}

/// Maximum length of a result in a row, in characters; the task's page shows the whole result.
const MAX_RESULT: usize = 500;

fn cut(text: String) -> String {
    match text.char_indices().nth(MAX_RESULT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Converts a record to a row without buttons.
impl From<&TaskRecord> for TaskRowView {
    fn from(record: &TaskRecord) -> Self {
        let result = record.result.as_ref();
        Self {
            id: record.id.to_string(),
            title: record.title.to_string(),
            group: record.group.clone(),
            name: record.name.clone(),
            status: record.status.to_string(),
            progress: record.progress,
            message: record.message.clone(),
            result: result
                .and_then(|result| shown_result(result, Value::to_string))
                .map(cut),
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

/// Data about the tasks in a list that is not part of their records.
pub(super) struct Surroundings {
    owners: Owners,
    paused: BTreeSet<(String, String)>,
    cancelling: HashSet<Uuid>,
}

impl Surroundings {
    pub(super) async fn of(scope: &PageScope, records: &[TaskRecord]) -> Result<Self> {
        let has = |status| records.iter().any(|record| record.status == status);
        let running = records
            .iter()
            .filter(|record| record.status == TaskStatus::Processing);
        Ok(Self {
            owners: match scope.area {
                Area::Own => Owners::new(),
                Area::Admin => owners(scope, records).await?,
            },
            paused: if has(TaskStatus::Pending) {
                scope.tasks.paused_types().await?
            } else {
                BTreeSet::new()
            },
            cancelling: detail_fields::cancelling(
                &scope.tasks.0.store,
                running.map(|record| record.id),
            )
            .await?,
        })
    }

    /// Returns the row with the buttons of the area.
    pub(super) fn row(&self, scope: &PageScope, record: &TaskRecord) -> TaskRowView {
        let is_own = record.owner_user_id == Some(scope.user.id);
        let owner = record.owner_user_id.filter(|_| !is_own);
        TaskRowView {
            owner: owner.and_then(|id| self.owners.get(&id).cloned()),
            href: Some(scope.task_path(record.id, "")),
            cancel_action: record
                .is_active()
                .then(|| scope.task_path(record.id, "/cancel")),
            // The button is shown once the task has finished, which may happen while a live list is
            // open.
            run_again_action: Some(scope.task_path(record.id, "/again")),
            is_cancelling: self.cancelling.contains(&record.id),
            note: self.is_paused(record).then(|| PAUSED.to_owned()),
            ..TaskRowView::from(record)
        }
    }

    fn is_paused(&self, record: &TaskRecord) -> bool {
        record.status == TaskStatus::Pending
            && self
                .paused
                .contains(&(record.group.clone(), record.name.clone()))
    }
}

/// Reason why a task of a paused type does not start.
const PAUSED: &str = "Waiting: this task type is paused";
