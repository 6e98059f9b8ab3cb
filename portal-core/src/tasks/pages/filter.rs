//! Filters of a task list, stored in the URL, and the links to older tasks.

use maud::{Markup, html};
use uuid::Uuid;

use super::compact_select;
use super::scope::PageScope;
use crate::error::Result;
use crate::fields::Fields;
use crate::pages::Href;
use crate::pages::components::{Button, icon};
use crate::tasks::engine::queue::QueueFilter;
use crate::tasks::{TaskRecord, TaskStatus};

/// One option in the status filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Status {
    /// Value in the URL.
    value: &'static str,
    label: &'static str,
    status: TaskStatus,
    /// A cancelled task has the same status as a failed one; only its code differs.
    cancelled: Option<bool>,
}

const STATUSES: [Status; 5] = {
    const fn new(
        value: &'static str,
        label: &'static str,
        status: TaskStatus,
        cancelled: Option<bool>,
    ) -> Status {
        Status {
            value,
            label,
            status,
            cancelled,
        }
    }
    [
        new("PENDING", "Pending", TaskStatus::Pending, None),
        new("PROCESSING", "Running", TaskStatus::Processing, None),
        new("COMPLETED", "Completed", TaskStatus::Completed, None),
        new("ERROR", "Failed", TaskStatus::Error, Some(false)),
        new("CANCELLED", "Cancelled", TaskStatus::Error, Some(true)),
    ]
};

/// Filters and position of a task list.
pub(super) struct TaskListFilter {
    path: &'static str,
    /// Other query parameters to preserve.
    keep: Vec<(String, String)>,
    status: Option<&'static Status>,
    /// Group and name.
    task_type: Option<(String, String)>,
    text: Option<String>,
    /// E-mail address of an owner.
    pub(super) owner: Option<String>,
    before: Option<Uuid>,
}

impl TaskListFilter {
    /// Reads the filters from the query; ignores unknown values.
    pub(super) fn of(
        scope: &PageScope,
        choice: &Fields,
        path: &'static str,
        keep: &[(&str, &str)],
    ) -> Self {
        let owned = |text: &str| text.to_owned();
        Self {
            path,
            keep: keep
                .iter()
                .map(|(name, value)| (owned(name), owned(value)))
                .collect(),
            status: choice
                .get("status")
                .and_then(|value| STATUSES.iter().find(|status| status.value == value)),
            task_type: choice
                .get("kind")
                .and_then(|task_type| task_type.split_once('/'))
                .and_then(|(group, name)| scope.tasks.registry().get(group, name))
                .filter(|task_type| !task_type.internal)
                .map(|task_type| (task_type.group.clone(), task_type.name.to_owned())),
            text: choice.get("q").map(owned),
            owner: choice.get("owner").map(owned),
            before: choice.get("before").and_then(|id| id.parse().ok()),
        }
    }

    pub(super) fn is_filtered(&self) -> bool {
        self.status.is_some()
            || self.task_type.is_some()
            || self.text.is_some()
            || self.owner.is_some()
    }

    /// Returns `true` if the page is not the first one, which starts with the newest task.
    pub(super) fn is_later(&self) -> bool {
        self.before.is_some()
    }

    /// Returns the filter without the owner and the limit.
    pub(super) fn filter(&self) -> QueueFilter {
        QueueFilter {
            status: self.status.map(|status| status.status),
            cancelled: self.status.and_then(|status| status.cancelled),
            group: self.task_type.as_ref().map(|(group, _)| group.clone()),
            name: self.task_type.as_ref().map(|(_, name)| name.clone()),
            text: self.text.clone(),
            before: self.before,
            ..QueueFilter::default()
        }
    }

    /// Returns the tasks of one page with their results, and the id of the last one if more follow.
    pub(super) async fn page(
        &self,
        scope: &PageScope,
        filter: &QueueFilter,
        per_page: usize,
    ) -> Result<(Vec<TaskRecord>, Option<Uuid>)> {
        let (mut records, is_cut) = scope.tasks.list_with_results(filter).await?;
        let has_more = is_cut || records.len() > per_page;
        records.truncate(per_page);
        let older = records.last().map(|record| record.id);
        Ok((records, older.filter(|_| has_more)))
    }

    /// Returns the URL of the page with these filters, but with the given status and position.
    fn address_with(&self, status: Option<&Status>, before: Option<Uuid>) -> Href<'static> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.keep);
        if let Some(status) = status {
            query.append_pair("status", status.value);
        }
        if let Some((group, name)) = &self.task_type {
            query.append_pair("kind", &format!("{group}/{name}"));
        }
        if let Some(text) = &self.text {
            query.append_pair("q", text);
        }
        if let Some(owner) = &self.owner {
            query.append_pair("owner", owner);
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        self.with_query(&query.finish())
    }

    fn with_query(&self, query: &str) -> Href<'static> {
        if query.is_empty() {
            Href::from(self.path)
        } else {
            Href::from(format!("{}?{query}", self.path))
        }
    }

    /// Returns the URL of the current page.
    pub(super) fn here(&self) -> Href<'static> {
        self.address_with(self.status, self.before)
    }

    /// Returns the URL without filters.
    pub(super) fn clear(&self) -> Href<'static> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.keep)
            .finish();
        self.with_query(&query)
    }

    /// Renders links to older tasks and back to the newest ones.
    pub(super) fn pages(&self, older: Option<Uuid>) -> Option<Markup> {
        (older.is_some() || self.before.is_some()).then(|| {
            html! {
                @if self.before.is_some() {
                    (Button::new("Newest").size(1).icon("arrow-left").href(self.address_with(self.status, None)))
                }
                @if older.is_some() {
                    (Button::new("Older").size(1).icon_end("arrow-right").href(self.address_with(self.status, older)))
                }
            }
        })
    }

    /// Renders the filters: a chip for each status, and a form for the other filters.
    pub(super) fn toolbar(&self, scope: &PageScope, of_everyone: bool) -> Markup {
        let chip = |status: Option<&'static Status>, label: &str| {
            let is_here = self.status == status;
            html! {
                a href=(self.address_with(status, None)) aria-current=[is_here.then_some("true")] { (label) }
            }
        };
        let task_types = scope
            .tasks
            .registry()
            .all()
            .filter(|task_type| scope.may_start(task_type));
        let is_type = |group: &str, name: &str| {
            self.task_type
                .as_ref()
                .is_some_and(|task_type| task_type.0 == group && task_type.1 == name)
        };
        html! {
            div class="pt-filters" {
                nav class="pt-statuses" aria-label="Status" {
                    (chip(None, "All"))
                    @for status in &STATUSES { (chip(Some(status), status.label)) }
                }
                form class="pt-row" role="search" aria-label="Filter tasks" method="get" action=(Href::from(self.path)) data-autosubmit {
                    @for (name, value) in &self.keep { input type="hidden" name=(name) value=(value); }
                    @if let Some(status) = self.status { input type="hidden" name="status" value=(status.value); }
                    span class="pt-search" {
                        (icon("search"))
                        input class="pt-input" data-size="1" type="search" name="q" value=[&self.text] placeholder="Name, message or ID" aria-label="Search by name, message or ID";
                    }
                    (compact_select("kind", "Task type", html! {
                        option value="" { "All types" }
                        @for task_type in task_types {
                            option value={ (task_type.group) "/" (task_type.name) } selected[is_type(&task_type.group, task_type.name)] { (task_type.title) }
                        }
                    }))
                    @if of_everyone {
                        input class="pt-input pt-owner" data-size="1" type="search" name="owner" value=[&self.owner] placeholder="Owner’s e-mail" aria-label="Filter by the owner’s e-mail address";
                    }
                    span class="pt-no-js" { (Button::new("Show").size(1).submit()) }
                    @if self.is_filtered() { (Button::new("Clear").size(1).ghost().icon("x").href(self.clear())) }
                }
            }
        }
    }
}
