//! Workers: a program starts itself again as a server and reads the server's address.

use std::env;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A running server, killed on drop.
pub struct Worker {
    child: Child,
}

impl Worker {
    /// Starts this program with the given arguments and reads its [announcement](announce).
    ///
    /// # Errors
    ///
    /// Returns an error if the program does not start or its announcement cannot be parsed.
    pub fn start<T: DeserializeOwned>(arguments: &[&str]) -> Result<(Self, T)> {
        let mut child = Command::new(env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take();
        // From here on, the process is killed if anything fails.
        let worker = Self { child };
        let mut line = String::new();
        BufReader::new(output.context("the output of the server is not piped")?)
            .read_line(&mut line)?;
        let announcement =
            serde_json::from_str(&line).context("the server did not print its announcement")?;
        Ok((worker, announcement))
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The process may already have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reports to the parent process that this process is ready, and at which address.
///
/// # Errors
///
/// Returns an error if standard output is closed.
pub fn announce(announcement: &impl Serialize) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", serde_json::to_string(announcement)?)?;
    Ok(output.flush()?)
}

/// Exits as soon as standard input closes because the parent process exited.
pub fn exit_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
}
