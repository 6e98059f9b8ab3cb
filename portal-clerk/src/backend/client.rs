//! Calls to the Backend API, with retries.

use std::time::{Duration, Instant};

use portal_core::config::Secret;
use reqwest::{Method, Response, StatusCode, header};
use serde_json::Value;
use url::Url;

use super::error::BackendError;
use crate::http::{self, API_VERSION};

const TIMEOUT: Duration = Duration::from_secs(4);
/// Maximum size of a response, in bytes; a page of one hundred users is far smaller.
const MAX_BODY: usize = 8 * 1024 * 1024;
/// Delay before the first retry if Clerk does not specify one; doubles with each retry.
const INITIAL_BACKOFF: Duration = Duration::from_millis(250);

/// Maximum number of attempts for a call, and time limit for all attempts together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    attempts: u32,
    longest_pause: Duration,
    /// `true` if an attempt is retried after a timeout.
    waits_again: bool,
    /// Time limit for all attempts together.
    total: Duration,
}

impl RetryPolicy {
    /// Policy for calls that are never repeated because they can succeed only once.
    pub(crate) const ONCE: Self = Self {
        attempts: 1,
        longest_pause: Duration::ZERO,
        waits_again: false,
        total: TIMEOUT,
    };
    /// Policy for calls on which a browser is waiting.
    pub(crate) const REQUEST: Self = Self {
        attempts: 2,
        longest_pause: Duration::from_secs(1),
        waits_again: false,
        // The browser must receive a response within five seconds.
        total: TIMEOUT,
    };
    /// Policy for calls on which a program is waiting.
    pub(crate) const DEFAULT: Self = Self {
        attempts: 3,
        longest_pause: Duration::from_secs(10),
        // A request may be waiting for this call, so it is not retried after a timeout.
        waits_again: false,
        total: Duration::from_secs(60),
    };
    /// Policy for commands that process all users.
    pub(crate) const BULK: Self = Self {
        attempts: 6,
        longest_pause: Duration::from_secs(30),
        waits_again: true,
        total: Duration::from_secs(10 * 60),
    };

    /// Returns the delay after an attempt, with jitter, so that replicas do not all retry at once.
    fn pause(self, attempt: u32, retry_after: Option<Duration>) -> Duration {
        let pause =
            retry_after.unwrap_or_else(|| INITIAL_BACKOFF * 2_u32.saturating_pow(attempt - 1));
        pause
            .min(self.longest_pause)
            .mul_f64(1.0 + 0.25 * fastrand::f64())
    }
}

pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    secret_key: Secret,
}

impl Client {
    pub(super) fn new(base: &str, secret_key: Secret, https_only: bool) -> Result<Self, String> {
        Ok(Self {
            http: http::client(TIMEOUT, https_only).map_err(http::describe)?,
            base: Url::parse(base).map_err(|error| error.to_string())?,
            secret_key,
        })
    }

    /// Makes a read-only call and retries it after transient failures.
    pub(super) async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        patience: RetryPolicy,
    ) -> Result<Value, BackendError> {
        let url = self.url(path, query)?;
        let attempts = tokio::time::timeout(patience.total, async {
            let mut attempt = 1;
            loop {
                let started = Instant::now();
                match self.once(Method::GET, &url, None).await {
                    Err(error)
                        if error.is_transient()
                            && attempt < patience.attempts
                            && (patience.waits_again || started.elapsed() < TIMEOUT) =>
                    {
                        let pause = patience.pause(attempt, error.retry_after());
                        tracing::debug!(
                            path = url.path(),
                            ?pause,
                            "retrying a call to Clerk's Backend API"
                        );
                        tokio::time::sleep(pause).await;
                        attempt += 1;
                    }
                    result => return result,
                }
            }
        });
        attempts.await.unwrap_or_else(|_| {
            let limit = patience.total;
            tracing::warn!(
                path = url.path(),
                ?limit,
                "a call to Clerk's Backend API timed out"
            );
            Err(BackendError::Unreachable(format!(
                "no response within {limit:?}"
            )))
        })
    }

    /// Makes a call that changes data. It is not retried, because a failed call may have taken
    /// effect.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, BackendError> {
        self.once(method, &self.url(path, &[])?, body).await
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, BackendError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| BackendError::NotConfigured)?
            .pop_if_empty()
            .push("v1")
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn once(
        &self,
        method: Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<Value, BackendError> {
        let mut request = self
            .http
            .request(method.clone(), url.clone())
            .bearer_auth(self.secret_key.expose_secret())
            .header("Clerk-API-Version", API_VERSION);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request
            .send()
            .await
            // The URL may contain a secret, such as the nonce of a handshake.
            .map_err(|error| BackendError::Unreachable(http::describe(error.without_url())))?;
        if response.status() == StatusCode::OK {
            let body = http::body(response, MAX_BODY)
                .await
                .map_err(BackendError::Unreachable)?;
            return serde_json::from_slice(&body)
                .map_err(|error| BackendError::Unexpected(error.to_string()));
        }
        let error = error_from_response(response).await;
        let path = url.path();
        // "Not found" is a normal result that any client can cause with a forged nonce.
        if error.is_not_found() {
            tracing::debug!(%method, path, %error, "Clerk does not have the requested resource");
        } else {
            tracing::warn!(%method, path, %error, "a call to Clerk's Backend API failed");
        }
        Err(error)
    }
}

/// Reads the error from a response whose status is not 200.
async fn error_from_response(response: Response) -> BackendError {
    let status = response.status();
    if status.is_redirection() || status.is_success() || status.is_informational() {
        return BackendError::Unreachable(format!("unexpected status {status}"));
    }
    let text = |name: &str| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let ray = text("cf-ray");
    let retry_after = text(header::RETRY_AFTER.as_str());
    let retry_after = retry_after.and_then(|seconds| seconds.trim().parse().ok());
    // If the body cannot be read, the error contains only the status.
    let body = http::body(response, MAX_BODY).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let first = |member: &str| body["errors"][0][member].as_str().map(str::to_owned);
    BackendError::Refused {
        status: status.as_u16(),
        code: first("code").unwrap_or_else(|| "unknown".to_owned()),
        message: first("long_message")
            .or_else(|| first("message"))
            .unwrap_or_default(),
        trace_id: body["clerk_trace_id"].as_str().map(str::to_owned).or(ray),
        retry_after: retry_after.map(Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_delay_follows_clerk_up_to_the_limit() {
        let seconds = Duration::from_secs;
        let between = |pause: Duration, least: Duration| {
            assert!(pause >= least && pause <= least.mul_f64(1.25), "{pause:?}");
        };
        for _ in 0..100 {
            between(RetryPolicy::DEFAULT.pause(1, None), INITIAL_BACKOFF);
            between(RetryPolicy::DEFAULT.pause(2, None), INITIAL_BACKOFF * 2);
            between(RetryPolicy::DEFAULT.pause(1, Some(seconds(3))), seconds(3));
            between(
                RetryPolicy::DEFAULT.pause(1, Some(seconds(3600))),
                seconds(10),
            );
            between(
                RetryPolicy::REQUEST.pause(1, Some(seconds(3600))),
                seconds(1),
            );
            between(RetryPolicy::BULK.pause(31, None), seconds(30));
        }
    }
}
