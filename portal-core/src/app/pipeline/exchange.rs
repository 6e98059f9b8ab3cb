//! Exchange: state of a request until its response is sent.

use std::time::Instant;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Uri};
use tracing::Span;

use super::compression::Encoding;
use super::context::Context;
use super::loggable::loggable;
use super::request_id::request_id;
use super::unread::UnreadBody;
use crate::pages::{accepts_html, head_of};
use crate::security::{ClientAddress, REQUEST_ID, TrustedProxies, has_bearer};

/// State of a request until its response is sent.
pub(super) struct Exchange {
    pub(super) started: Instant,
    pub(super) request_id: HeaderValue,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) client: Option<ClientAddress>,
    /// Copy of the request head, if an error may be rendered as a page: only for browsers.
    pub(super) page_request: Option<Box<Parts>>,
    /// `true` if the header contained a token: then a `401` refers to it.
    pub(super) sends_bearer: bool,
    pub(super) encoding: Encoding,
    pub(super) unread: UnreadBody,
    pub(super) span: Span,
}

impl Exchange {
    /// Assigns the request id and keeps what finalizing the response requires.
    pub(super) fn begin(context: &Context, request: &mut Request) -> Self {
        let client = context.state().borrow::<TrustedProxies>().ok();
        let client = client.map(|proxies| proxies.client(request.extensions(), request.headers()));
        let request_id = request_id(request.headers());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let page_request = accepts_html(request.headers())
            .then(|| Box::new(head_of(&method, &uri, request.headers())));
        let id = request_id.to_str().unwrap_or_default();
        let span = tracing::info_span!("request", id, %method, path = &*loggable(uri.path()));
        let sends_bearer = has_bearer(request.headers());
        let unread = UnreadBody::watch(request);
        if !method.is_safe() {
            // For anything that outlives the request and refers to it, such as a task that it
            // enqueues.
            let id = request_id.clone();
            request.headers_mut().insert(REQUEST_ID, id);
        }
        let encoding = match context.services.compresses {
            true => Encoding::of(request.headers()),
            false => Encoding::Disabled,
        };
        Self {
            started: Instant::now(),
            request_id,
            method,
            uri,
            client,
            page_request,
            sends_bearer,
            encoding,
            unread,
            span,
        }
    }

    /// Disables compression, for a request that is rejected before its handler runs.
    pub(super) fn send_uncompressed(&mut self) {
        self.encoding = Encoding::Disabled;
    }
}
