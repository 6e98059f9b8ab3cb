//! Interrupts: records signals such as Ctrl-C instead of exiting immediately.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Records the signal that requested this process to stop.
///
/// Signal handlers only store the signal's number. Waiting code checks it and returns an error, so
/// that the guards on the stack stop the started processes.
pub struct Interrupt {
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Records the signals that would otherwise end this process.
    ///
    /// # Errors
    ///
    /// Returns an error if the system rejects a signal handler.
    pub fn listen() -> Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        for (number, value) in [(SIGHUP, 1), (SIGINT, 2), (SIGTERM, 15)] {
            signal_hook::flag::register_usize(number, Arc::clone(&signal), value)
                .with_context(|| format!("failed to handle signal {number}"))?;
        }
        Ok(Self { signal })
    }

    /// Returns a record that stays empty: signals end this process as usual.
    pub fn never() -> Self {
        Self {
            signal: Arc::default(),
        }
    }

    /// Checks for signals.
    ///
    /// # Errors
    ///
    /// Returns an error if a signal was received.
    pub fn check(&self) -> Result<(), Interrupted> {
        match self.signal.load(Ordering::Relaxed) {
            0 => Ok(()),
            signal => Err(Interrupted { signal }),
        }
    }
}

/// Error for a wait that was interrupted by a signal.
#[derive(Debug)]
pub struct Interrupted {
    signal: usize,
}

impl Interrupted {
    /// Returns the exit code, as in shells: 128 plus the signal.
    pub fn exit_code(&self) -> ExitCode {
        u8::try_from(128 + self.signal).map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "interrupted by signal {}", self.signal)
    }
}

impl std::error::Error for Interrupted {}
