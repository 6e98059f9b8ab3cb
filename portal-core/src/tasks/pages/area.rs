//! The two areas that show tasks: `/tasks` with the user's own, `/admin/tasks` for administrators.

use std::fmt::Display;

use uuid::Uuid;

use super::{PageScope, actions, detail, start};
use crate::auth::{Access, RateClass};
use crate::error::Result;
use crate::pages::{NavItem, Page};
use crate::source;
use crate::tasks::service::{check_access, check_start, task_not_found};
use crate::tasks::{OWN, TaskDefinition, TaskRecord};

/// Path of the page for one of the user's tasks; notifications link to it.
pub(crate) const OWN_TASK: &str = "/tasks/{task_id}";
const START_OWN: &str = "/tasks/start";

/// Area that a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    /// The user's own tasks, across all of their client tokens.
    Own,
    /// Tasks of all users.
    Admin,
}

impl Area {
    pub(super) fn root(self) -> &'static str {
        match self {
            Self::Own => OWN,
            Self::Admin => super::PATH,
        }
    }

    /// Returns the root path for the event stream and the log file of a task.
    pub(super) fn api(self) -> &'static str {
        match self {
            Self::Own => "/api/tasks",
            Self::Admin => "/api/admin/tasks",
        }
    }
}

impl PageScope {
    /// Returns the path of a task's page, followed by `rest`.
    pub(super) fn task_path(&self, id: impl Display, rest: &str) -> String {
        format!("{}/{id}{rest}", self.area.root())
    }

    /// Returns a task that the user may see here; any other task is reported as not found.
    pub(super) async fn find(&self, id: Uuid) -> Result<TaskRecord> {
        let record = self.tasks.get(id).await?;
        record
            .filter(|record| match self.area {
                Area::Admin => true,
                Area::Own => record.owner_user_id == Some(self.user.id) && self.may_use(record),
            })
            .ok_or_else(task_not_found)
    }

    fn may_use(&self, record: &TaskRecord) -> bool {
        let task_type = self.tasks.registry().get(&record.group, &record.name);
        // Tasks stay visible if only another version of the portal registers their type.
        task_type.is_none_or(|task_type| self.may_see(task_type))
    }

    /// Returns `true` if the user may see their own tasks of this type.
    ///
    /// The application enqueues tasks of internal types on the user's behalf.
    fn may_see(&self, task_type: &TaskDefinition) -> bool {
        task_type.internal || check_access(task_type, Some(&self.user)).is_ok()
    }

    /// Returns `true` if the user may start tasks of this type.
    pub(super) fn may_start(&self, task_type: &TaskDefinition) -> bool {
        check_start(task_type, Some(&self.user)).is_ok()
    }

    /// Returns the task types hidden from the user's own lists because they may no longer use them.
    pub(super) fn hidden_types(&self) -> Vec<(String, &'static str)> {
        let all = self.tasks.registry().all();
        all.filter(|task_type| !self.may_see(task_type))
            .map(|task_type| (task_type.group.clone(), task_type.name))
            .collect()
    }
}

/// Returns the pages in the users' own area.
pub(super) fn own_pages() -> Vec<Page> {
    let nav = NavItem::new("My tasks").icon("play").order(30);
    let page = |page: Page| {
        page.title("My tasks")
            .description("Start background tasks and follow their progress.")
            .access(Access::User)
    };
    vec![
        page(Page::get(OWN, start::show))
            .source(source!(own_tasks))
            .nav(nav),
        // A rejected form is shown at this path, from which live regions are then requested.
        page(Page::get(START_OWN, start::show)).source(source!(own_tasks)),
        page(Page::post(START_OWN, start::start))
            .source(source!(start_own_task))
            .rate_class(RateClass::StartTask),
        page(Page::get(OWN_TASK, detail::show)).source(source!(own_task)),
        page(Page::post("/tasks/{task_id}/cancel", actions::cancel))
            .source(source!(cancel_own_task)),
        page(Page::post("/tasks/{task_id}/again", actions::run_again))
            .source(source!(run_own_task_again))
            .rate_class(RateClass::StartTask),
    ]
}
