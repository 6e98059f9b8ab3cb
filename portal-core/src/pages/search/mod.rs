//! Search over everything that a reader may see: pages, records, tasks, actions.
//!
//! `/search` is its page, and `/palette` the same results for the command palette. Who knows of
//! something that can be found is a [`SearchSource`]; this module knows pages and actions only.

mod own;
mod query;
mod results;
mod routes;
mod source;

pub use query::SearchQuery;
pub use results::{SearchGroup, SearchHit};
pub use source::SearchSource;

pub(crate) use routes::{page, routes};
pub(crate) use source::SearchSources;
