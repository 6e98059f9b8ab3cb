//! Request validation before any further processing.

use axum::extract::Request;

use super::hosts::Hosts;
use super::nul;
use super::size::check_head;
use crate::config::{Config, Limits};
use crate::error::Error;

/// Checks that only need the head of a request.
pub(crate) struct RequestValidator {
    hosts: Hosts,
    pub(crate) limits: Limits,
}

impl RequestValidator {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            hosts: Hosts::new(config),
            limits: config.limits,
        }
    }

    /// Rejects requests that are too large or meant for another host.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), Error> {
        let (uri, headers) = (request.uri(), request.headers());
        check_head(&self.limits, request.method(), uri, headers)?;
        nul::check_url(uri)?;
        self.hosts.check(uri, headers)
    }
}
