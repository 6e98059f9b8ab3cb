//! Search over everything that a user may see: pages, records, tasks and actions.
//!
//! `/search` is the search page; `/palette` serves the same results to the command palette. Each
//! [`SearchSource`] provides results; this module itself provides only pages and actions.

mod builtin;
mod query;
mod results;
mod routes;
mod source;

pub use query::SearchQuery;
pub use results::{SearchGroup, SearchHit};
pub use source::SearchSource;

pub(crate) use routes::{page, routes};
pub(crate) use source::SearchSources;
