//! A subject in a process of its own, seen from the side that measures.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::connection::{Connection, request};
use crate::serve::Announcement;
use crate::subject::{Caller, Subject};

/// Who signs in for the measures.
const USER: &str = r#"{"email":"bench@example.com","first_name":"Bench","last_name":"User"}"#;

/// About what a session token of the development identity provider has.
const TOKEN_LENGTH: usize = 720;

/// A subject that serves.
pub(crate) struct Server {
    pub(crate) subject: &'static Subject,
    pub(crate) address: SocketAddr,
    /// The request that is sent over and over.
    pub(crate) request: Arc<[u8]>,
    /// What it answers.
    pub(crate) answer: Value,
    process: Process,
}

impl Server {
    /// Starts a subject and asks it once.
    pub(crate) async fn start(
        subject: &'static Subject,
        database: &str,
        threads: usize,
    ) -> Result<Self> {
        let (process, announcement) = Process::start(subject.name, database, threads)
            .with_context(|| format!("the subject `{}` does not start", subject.name))?;
        let address = announcement.address;
        let token = match announcement.caller {
            Caller::Nobody => None,
            Caller::LookAlike => Some("x".repeat(TOKEN_LENGTH)),
            Caller::Session => Some(sign_in(address).await.context("`POST /dev/token` failed")?),
        };
        let headers = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let headers = headers.unwrap_or_default();
        let request = request("GET", &announcement.path, address, &headers, "");
        let answer = Connection::open(address).await?.ask(&request).await;
        let answer = answer.with_context(|| format!("the subject `{}`", subject.name))?;
        Ok(Self {
            subject,
            address,
            request: request.into(),
            answer: serde_json::from_slice(&answer).context("the answer is no JSON")?,
            process,
        })
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.child.id()
    }
}

/// A child that ends with its value.
struct Process {
    child: Child,
}

impl Process {
    /// Starts this program again as a server, and reads where it listens.
    fn start(subject: &str, database: &str, threads: usize) -> Result<(Self, Announcement)> {
        let mut child = Command::new(env::current_exe()?)
            .args(["serve", subject, "--database", database])
            .args(["--threads", &threads.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take();
        let process = Self { child };
        let mut line = String::new();
        BufReader::new(output.context("it has no output")?).read_line(&mut line)?;
        let announcement = serde_json::from_str(&line).context("it does not say where it is")?;
        Ok((process, announcement))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gets a session token from the development identity provider.
async fn sign_in(address: SocketAddr) -> Result<String> {
    let request = request("POST", "/dev/token", address, "", USER);
    let answer = Connection::open(address).await?.ask(&request).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    let token = answer["token"]
        .as_str()
        .context("the answer has no token")?;
    Ok(token.to_owned())
}
