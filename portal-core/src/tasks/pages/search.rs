//! Search results for tasks: start forms for task types, lists by status, and a task by its id.

use uuid::Uuid;

use crate::auth::Access;
use crate::error::Result;
use crate::pages::{Href, SearchGroup, SearchHit, SearchQuery, SearchSource};
use crate::tasks::OWN;
use crate::tasks::record::TaskStatus;
use crate::tasks::service::{Tasks, check_access};

/// Search source for task types that the user may start and for the user's tasks.
pub(crate) struct TaskSearch;

impl SearchSource for TaskSearch {
    async fn search(&self, query: SearchQuery<'_>) -> Result<Vec<SearchGroup>> {
        let may_open = |user| Access::User.allows(Some(user));
        let user = match query.user {
            Some(user) if !query.text.is_empty() && may_open(user) => user,
            _ => return Ok(Vec::new()),
        };
        let tasks = query.state.borrow::<Tasks>()?;
        let (one, all) = if user.is_admin() {
            ("/admin/tasks", "/admin/tasks/all")
        } else {
            (OWN, OWN)
        };
        let mut hits = statuses(&query, all);
        if let Ok(id) = query.text.parse::<Uuid>()
            && let Some(task) = tasks.get(id).await?
            && (user.is_admin() || task.owner_user_id == Some(user.id))
        {
            let href = format!("{one}/{id}");
            let hit = SearchHit::link(task.title.to_string(), href).icon("list-checks");
            hits.push((0, hit.hint(task.status.as_str())));
        }
        for task_type in tasks.registry().startable() {
            let title = format!("Start {}", task_type.title);
            let Some(rank) = query
                .rank(&title)
                .or_else(|| query.rank(&format!("{title} {}", task_type.name)))
            else {
                continue;
            };
            if check_access(task_type, Some(user)).is_err() {
                continue;
            }
            let start = Href::from(OWN)
                .query("state", &task_type.group)
                .query("task", task_type.name);
            let hit = SearchHit::link(title, start)
                .icon("play")
                .hint(task_type.group.as_str());
            hits.push((rank, hit));
        }
        hits.sort_by_key(|(rank, _)| *rank);
        Ok(vec![
            SearchGroup::new("Tasks").hits(hits.into_iter().map(|(_, hit)| hit)),
        ])
    }
}

/// Returns links to the task lists by status.
fn statuses(query: &SearchQuery<'_>, list: &str) -> Vec<(u8, SearchHit)> {
    let all = [
        (TaskStatus::Pending, "Pending tasks"),
        (TaskStatus::Processing, "Running tasks"),
        (TaskStatus::Completed, "Completed tasks"),
        (TaskStatus::Error, "Failed tasks"),
    ];
    let all = all.into_iter().filter_map(|(status, title)| {
        let rank = query.rank(title)?;
        let href = format!("{list}?status={status}");
        Some((rank, SearchHit::link(title, href).icon("list-checks")))
    });
    all.collect()
}
