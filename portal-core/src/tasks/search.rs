//! Search results for task types: a link to the form that starts each.

use url::form_urlencoded;

use super::panel::OWN;
use super::service::{Tasks, check_access};
use crate::auth::Access;
use crate::error::Result;
use crate::pages::{SearchGroup, SearchHit, SearchQuery, SearchSource};

/// Finds the task types that the user may start.
pub(crate) struct TaskSearch;

impl SearchSource for TaskSearch {
    async fn search(&self, query: SearchQuery<'_>) -> Result<Vec<SearchGroup>> {
        let may_open = |reader| Access::User.allows(Some(reader));
        let reader = match query.reader {
            Some(reader) if !query.text.is_empty() && may_open(reader) => reader,
            _ => return Ok(Vec::new()),
        };
        let mut hits = Vec::new();
        for kind in query.state.borrow::<Tasks>()?.registry().startable() {
            let title = format!("Start {}", kind.title);
            let Some(rank) = query
                .rank(&title)
                .or_else(|| query.rank(&format!("{title} {}", kind.name)))
            else {
                continue;
            };
            if check_access(kind, Some(reader)).is_err() {
                continue;
            }
            let href = query.url(OWN) + "?";
            let end = href.len();
            let mut href = form_urlencoded::Serializer::for_suffix(href, end);
            href.append_pair("state", &kind.state);
            href.append_pair("task", kind.name);
            let hit = SearchHit::link(title, href.finish())
                .icon("play")
                .hint(kind.state.as_str());
            hits.push((rank, hit));
        }
        hits.sort_by_key(|(rank, _)| *rank);
        Ok(vec![
            SearchGroup::new("Tasks").hits(hits.into_iter().map(|(_, hit)| hit)),
        ])
    }
}
