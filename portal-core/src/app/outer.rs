//! The outermost layer: one pass over each request and its answer.

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

use super::compress::{self, Wish};
use super::limited;
use super::loggable::loggable;
use super::maintenance::Maintenance;
use super::unread::Unread;
use crate::auth::{Auth, caller};
use crate::config::Limits;
use crate::error::{Error, Problem};
use crate::pages::{PageError, PageSetup, accepts_html, error_document, head_of, is_api};
use crate::security::{
    AnswerHeaders, Class, ClientAddress, Gate, Origins, Proxies, REQUEST_ID, guard_form, has_bearer,
};
use crate::state::PortalState;

/// Names the request, refuses what is too large, too often, meant for another host or sent from
/// another site, limits its body and its time, contains panics, and gives every error its final
/// form, compressed where that is worth it.
///
/// One service and not a stack of layers: each layer costs every request a boxed future and
/// a clone of all that is below it.
#[derive(Clone)]
pub(super) struct Outer {
    pub(super) state: PortalState,
    pub(super) headers: AnswerHeaders,
    pub(super) compresses: bool,
    pub(super) maintenance: Maintenance,
}

impl<S> Layer<S> for Outer {
    type Service = OuterService<S>;

    fn layer(&self, inner: S) -> OuterService<S> {
        OuterService {
            state: self.state.clone(),
            headers: self.headers.clone(),
            compresses: self.compresses,
            maintenance: self.maintenance.clone(),
            inner,
        }
    }
}

#[derive(Clone)]
pub(super) struct OuterService<S> {
    state: PortalState,
    headers: AnswerHeaders,
    compresses: bool,
    maintenance: Maintenance,
    inner: S,
}

impl<S> Service<Request> for OuterService<S>
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
            // For what outlives the request and has to name it, such as a task that it starts.
            let id = exchange.request_id.clone();
            request.headers_mut().insert(REQUEST_ID, id);
        }
        let wish = if self.compresses {
            Wish::of(request.headers())
        } else {
            Wish::Never
        };
        let state = self.state.clone();
        let span = exchange.span.clone();
        let Limits {
            body, request_time, ..
        } = match admit(&state, &request) {
            Ok(limits) => limits,
            Err(error) => {
                let refusal = async move {
                    Ok(exchange
                        .end(&state, Wish::Never, error.into_response())
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
        // A path of its own: what every other request does not need must not cost it anything.
        let (detour, request) = detour(&state, &self.maintenance, request);
        if let Some(detour) = detour {
            let inner = self.inner.clone();
            let ready = std::mem::replace(&mut self.inner, inner);
            let answer = take(detour, state.clone(), ready, request);
            return Box::pin(
                async move {
                    let response = guarded(answer, request_time).await;
                    Ok(exchange.end(&state, wish, response).await)
                }
                .instrument(span),
            );
        }
        let answer = span.in_scope(|| catch_unwind(AssertUnwindSafe(|| self.inner.call(request))));
        Box::pin(
            async move {
                let response = match answer {
                    Ok(answer) => guarded(answer.map(infallible), request_time).await,
                    Err(panic) => panicked(&*panic),
                };
                Ok(exchange.end(&state, wish, response).await)
            }
            .instrument(span),
        )
    }
}

/// The rules that need only the head of a request; gives the limits for what comes after.
fn admit(state: &PortalState, request: &Request) -> Result<Limits, Error> {
    let gate = state.borrow::<Gate>()?;
    gate.check(request)?;
    let (method, headers) = (request.method(), request.headers());
    state.borrow::<Origins>()?.check_change(method, headers)?;
    Ok(gate.limits)
}

/// An answer, but for one that takes too long or panics.
async fn guarded(answer: impl Future<Output = Response>, limit: Duration) -> Response {
    let answer = within(limit, answer);
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(Some(response)) => response,
        Ok(None) => Error::unavailable("the portal took too long to answer")
            .with_code("timeout")
            .into_response(),
        Err(panic) => panicked(&*panic),
    }
}

/// Waits for something, but not for ever. A timer is made only where it takes its time.
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

/// What comes before the handler of some requests.
enum Detour {
    /// The identity provider wants to look at it.
    Navigation,
    /// It is counted.
    Limited(Class),
    /// Only administrators are let in.
    Maintenance,
}

/// The way that a request has to take, if it is not the straight one.
fn detour(
    state: &PortalState,
    maintenance: &Maintenance,
    request: Request,
) -> (Option<Detour>, Request) {
    if maintenance.keeps_out(request.uri().path()) {
        return (Some(Detour::Maintenance), request);
    }
    if let Some(class) = limited::class_of(state, &request) {
        return (Some(Detour::Limited(class)), request);
    }
    let (wanted, request) = is_navigation(state, request);
    (wanted.then_some(Detour::Navigation), request)
}

async fn take<S>(detour: Detour, state: PortalState, inner: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    match detour {
        Detour::Navigation => navigate(&state, request, |request| call(inner, request)).await,
        Detour::Limited(class) => counted(class, &state, inner, request).await,
        Detour::Maintenance => {
            let (wanted, request) = is_navigation(&state, request);
            let go_on = |request| for_admins(&state, inner, request);
            if wanted {
                // The session of an administrator may have to be renewed first.
                navigate(&state, request, go_on).await
            } else {
                go_on(request).await
            }
        }
    }
}

async fn counted<S>(class: Class, state: &PortalState, inner: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let (mut parts, body) = request.into_parts();
    match limited::check(class, &mut parts, state).await {
        Ok(()) => call(inner, Request::from_parts(parts, body)).await,
        Err(error) => error.into_response(),
    }
}

/// Answers administrators, and tells everyone else to come later.
async fn for_admins<S>(state: &PortalState, inner: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let (mut parts, body) = request.into_parts();
    // While nobody can be found out, nobody is an administrator.
    let caller = caller(&mut parts, state).await.ok().flatten();
    if !caller.is_some_and(|user| user.is_admin() && user.is_allowed_in()) {
        let refusal = state.borrow::<Maintenance>().map(Maintenance::refusal);
        return refusal.unwrap_or_else(|error| error).into_response();
    }
    let request = Request::from_parts(parts, body);
    match limited::class_of(state, &request) {
        Some(class) => counted(class, state, inner, request).await,
        None => call(inner, request).await,
    }
}

async fn call<S>(mut inner: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    infallible(inner.call(request).await)
}

/// Whether by this request a browser opens a page and the identity provider wants to look at it.
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

/// Whether a browser says that it opens a page; one that says nothing of it asks for HTML first.
fn opens_page(headers: &HeaderMap) -> bool {
    match headers.get(FETCH_DESTINATION) {
        Some(destination) => matches!(destination.as_bytes(), b"document" | b"iframe"),
        None => headers
            .get(header::ACCEPT)
            .is_some_and(|accepted| accepted.as_bytes().starts_with(b"text/html")),
    }
}

/// Asks the identity provider before anything else, then goes on with what it leaves to do.
async fn navigate<F>(
    state: &PortalState,
    request: Request,
    go_on: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let (mut parts, body) = request.into_parts();
    if let Ok(proxies) = state.borrow::<Proxies>() {
        let client = proxies.client(&parts.extensions, &parts.headers);
        // For a provider that counts what it does for whom.
        parts.extensions.insert(client);
    }
    let navigation = match state.borrow::<Auth>() {
        Ok(auth) => auth.navigate(&mut parts).await,
        Err(error) => return error.into_response(),
    };
    let mut response = match navigation.answer {
        Some(answer) => answer,
        None => {
            // The cookies of a renewed session are not to be lost with what a handler breaks.
            let answer = go_on(Request::from_parts(parts, body));
            match AssertUnwindSafe(answer).catch_unwind().await {
                Ok(response) => response,
                Err(panic) => panicked(&*panic),
            }
        }
    };
    if !navigation.cookies.is_empty() {
        // Whatever the answer is for, with a session in it it is for one browser only.
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

/// What a browser says that it wants an answer for.
const FETCH_DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// What has to be remembered of a request until it is answered.
struct Exchange {
    started: Instant,
    request_id: HeaderValue,
    method: Method,
    uri: Uri,
    client: Option<ClientAddress>,
    /// The request again, if an error may be answered as a page: only to a browser.
    page_request: Option<Box<Parts>>,
    /// Whether a token stood in the header: then it is what a `401` is about.
    sends_bearer: bool,
    unread: Unread,
    headers: AnswerHeaders,
    span: Span,
}

impl Exchange {
    fn begin(state: &PortalState, request: &mut Request, headers: AnswerHeaders) -> Self {
        let client = state.borrow::<Proxies>().ok();
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
            unread: Unread::watch(request),
            headers,
            span,
        }
    }

    /// The answer as it is sent.
    async fn end(self, state: &PortalState, wish: Wish, response: Response) -> Response {
        let response = self.in_final_form(state, response);
        let mut response = compress::apply(wish, response).await;
        if self.sends_bearer && response.status() == StatusCode::UNAUTHORIZED {
            name_the_token(response.headers_mut());
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
            "answered"
        );
        response
    }

    /// Logs an error, and renders it for its client: as a page for browsers, otherwise as a problem
    /// document. No API route responds with a page.
    fn in_final_form(&self, state: &PortalState, mut response: Response) -> Response {
        let id = self.request_id.to_str().ok();
        let setup = state.borrow::<PageSetup>().ok();
        let reveals = setup.is_some_and(|setup| setup.config.is_dev());
        if let Some(error) = response.extensions_mut().remove::<PageError>() {
            log_rejection(setup, &self.method, &self.uri, error.problem());
            let page = match setup {
                // The layout is the application's.
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
        // Plain text is for neither browsers nor programs; elsewhere it is the application's choice.
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
                // The layout is ours here, but the provider adds to this page too.
                let page = || error_document(setup, head, &problem, id);
                catch_unwind(AssertUnwindSafe(page)).unwrap_or_else(|_| {
                    tracing::error!("failed to render the page of an error");
                    problem.to_response(id, reveals)
                })
            }
            _ => problem.to_response(id, reveals),
        };
        with_headers_of(answer, &response)
    }
}

/// Logs the reason of a rejected request with its route and handler. In DEV, a request whose form
/// is wrong shows with the default filter: its developer looks for the reason.
///
/// An error of the portal itself is in the log already, unless an extractor made it.
fn log_rejection(setup: Option<&PageSetup>, method: &Method, uri: &Uri, problem: &Problem) {
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

/// Says that it is the token that was not good, unless the answer asks for something else.
fn name_the_token(headers: &mut HeaderMap) {
    if headers
        .get(header::WWW_AUTHENTICATE)
        .is_none_or(|asked| asked == "Bearer")
    {
        let invalid = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        headers.insert(header::WWW_AUTHENTICATE, invalid);
    }
}

/// An error in its final form keeps what else its first form said, such as `Allow`.
fn with_headers_of(mut response: Response, first: &Response) -> Response {
    for name in first.headers().keys() {
        let of_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(name);
        // Each cookie is a header of its own.
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

/// The id that a proxy has given the request, if it is one, else a new one.
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

/// A random number of the process, which tells its ids from those of others without asking the
/// system for each, and room for the counter.
static FIRST_ID: LazyLock<[u8; 17 + COUNTER_DIGITS]> = LazyLock::new(|| {
    let mut id = [b'0'; 17 + COUNTER_DIGITS];
    let process = format!("{:016x}-", Uuid::new_v4().as_u64_pair().0);
    for (place, byte) in id.iter_mut().zip(process.bytes()) {
        *place = byte;
    }
    id
});
static COUNTER: AtomicU64 = AtomicU64::new(1);

/// What a panic in a handler becomes: `500 internal`, with nothing of the inside.
fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    let mut problem = Error::internal(format!("a handler panicked: {text}")).into_problem();
    // No response reveals a panic, not even in DEV.
    problem.reasons.clear();
    problem.into_response()
}
