//! Logging for standalone portals, and capture of the lines that tasks log.

mod task_logs;

pub(crate) use task_logs::{LogLine, LogSink, capture};
pub use task_logs::{blocking_with_task_logs, task_logs, with_task_logs};

use std::io::IsTerminal as _;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{Config, LogFormat};

/// Returns `true` if standard error is a terminal and `NO_COLOR` does not forbid colors.
fn is_colored() -> bool {
    let is_forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_forbidden && std::io::stderr().is_terminal()
}

/// Installs a subscriber that logs to standard error, with the format and filter from the
/// configuration.
///
/// Lines that tasks log at `INFO` or above are also stored with the tasks, regardless of the
/// filter.
/// Does nothing if the application has already installed a subscriber.
pub fn init(config: &Config) {
    let (filter, problem) = match config.log_filter.parse::<EnvFilter>() {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(is_colored());
    let lines = match config.log_format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Pretty => lines.with_target(false).boxed(),
    };
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(task_logs(LevelFilter::INFO))
        .try_init();
    if let Some(error) = problem {
        tracing::warn!(%error, "invalid RUST_LOG; using `info`");
    }
}
