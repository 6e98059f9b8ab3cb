//! Task failures: the error type returned by a task's code.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// Failure of a task, which finishes as `ERROR` with this message unless it is retried.
///
/// Every [`std::error::Error`] converts into a `TaskError` with `?`. Its text is only logged,
/// because errors may contain host names, SQL statements and file paths; the owner sees only that
/// the task failed. User-facing messages come from [`TaskError::new`], and from a
/// [`portal_core::Error`](crate::Error) about the client's input.
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
    /// Cause, which is only logged.
    cause: Option<String>,
}

/// Message for an error whose text is not meant for users.
const UNEXPECTED: &str = "the task failed; see the server log for the cause";

/// Retry behavior after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// Retry if the task has attempts left.
    Allowed,
    /// Retry after at least this delay, if the task has attempts left.
    After(Duration),
    /// Do not retry, since a retry cannot help.
    Never,
}

impl TaskError {
    /// Creates a failure with a user-facing message.
    ///
    /// The task is retried if it has attempts left.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: Cow::Borrowed("task_failed"),
            retry: Retry::Allowed,
            cause: None,
        }
    }

    /// Creates a transient failure. Equivalent to [`new`](Self::new), but states the intent.
    #[must_use]
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::new(message)
    }

    /// Creates a failure that a retry cannot fix: the task finishes even if attempts are left.
    #[must_use]
    pub fn permanent(message: impl Into<String>) -> Self {
        Self {
            retry: Retry::Never,
            ..Self::new(message)
        }
    }

    /// Sets the minimum delay before the next attempt. Default: the backoff of the task type.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry = Retry::After(delay);
        self
    }

    /// Sets the machine-readable code, in `snake_case`. Default: `task_failed`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }

    /// Returns the user-facing message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the machine-readable code; `task_failed` if none was set.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns the cause, which is logged in addition to the message.
    pub(super) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    pub(super) fn cancelled() -> Self {
        Self::permanent("cancelled").with_code("cancelled")
    }

    pub(super) fn superseded() -> Self {
        Self::permanent("superseded by another attempt").with_code("superseded")
    }

    pub(super) fn retry(&self) -> Retry {
        self.retry
    }
}

// Like `anyhow::Error`, this type does not implement `std::error::Error`, so that every type that
// does can be converted into it.
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

/// Joins the messages of an error and its sources, without repetitions, since many errors include
/// the message of their source.
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
    fn text_of_other_errors_is_only_logged() {
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
    fn error_about_input_keeps_its_text_and_code() {
        let taken = Error::conflict("not_unique", "another row has this name");
        let error = TaskError::from(taken);
        assert_eq!(error.to_string(), "another row has this name");
        assert_eq!(error.code(), "not_unique");
        assert_eq!(error.cause(), None);
    }
}
