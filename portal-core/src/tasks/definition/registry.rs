//! Registry of the portal's task types.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::task::TaskDefinition;
use crate::error::Error;
use crate::tasks::record::TaskRecord;
use crate::tasks::service::task_unknown;

/// Task groups that would shadow a route of the portal.
const RESERVED_GROUPS: [&str; 8] = [
    "admin",
    "auth",
    "tasks",
    "users",
    "collections",
    "client-tokens",
    "webhooks",
    "docs",
];

/// All task types, by group and name.
#[derive(Debug, Default)]
pub(crate) struct TaskRegistry {
    groups: BTreeMap<String, BTreeMap<&'static str, Arc<TaskDefinition>>>,
}

impl TaskRegistry {
    /// Adds a task type, or returns the reason why it cannot be added.
    pub(crate) fn insert(&mut self, definition: TaskDefinition) -> Result<(), String> {
        let TaskDefinition {
            source,
            group,
            name,
            ..
        } = &definition;
        let place = format!("       {source}   {}:{}", source.file, source.line);
        if RESERVED_GROUPS.contains(&group.as_str()) {
            return Err(format!(
                "task `{source}` is in the group `{group}`, which would shadow a route of the portal\n{place}\n     choose another group with `group = \"..\"`"
            ));
        }
        let word = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
        };
        if !word(group) || !word(name) {
            return Err(format!(
                "task `{source}` is named `{group}/{name}`; both parts appear in URLs\n{place}\n     use letters, digits, `_` and `-`"
            ));
        }
        if let Some(other) = self.get(group, name) {
            if other.source == *source {
                return Ok(());
            }
            let other = other.source;
            return Err(format!(
                "two task types are named `{group}/{name}`\n       {other}   {}:{}\n{place}\n     change one with `group = \"..\"` or `name = \"..\"`",
                other.file, other.line
            ));
        }
        let group = group.clone();
        self.groups
            .entry(group)
            .or_default()
            .insert(definition.name, Arc::new(definition));
        Ok(())
    }

    pub(crate) fn get(&self, group: &str, name: &str) -> Option<&Arc<TaskDefinition>> {
        self.groups.get(group)?.get(name)
    }

    /// Returns all task types, sorted by group and name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<TaskDefinition>> {
        self.groups.values().flat_map(BTreeMap::values)
    }

    /// Returns the task types that are not internal, sorted by group and name.
    pub(crate) fn startable(&self) -> impl Iterator<Item = &Arc<TaskDefinition>> {
        self.all().filter(|definition| !definition.internal)
    }

    /// Finds a task type, or returns an error that names the unknown part.
    pub(in crate::tasks) fn find(
        &self,
        group: &str,
        name: &str,
    ) -> Result<&Arc<TaskDefinition>, Error> {
        self.require_group(group)?;
        self.get(group, name)
            .ok_or_else(|| task_unknown(group, name))
    }

    pub(in crate::tasks) fn require_group(&self, group: &str) -> Result<(), Error> {
        if self.groups.contains_key(group) {
            return Ok(());
        }
        Err(
            Error::not_found(format!("there is no task group `{group}`"))
                .with_code("state_unknown"),
        )
    }

    /// Sets the title of a record to the title of its task type.
    pub(in crate::tasks) fn with_title(&self, mut record: TaskRecord) -> TaskRecord {
        if let Some(definition) = self.get(&record.group, &record.name) {
            record.title = Arc::clone(&definition.title);
        }
        record
    }
}
