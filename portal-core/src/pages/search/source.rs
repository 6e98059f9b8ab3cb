use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::query::SearchQuery;
use super::results::SearchGroup;
use crate::error::Result;

/// Timeout per source. Slower sources are omitted from the results.
const SOURCE_TIMEOUT: Duration = Duration::from_secs(3);

/// Source of results for the command palette and `/search`.
///
/// Register it on the builder with `.search(source)`. It is queried at every pause in typing,
/// initially with an empty text, and must return only what the user is currently allowed to see. If
/// it fails or takes longer than 3 seconds, the failure is logged and the results of the other
/// sources are shown.
///
/// ```
/// use portal_core::pages::{SearchGroup, SearchHit, SearchQuery, SearchSource};
/// use portal_core::prelude::*;
///
/// struct Help;
///
/// impl SearchSource for Help {
///     async fn search(&self, query: SearchQuery<'_>) -> Result<Vec<SearchGroup>> {
///         let pages = [("Billing", "/help/billing"), ("Roles", "/help/roles")];
///         let found = pages.iter().filter(|(title, _)| query.rank(title).is_some());
///         let hits = found.map(|(title, path)| SearchHit::link(*title, *path).icon("book-open"));
///         Ok(vec![SearchGroup::new("Help").hits(hits)])
///     }
/// }
/// let builder = Portal::builder().search(Help);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a search source",
    note = "implement `SearchSource` for it"
)]
pub trait SearchSource: Send + Sync + 'static {
    /// Returns the results in groups; empty groups are not shown.
    ///
    /// # Errors
    ///
    /// An error is logged; the results then omit this source.
    fn search(
        &self,
        query: SearchQuery<'_>,
    ) -> impl Future<Output = Result<Vec<SearchGroup>>> + Send;
}

type SearchFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<SearchGroup>>> + Send + 'a>>;

/// Type-erased [`SearchSource`].
trait DynSearchSource: Send + Sync {
    fn search<'a>(&'a self, query: SearchQuery<'a>) -> SearchFuture<'a>;
}

impl<S: SearchSource> DynSearchSource for S {
    fn search<'a>(&'a self, query: SearchQuery<'a>) -> SearchFuture<'a> {
        Box::pin(SearchSource::search(self, query))
    }
}

/// A portal's search sources, in the order of their results.
#[derive(Clone, Default)]
pub(crate) struct SearchSources(Vec<Arc<dyn DynSearchSource>>);

impl SearchSources {
    pub(crate) fn push(&mut self, source: impl SearchSource) {
        self.0.push(Arc::new(source));
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) async fn search(&self, query: SearchQuery<'_>) -> Vec<SearchGroup> {
        let responses = self
            .0
            .iter()
            .map(|source| tokio::time::timeout(SOURCE_TIMEOUT, source.search(query)));
        let mut groups = Vec::new();
        for response in join_all(responses).await {
            match response {
                Ok(Ok(found)) => groups.extend(found),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "search source failed; its results are omitted")
                }
                Err(_) => tracing::warn!("search source timed out; its results are omitted"),
            }
        }
        groups.retain(|group| !group.hits.is_empty());
        groups
    }
}
