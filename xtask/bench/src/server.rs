//! Client side of a target in a separate process.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::connection::{Connection, request};
use crate::serve::Announcement;
use crate::target::{Caller, Target};

/// Number of users of the targets that switch the user on each request.
const SESSIONS: usize = 1000;

/// Approximate length of a session token of the development identity provider.
const TOKEN_LENGTH: usize = 720;

/// Running target.
pub(crate) struct Server {
    pub(crate) subject: &'static Target,
    pub(crate) address: SocketAddr,
    /// Requests that are sent in a loop.
    pub(crate) requests: Arc<[Vec<u8>]>,
    /// Body of the response, if it is JSON.
    pub(crate) response: Option<Value>,
    process: Process,
}

impl Server {
    /// Starts a target and sends each request once.
    pub(crate) async fn start(
        subject: &'static Target,
        database: &str,
        threads: usize,
    ) -> Result<Self> {
        let (process, announcement) = Process::start(subject.name, database, threads)
            .with_context(|| format!("failed to start the target `{}`", subject.name))?;
        let address = announcement.address;
        let tokens = match announcement.caller {
            Caller::Nobody | Caller::Packed => vec![None],
            Caller::LookAlike => vec![Some("x".repeat(TOKEN_LENGTH))],
            Caller::Session => vec![Some(sign_in(address, 0).await?)],
            Caller::Sessions => {
                let mut tokens = Vec::with_capacity(SESSIONS);
                for number in 0..SESSIONS {
                    tokens.push(Some(sign_in(address, number).await?));
                }
                tokens
            }
        };
        let request = |token: Option<String>| {
            let headers = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
            let packed = matches!(announcement.caller, Caller::Packed);
            let packed = packed.then(|| "Accept-Encoding: gzip\r\n".to_owned());
            let headers = headers.or(packed).unwrap_or_default();
            request("GET", &announcement.path, address, &headers, "")
        };
        let requests: Arc<[Vec<u8>]> = tokens.into_iter().map(request).collect();
        let mut response = Vec::new();
        // Send each request once, so that all callers are cached when measuring starts.
        for request in &*requests {
            let asked = Connection::open(address).await?.ask(request).await;
            response = asked.with_context(|| format!("the target `{}`", subject.name))?;
        }
        Ok(Self {
            subject,
            address,
            requests,
            response: serde_json::from_slice(&response).ok(),
            process,
        })
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.child.id()
    }
}

/// Child process; killed on drop.
struct Process {
    child: Child,
}

impl Process {
    /// Starts this program again as a server and reads its address.
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
        BufReader::new(output.context("its output is not piped")?).read_line(&mut line)?;
        let announcement = serde_json::from_str(&line).context("it did not print its address")?;
        Ok((process, announcement))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may already have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Requests a session token of a user from the development identity provider.
async fn sign_in(address: SocketAddr, user: usize) -> Result<String> {
    let user =
        format!(r#"{{"email":"bench{user}@example.com","first_name":"Bench","last_name":"User"}}"#);
    let request = request("POST", "/dev/token", address, "", &user);
    let response = Connection::open(address).await?.ask(&request).await;
    let response = response.context("`POST /dev/token` failed")?;
    let response: Value = serde_json::from_slice(&response)?;
    let token = response["token"]
        .as_str()
        .context("the response has no token")?;
    Ok(token.to_owned())
}
