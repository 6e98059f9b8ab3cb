//! How a task says that it has failed.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The failure of a task: it ends as `ERROR` with this message.
///
/// Every [`std::error::Error`] turns into one with `?`; its text is shown to whoever may see
/// the task, so use [`TaskError::new`] where the text would tell too much.
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
}

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

impl<E: std::error::Error> From<E> for TaskError {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}
