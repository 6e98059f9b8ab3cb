//! HTTP client for Clerk, with a timeout and a limit on the body size, and without redirects.

use std::error::Error as _;
use std::time::Duration;

/// Version of Clerk's protocol and API that this crate supports.
pub(crate) const API_VERSION: &str = "2026-05-12";

pub(crate) fn client(
    timeout: Duration,
    https_only: bool,
) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .https_only(https_only)
        .user_agent(concat!("portal-clerk/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Reads the whole body; fails if it exceeds the limit.
pub(crate) async fn body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(describe)? {
        if body.len() + chunk.len() > limit {
            return Err(format!("the body is larger than {limit} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Describes an error including its causes, which reqwest omits from the message.
pub(crate) fn describe(error: reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
