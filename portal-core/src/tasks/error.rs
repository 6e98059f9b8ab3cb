//! How a task says that it has failed.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The failure of a task: it ends as `ERROR` with this message.
///
/// Every [`std::error::Error`] converts into one with `?`. Its text goes to the log only, since
/// errors contain addresses, statements and paths: the owner reads that the task failed. Texts for
/// people are those of [`TaskError::new`], and of a [`portal_core::Error`](crate::Error) that is
/// about the client's input.
///
/// ```
/// use portal_core::TaskError;
///
/// let error = TaskError::new("the mail server refused the address").with_code("mail_refused");
/// assert_eq!(error.code(), "mail_refused");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError {
    message: String,
    code: Cow<'static, str>,
    retry: Retry,
    /// For the log only.
    cause: Option<String>,
}

/// Message of an error whose text is not for people.
const UNEXPECTED: &str = "the task failed; the log of the server has the cause";

/// Whether an attempt that failed this way is followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// If the task has attempts left.
    Allowed,
    /// If the task has attempts left, but not before that.
    After(Duration),
    /// Trying again cannot help.
    Never,
}

impl TaskError {
    /// A failure with a message for people. It is tried again if the task has attempts left.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: Cow::Borrowed("task_failed"),
            retry: Retry::Allowed,
            cause: None,
        }
    }

    /// A failure that may pass: the same as [`new`](Self::new), for code that wants to say so.
    #[must_use]
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::new(message)
    }

    /// A failure that trying again cannot help: the task ends, whatever attempts it has left.
    #[must_use]
    pub fn permanent(message: impl Into<String>) -> Self {
        Self {
            retry: Retry::Never,
            ..Self::new(message)
        }
    }

    /// The same failure, after which the next attempt waits at least so long.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry = Retry::After(pause);
        self
    }

    /// The same failure with a word for programs, in `snake_case`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }

    /// What people are told.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The word for programs; `task_failed` where none was given.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns what the log says in addition to the message.
    pub(super) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    pub(super) fn cancelled() -> Self {
        Self::permanent("cancelled").with_code("cancelled")
    }

    pub(super) fn superseded() -> Self {
        Self::permanent("another attempt has taken over").with_code("superseded")
    }

    pub(super) fn retry(&self) -> Retry {
        self.retry
    }
}

// As with `anyhow::Error`, this is no `std::error::Error`: only so can every other error become one.
impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: StdError + 'static> From<E> for TaskError {
    fn from(error: E) -> Self {
        let portal_error = (&error as &dyn Any).downcast_ref::<crate::Error>();
        if let Some(error) = portal_error.filter(|error| error.status().is_client_error()) {
            return Self::new(error.to_string()).with_code(error.code().to_owned());
        }
        Self {
            cause: Some(chain(&error)),
            ..Self::new(UNEXPECTED)
        }
    }
}

/// Joins the texts of an error and its sources; many errors repeat that of their source.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn the_text_of_a_foreign_error_goes_to_the_log_only() {
        let refused = std::io::Error::other("connection to postgres://root@10.0.0.7 refused");
        let error = TaskError::from(refused);
        assert!(!error.to_string().contains("postgres"), "{error}");
        assert_eq!(error.code(), "task_failed");
        let cause = error.cause().unwrap();
        assert!(cause.contains("postgres://root@10.0.0.7"), "{cause}");
        let internal = Error::internal("no such table: orders");
        let error = TaskError::from(internal);
        assert!(!error.to_string().contains("orders"), "{error}");
        assert!(error.cause().unwrap().contains("no such table: orders"));
    }

    #[test]
    fn an_error_about_input_keeps_its_text_and_code() {
        let taken = Error::conflict("not_unique", "another row has this name");
        let error = TaskError::from(taken);
        assert_eq!(error.to_string(), "another row has this name");
        assert_eq!(error.code(), "not_unique");
        assert_eq!(error.cause(), None);
    }
}
