//! Every start-up problem, in words.

use std::fmt;

use crate::error::Error;
use crate::store::StoreError;

/// Reason why a portal cannot start.
///
/// `Debug` writes one problem per line too: `main() -> Result<_, Box<dyn Error>>` prints that.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The configuration is wrong; the process should end with exit code 2.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The application's pages, tasks and models do not fit together.
    #[error("{}", list(.0))]
    Problems(Vec<BuildProblem>),
    /// The configured database cannot be opened.
    #[error("the database cannot be used: {variable} names `{place}`, which cannot be opened: {}", chain(.source))]
    Database {
        /// Variable that names the database.
        variable: &'static str,
        /// Path of the file, or URI without its password.
        place: String,
        /// Cause.
        source: StoreError,
    },
    /// The database cannot be brought up to date.
    #[error("the database cannot be used: {}", chain(.0))]
    Store(#[from] StoreError),
    /// The database is not at the point where this program needs it.
    #[error(
        "the database is not up to date: {0}\n  run `db migrate` first, or call `migrate()` of the builder"
    )]
    NotMigrated(String),
    /// Something else failed while the portal was put together.
    #[error("{0}")]
    Other(#[from] Error),
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One thing that keeps a portal from starting, with the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildProblem(pub(crate) String);

impl fmt::Display for BuildProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn list(problems: &[BuildProblem]) -> String {
    let count = problems.len();
    let mut text = format!(
        "the portal can't start, {count} problem{}",
        if count == 1 { "" } else { "s" }
    );
    for (index, problem) in problems.iter().enumerate() {
        text.push_str(&format!("\n  {}. {problem}", index + 1));
    }
    text
}

/// An error with all its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
