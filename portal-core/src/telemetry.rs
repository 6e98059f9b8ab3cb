//! Setting up the log of a portal that runs by itself.

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Writes the log to standard error, in the form and with the filter of the configuration.
///
/// Does nothing if the application has installed a subscriber of its own.
pub fn init(config: &Config) {
    let (filter, problem) = match config.log_filter.parse::<EnvFilter>() {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let _ = match config.log_format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Pretty => builder.with_target(false).try_init(),
    };
    if let Some(error) = problem {
        tracing::warn!(%error, "RUST_LOG is not a log filter; using `info`");
    }
}
