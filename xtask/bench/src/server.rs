//! The client's view of a target that runs in a separate process.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use portal_testkit::Person;
use portal_testkit::worker::Worker;
use serde_json::Value;

use crate::connection::{Connection, request};
use crate::serve::Announcement;
use crate::target::{Caller, Target};

/// Number of users for targets that switch users between requests.
const SESSIONS: usize = 1000;

/// Approximate length of a session token from the development identity provider.
const TOKEN_LENGTH: usize = 720;

/// A running target.
pub(crate) struct Server {
    pub(crate) subject: &'static Target,
    pub(crate) address: SocketAddr,
    /// Requests that are sent in a loop.
    pub(crate) requests: Arc<[Vec<u8>]>,
    /// Body of the response, if it is JSON.
    pub(crate) response: Option<Value>,
    process: Worker,
}

impl Server {
    /// Starts a target and sends each request once.
    pub(crate) async fn start(
        subject: &'static Target,
        database: &str,
        threads: usize,
    ) -> Result<Self> {
        let threads = threads.to_string();
        let arguments = [
            "serve",
            subject.name,
            "--database",
            database,
            "--threads",
            &threads,
        ];
        let (process, announcement) = Worker::start::<Announcement>(&arguments)
            .with_context(|| format!("failed to start the target `{}`", subject.name))?;
        let address = announcement.address;
        let tokens = match announcement.caller {
            Caller::Nobody | Caller::Packed => vec![None],
            Caller::LookAlike => vec![Some("x".repeat(TOKEN_LENGTH))],
            Caller::Session => vec![Some(sign_in(address, 0)?)],
            Caller::Sessions => {
                let mut tokens = Vec::with_capacity(SESSIONS);
                for number in 0..SESSIONS {
                    tokens.push(Some(sign_in(address, number)?));
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
        // Each request is sent once, so that all callers are cached when measuring starts.
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
        self.process.id()
    }
}

/// Signs a user in through the development identity provider and returns a session token.
fn sign_in(address: SocketAddr, user: usize) -> Result<String> {
    let email = format!("bench{user}@example.com");
    Person::new(&email, "Bench", "User").sign_in(&format!("http://{address}"))
}
