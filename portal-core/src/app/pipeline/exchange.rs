//! Exchange: state of a request until its response is sent.

use axum::extract::Request;
use axum::http::request::Parts;
use tracing::Span;

use super::compression::Encoding;
use super::context::Context;
use super::head::Head;
use super::loggable::loggable;
use super::response_log::ResponseLog;
use super::unread::UnreadBody;
use crate::pages::head_of;
use crate::security::REQUEST_ID;

/// State of a request until its response is sent.
pub(super) struct Exchange {
    pub(super) head: Head,
    /// `true` if errors are never sent as pages, regardless of what the client accepts.
    pub(super) is_api: bool,
    /// Copy of the request head, to render an error as a page; `None` if errors are not sent as
    /// pages.
    pub(super) page_request: Option<Box<Parts>>,
    pub(super) unread: UnreadBody,
    /// Data for the log line of the response; `None` if it is not logged.
    pub(super) log: Option<ResponseLog>,
    pub(super) span: Span,
}

impl Exchange {
    /// Assigns the request id and collects the data needed to finalize the response.
    pub(super) fn begin(context: &Context, request: &mut Request) -> Self {
        let log = ResponseLog::begin(context, request);
        let mut head = Head::read(request.headers());
        if !context.services.compresses {
            head.encoding = Encoding::Disabled;
        }
        let is_api = context.is_api(request.uri().path());
        let gets_page = !is_api && head.accepts_html;
        let page_request = gets_page
            .then(|| head_of(request.method(), request.uri(), request.headers()))
            .map(Box::new);
        let span = tracing::info_span!(
            "request",
            id = head.request_id.to_str().unwrap_or_default(),
            method = %request.method(),
            path = &*loggable(request.uri().path()),
        );
        let unread = UnreadBody::watch(request);
        if !request.method().is_safe() {
            // The header is read by code whose work outlives the request, for example to enqueue a
            // task.
            let id = head.request_id.clone();
            request.headers_mut().insert(REQUEST_ID, id);
        }
        Self {
            head,
            is_api,
            page_request,
            unread,
            log,
            span,
        }
    }

    /// Disables compression for a request that is rejected before its handler runs.
    pub(super) fn send_uncompressed(&mut self) {
        self.head.encoding = Encoding::Disabled;
    }
}
