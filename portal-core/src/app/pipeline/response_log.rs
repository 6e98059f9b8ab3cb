//! Response log: one line per response, at level `DEBUG`.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::context::Context;
use crate::security::{ClientAddress, TrustedProxies};

/// Data about a request for the log line of its response.
pub(super) struct ResponseLog {
    started: Instant,
    method: Method,
    client: Option<IpAddr>,
}

impl ResponseLog {
    /// Collects the data; returns `None` if no subscriber records lines at this level.
    pub(super) fn begin(context: &Context, request: &Request) -> Option<Self> {
        if LevelFilter::current() < Level::DEBUG {
            return None;
        }
        let proxies = context.state().borrow::<TrustedProxies>().ok();
        let client = proxies.map(|it| it.client(request.extensions(), request.headers()));
        Some(Self {
            started: Instant::now(),
            method: request.method().clone(),
            client: client.and_then(|ClientAddress(address)| address),
        })
    }

    /// Logs the response.
    pub(super) fn write(self, status: StatusCode) {
        tracing::debug!(
            method = %self.method,
            status = status.as_u16(),
            client = self.client.map(tracing::field::display),
            elapsed = ?self.started.elapsed(),
            "response sent"
        );
    }
}
