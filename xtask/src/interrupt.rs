//! Ctrl-C and friends, noticed instead of obeyed at once.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether someone asked this process to stop.
///
/// The signals only set a number. Whoever waits looks at it and returns an
/// error, so that the guards on the stack stop what was started.
pub(crate) struct Interrupt {
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Takes over the signals that would end this process.
    pub(crate) fn listen() -> Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        for (number, value) in [(SIGHUP, 1), (SIGINT, 2), (SIGTERM, 15)] {
            signal_hook::flag::register_usize(number, Arc::clone(&signal), value)
                .with_context(|| format!("signal {number} cannot be handled"))?;
        }
        Ok(Self { signal })
    }

    /// An error once a signal has come.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        match self.signal.load(Ordering::Relaxed) {
            0 => Ok(()),
            signal => Err(Interrupted { signal }),
        }
    }
}

/// The error of a wait that a signal has ended.
#[derive(Debug)]
pub(crate) struct Interrupted {
    signal: usize,
}

impl Interrupted {
    /// The exit code that shells give: 128 and the signal.
    pub(crate) fn exit_code(&self) -> ExitCode {
        u8::try_from(128 + self.signal).map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "interrupted by signal {}", self.signal)
    }
}

impl std::error::Error for Interrupted {}
