//! Build errors: all start-up problems, each with a suggested fix.

use std::fmt;

use crate::error::Error;
use crate::store::StoreError;

/// Reason why a portal cannot be built.
///
/// `Debug` also prints one problem per line, because `main() -> Result<_, Box<dyn Error>>` uses it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The configuration is invalid; the process should exit with code 2.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The application's pages, tasks and models are inconsistent.
    #[error("{}", list(.0))]
    Problems(Vec<BuildProblem>),
    /// The configured database cannot be opened.
    #[error("failed to open the database `{location}` ({variable}): {}", chain(.source))]
    Database {
        /// Environment variable that configures the database.
        variable: &'static str,
        /// Path of the database file, or the URI without its password.
        location: String,
        /// The underlying error.
        source: StoreError,
    },
    /// Migrating or checking the database failed.
    #[error("failed to prepare the database: {}", chain(.0))]
    Store(#[from] StoreError),
    /// The database schema does not match this program.
    #[error(
        "the database is not up to date: {0}\n  run `db migrate` first, or call `migrate()` on the builder"
    )]
    NotMigrated(String),
    /// Any other error while the portal was built.
    #[error("{0}")]
    Other(#[from] Error),
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A problem that prevents the portal from starting, and how to solve it.
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
        "failed to start the portal: {count} problem{}",
        if count == 1 { "" } else { "s" }
    );
    for (index, problem) in problems.iter().enumerate() {
        text.push_str(&format!("\n  {}. {problem}", index + 1));
    }
    text
}

/// Formats an error with all its causes, on one line.
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
