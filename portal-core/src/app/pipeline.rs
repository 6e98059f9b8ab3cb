//! Request pipeline: fixed steps around every request and its response.

use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::HttpBody as _;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::{Layer, Service};
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::compression::{self, Encoding};
use super::loggable::loggable;
use super::maintenance::Maintenance;
use super::rate_limit;
use super::unread::UnreadBody;
use crate::auth::{Auth, caller};
use crate::config::Limits;
use crate::error::{Error, Problem};
use crate::pages::{PageError, PageRenderer, accepts_html, error_document, head_of, is_api};
use crate::security::{
    ClientAddress, OriginPolicy, REQUEST_ID, RateClass, RequestValidator, ResponseHeaders,
    TrustedProxies, guard_form, has_bearer,
};
use crate::state::PortalState;

/// Layer that runs the fixed steps around every request.
///
/// It assigns a request id, rejects requests that are too large, too frequent, for another host or
/// sent from another site, limits body and time, contains panics, and finalizes and compresses
/// responses.
///
/// A single service instead of a stack of layers, because each layer costs every request a boxed
/// future and a clone of all layers below it.
#[derive(Clone)]
pub(super) struct PipelineLayer {
    pub(super) state: PortalState,
    pub(super) headers: ResponseHeaders,
    pub(super) compresses: bool,
    pub(super) maintenance: Maintenance,
}

impl<S> Layer<S> for PipelineLayer {
    type Service = Pipeline<S>;

    fn layer(&self, inner: S) -> Pipeline<S> {
        Pipeline {
            state: self.state.clone(),
            headers: self.headers.clone(),
            compresses: self.compresses,
            maintenance: self.maintenance.clone(),
            inner,
        }
    }
}

#[derive(Clone)]
pub(super) struct Pipeline<S> {
    state: PortalState,
    headers: ResponseHeaders,
    compresses: bool,
    maintenance: Maintenance,
    inner: S,
}

impl<S> Service<Request> for Pipeline<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let exchange = Exchange::begin(&self.state, &mut request, self.headers.clone());
        if !request.method().is_safe() {
            // For anything that outlives the request and refers to it, such as a task that it
            // enqueues.
            let id = exchange.request_id.clone();
            request.headers_mut().insert(REQUEST_ID, id);
        }
        let wish = if self.compresses {
            Encoding::of(request.headers())
        } else {
            Encoding::Disabled
        };
        let state = self.state.clone();
        let span = exchange.span.clone();
        let Limits {
            body,
            request_timeout: request_time,
            ..
        } = match validate_request(&state, &request) {
            Ok(limits) => limits,
            Err(error) => {
                let refusal = async move {
                    Ok(exchange
                        .end(&state, Encoding::Disabled, error.into_response())
                        .await)
                };
                return Box::pin(refusal.instrument(span));
            }
        };
        // Most requests have no body, and each extension is an allocation.
        if !request.body().is_end_stream() {
            DefaultBodyLimit::max(body).apply(&mut request);
            request = guard_form(request);
        }
        // A separate path, so that it costs nothing for all other requests.
        let (detour, request) = pre_handler_for(&state, &self.maintenance, request);
        if let Some(detour) = detour {
            let inner = self.inner.clone();
            let ready = std::mem::replace(&mut self.inner, inner);
            let answer = run_pre_handler(detour, state.clone(), ready, request);
            return Box::pin(
                async move {
                    let response = with_timeout(answer, request_time).await;
                    Ok(exchange.end(&state, wish, response).await)
                }
                .instrument(span),
            );
        }
        let answer = span.in_scope(|| catch_unwind(AssertUnwindSafe(|| self.inner.call(request))));
        Box::pin(
            async move {
                let response = match answer {
                    Ok(answer) => with_timeout(answer.map(infallible), request_time).await,
                    Err(panic) => panicked(&*panic),
                };
                Ok(exchange.end(&state, wish, response).await)
            }
            .instrument(span),
        )
    }
}

/// Applies the rules that only need the head of a request; returns the limits for the rest.
fn validate_request(state: &PortalState, request: &Request) -> Result<Limits, Error> {
    let gate = state.borrow::<RequestValidator>()?;
    gate.check(request)?;
    let (method, headers) = (request.method(), request.headers());
    state
        .borrow::<OriginPolicy>()?
        .check_change(method, headers)?;
    Ok(gate.limits)
}

/// Returns the response, or an error if it takes too long or the handler panics.
async fn with_timeout(answer: impl Future<Output = Response>, limit: Duration) -> Response {
    let answer = within(limit, answer);
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(Some(response)) => response,
        Ok(None) => Error::unavailable("the portal took too long to respond")
            .with_code("timeout")
            .into_response(),
        Err(panic) => panicked(&*panic),
    }
}

/// Waits for a future with a time limit. The timer is only created if the future is not ready.
async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let at_once = poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    });
    match at_once.await {
        Some(output) => Some(output),
        None => tokio::time::timeout(limit, future).await.ok(),
    }
}

fn infallible(answer: Result<Response, Infallible>) -> Response {
    match answer {
        Ok(response) => response,
    }
}

/// Step before the handler of some requests.
enum PreHandler {
    /// The identity provider handles the request first.
    Navigation,
    /// The request is rate-limited.
    Limited(RateClass),
    /// Only administrators have access.
    Maintenance,
}

/// Returns the step that a request needs before its handler, if any.
fn pre_handler_for(
    state: &PortalState,
    maintenance: &Maintenance,
    request: Request,
) -> (Option<PreHandler>, Request) {
    if maintenance.blocks(request.uri().path()) {
        return (Some(PreHandler::Maintenance), request);
    }
    if let Some(class) = rate_limit::rate_class(state, &request) {
        return (Some(PreHandler::Limited(class)), request);
    }
    let (wanted, request) = is_navigation(state, request);
    (wanted.then_some(PreHandler::Navigation), request)
}

async fn run_pre_handler<S>(
    detour: PreHandler,
    state: PortalState,
    inner: S,
    request: Request,
) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    match detour {
        PreHandler::Navigation => navigate(&state, request, |request| call(inner, request)).await,
        PreHandler::Limited(class) => rate_limited(class, &state, inner, request).await,
        PreHandler::Maintenance => {
            let (wanted, request) = is_navigation(&state, request);
            let go_on = |request| admins_only(&state, inner, request);
            if wanted {
                // The session of an administrator may need to be renewed first.
                navigate(&state, request, go_on).await
            } else {
                go_on(request).await
            }
        }
    }
}

async fn rate_limited<S>(
    class: RateClass,
    state: &PortalState,
    inner: S,
    request: Request,
) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let (mut parts, body) = request.into_parts();
    match rate_limit::check(class, &mut parts, state).await {
        Ok(()) => call(inner, Request::from_parts(parts, body)).await,
        Err(error) => error.into_response(),
    }
}

/// Serves administrators and rejects everyone else with a notice to retry later.
async fn admins_only<S>(state: &PortalState, inner: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let (mut parts, body) = request.into_parts();
    // If the caller cannot be identified, the request is not from an administrator.
    let caller = caller(&mut parts, state).await.ok().flatten();
    if !caller.is_some_and(|user| user.is_admin() && user.is_enabled()) {
        let refusal = state.borrow::<Maintenance>().map(Maintenance::refusal);
        return refusal.unwrap_or_else(|error| error).into_response();
    }
    let request = Request::from_parts(parts, body);
    match rate_limit::rate_class(state, &request) {
        Some(class) => rate_limited(class, state, inner, request).await,
        None => call(inner, request).await,
    }
}

async fn call<S>(mut inner: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    infallible(inner.call(request).await)
}

/// Returns `true` if a browser opens a page with this request and the provider handles it.
fn is_navigation(state: &PortalState, request: Request) -> (bool, Request) {
    if request.method() != Method::GET || !opens_page(request.headers()) {
        return (false, request);
    }
    let (parts, body) = request.into_parts();
    let wanted = !is_api(parts.uri.path())
        && state
            .borrow::<Auth>()
            .is_ok_and(|auth| auth.wants_navigation(&parts));
    (wanted, Request::from_parts(parts, body))
}

/// Returns `true` if a browser opens a page; without `Sec-Fetch-Dest`, if it prefers HTML.
fn opens_page(headers: &HeaderMap) -> bool {
    match headers.get(FETCH_DESTINATION) {
        Some(destination) => matches!(destination.as_bytes(), b"document" | b"iframe"),
        None => headers
            .get(header::ACCEPT)
            .is_some_and(|accepted| accepted.as_bytes().starts_with(b"text/html")),
    }
}

/// Lets the identity provider handle the request, then continues unless it responded.
async fn navigate<F>(
    state: &PortalState,
    request: Request,
    go_on: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let (mut parts, body) = request.into_parts();
    if let Ok(proxies) = state.borrow::<TrustedProxies>() {
        let client = proxies.client(&parts.extensions, &parts.headers);
        // For a provider that has rate limits for its clients.
        parts.extensions.insert(client);
    }
    let navigation = match state.borrow::<Auth>() {
        Ok(auth) => auth.navigate(&mut parts).await,
        Err(error) => return error.into_response(),
    };
    let mut response = match navigation.response {
        Some(answer) => answer,
        None => {
            // The cookies of a renewed session must not be lost if a handler panics.
            let answer = go_on(Request::from_parts(parts, body));
            match AssertUnwindSafe(answer).catch_unwind().await {
                Ok(response) => response,
                Err(panic) => panicked(&*panic),
            }
        }
    };
    if !navigation.cookies.is_empty() {
        // A response with a session is for one browser only, whatever it contains.
        let private = HeaderValue::from_static("private, no-store");
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, private);
    }
    for cookie in navigation.cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The destination for which a browser sends a request.
const FETCH_DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// State of a request until its response is sent.
struct Exchange {
    started: Instant,
    request_id: HeaderValue,
    method: Method,
    uri: Uri,
    client: Option<ClientAddress>,
    /// Copy of the request head, if an error may be rendered as a page: only for browsers.
    page_request: Option<Box<Parts>>,
    /// `true` if the header contained a token: then a `401` refers to it.
    sends_bearer: bool,
    unread: UnreadBody,
    headers: ResponseHeaders,
    span: Span,
}

impl Exchange {
    fn begin(state: &PortalState, request: &mut Request, headers: ResponseHeaders) -> Self {
        let client = state.borrow::<TrustedProxies>().ok();
        let client = client.map(|proxies| proxies.client(request.extensions(), request.headers()));
        let request_id = request_id(request);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let page_request = accepts_html(request.headers())
            .then(|| Box::new(head_of(&method, &uri, request.headers())));
        let id = request_id.to_str().unwrap_or_default();
        let span = tracing::info_span!("request", id, %method, path = &*loggable(uri.path()));
        Self {
            started: Instant::now(),
            request_id,
            method,
            uri,
            client,
            page_request,
            sends_bearer: has_bearer(request.headers()),
            unread: UnreadBody::watch(request),
            headers,
            span,
        }
    }

    /// Returns the response in the form in which it is sent.
    async fn end(self, state: &PortalState, wish: Encoding, response: Response) -> Response {
        let response = self.finalize_error(state, response);
        let mut response = compression::apply(wish, response).await;
        if self.sends_bearer && response.status() == StatusCode::UNAUTHORIZED {
            add_www_authenticate(response.headers_mut());
        }
        let own = std::mem::take(response.headers_mut());
        *response.headers_mut() = self.headers.complete(own, self.request_id);
        if self.unread.drain().await {
            self.unread.say_close(response.headers_mut());
        }
        tracing::debug!(
            method = %self.method,
            status = response.status().as_u16(),
            client = self.client.and_then(|ClientAddress(address)| address).map(tracing::field::display),
            elapsed = ?self.started.elapsed(),
            "response sent"
        );
        response
    }

    /// Logs an error and renders it for its client: a page for browsers, otherwise a problem
    /// document.
    ///
    /// API routes never respond with a page.
    fn finalize_error(&self, state: &PortalState, mut response: Response) -> Response {
        let id = self.request_id.to_str().ok();
        let setup = state.borrow::<PageRenderer>().ok();
        let reveals = setup.is_some_and(|setup| setup.config.is_dev());
        if let Some(error) = response.extensions_mut().remove::<PageError>() {
            log_rejection(setup, &self.method, &self.uri, error.problem());
            let page = match setup {
                // The application provides the layout, which may panic.
                Some(setup) if !is_api(self.uri.path()) => {
                    catch_unwind(AssertUnwindSafe(|| error.render(setup, id)))
                        .unwrap_or_else(|panic| panicked(&*panic))
                }
                _ => error.problem().to_response(id, reveals),
            };
            response = with_headers_of(page, &response);
        }
        if !(response.status().is_client_error() || response.status().is_server_error()) {
            return response;
        }
        // Neither browsers nor API clients expect plain text; elsewhere it is the application's
        // choice.
        let is_ours = self.page_request.is_some()
            || response.extensions().get::<Problem>().is_some()
            || is_api(self.uri.path());
        let Some(problem) = Problem::of_response(&mut response) else {
            return response;
        };
        log_rejection(setup, &self.method, &self.uri, &problem);
        if !is_ours {
            return response;
        }
        let answer = match (&self.page_request, setup) {
            (Some(head), Some(setup)) if !is_api(self.uri.path()) => {
                // The portal provides this layout, but the provider adds to the page.
                let page = || error_document(setup, head, &problem, id);
                catch_unwind(AssertUnwindSafe(page)).unwrap_or_else(|_| {
                    tracing::error!("failed to render the error page");
                    problem.to_response(id, reveals)
                })
            }
            _ => problem.to_response(id, reveals),
        };
        with_headers_of(answer, &response)
    }
}

/// Logs the reason of a rejected request with its route and handler.
///
/// In DEV, malformed requests are visible with the default filter, because their developer needs
/// the reason. Errors of the portal itself are already logged, unless an extractor caused them.
fn log_rejection(setup: Option<&PageRenderer>, method: &Method, uri: &Uri, problem: &Problem) {
    if problem.status.is_server_error() && !problem.is_rejection {
        return;
    }
    let route = setup.and_then(|setup| setup.routes.find(method, uri.path()));
    let source = route.and_then(|route| route.source);
    let place = source.map(|source| format!("{source} ({}:{})", source.file, source.line));
    let (status, code) = (problem.status.as_u16(), &*problem.code);
    let route = route.map(|route| &*route.path);
    let (handler, reason) = (place.as_deref(), problem.reason());
    if problem.is_failure() {
        tracing::error!(status, code, route, handler, reason, "request rejected");
    } else if problem.is_malformed_request() && setup.is_some_and(|setup| setup.config.is_dev()) {
        tracing::info!(status, code, route, handler, reason, "request rejected");
    } else {
        tracing::debug!(status, code, route, handler, reason, "request rejected");
    }
}

/// States that the token is invalid, unless the response requires another scheme.
fn add_www_authenticate(headers: &mut HeaderMap) {
    if headers
        .get(header::WWW_AUTHENTICATE)
        .is_none_or(|asked| asked == "Bearer")
    {
        let invalid = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        headers.insert(header::WWW_AUTHENTICATE, invalid);
    }
}

/// Copies the headers of the original error, such as `Allow`, to its final form.
fn with_headers_of(mut response: Response, first: &Response) -> Response {
    for name in first.headers().keys() {
        let of_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(name);
        // Each cookie is a separate header.
        let is_said = *name != header::SET_COOKIE && response.headers().contains_key(name);
        if of_body || is_said {
            continue;
        }
        for value in first.headers().get_all(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

/// Returns the request id that a proxy has set, if it is valid, otherwise a new one.
fn request_id(request: &Request) -> HeaderValue {
    let given = request.headers().get(&REQUEST_ID).filter(|value| {
        let bytes = value.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    });
    match given {
        Some(value) => value.clone(),
        None => {
            let mut id = *FIRST_ID;
            let mut number = COUNTER.fetch_add(1, Ordering::Relaxed);
            for digit in id.iter_mut().rev().take(COUNTER_DIGITS) {
                *digit = b"0123456789abcdef"[(number % 16) as usize];
                number /= 16;
            }
            HeaderValue::from_bytes(&id).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
        }
    }
}

const COUNTER_DIGITS: usize = 10;

/// Random prefix of the ids of this process, followed by digits for the counter.
///
/// It distinguishes them from the ids of other processes without a system call for each.
static FIRST_ID: LazyLock<[u8; 17 + COUNTER_DIGITS]> = LazyLock::new(|| {
    let mut id = [b'0'; 17 + COUNTER_DIGITS];
    let process = format!("{:016x}-", Uuid::new_v4().as_u64_pair().0);
    for (place, byte) in id.iter_mut().zip(process.bytes()) {
        *place = byte;
    }
    id
});
static COUNTER: AtomicU64 = AtomicU64::new(1);

/// Converts a panic in a handler to `500 internal` without any details.
fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no panic message".to_owned());
    let mut problem = Error::internal(format!("a handler panicked: {text}")).into_problem();
    // No response reveals a panic, not even in DEV.
    problem.reasons.clear();
    problem.into_response()
}
