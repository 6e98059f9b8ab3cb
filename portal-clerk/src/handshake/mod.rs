//! Handshake: renews the session of a browser that opens a page, with a redirect to Clerk and back.

mod budget;
pub(crate) mod directives;
mod payload;
#[cfg(test)]
mod tests;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use portal_core::Error;
use portal_core::auth::{CredentialSource, NavigationOutcome};
use url::Url;

use crate::auth_state::AuthState;
use crate::cookies::{self, Cookies, HANDSHAKE, HANDSHAKE_NONCE, REDIRECT_COUNT};
use crate::credential::{self, Credential};
use crate::http::API_VERSION;
use crate::log_rate::LogRate;
use crate::query;
use crate::token::{Rejection, SKEW, Unverified, WRONG_CLOCK};
use crate::verifier::{CookieSession, TimePoint, VerifiedSession, Verifier};
use budget::Visitor;
use directives::Directives;

pub(crate) use payload::PayloadFetcher;

/// Number of redirects within two seconds that is considered a loop.
const MAX_REDIRECTS: u8 = 3;

const STATUS: HeaderName = HeaderName::from_static("x-clerk-auth-status");
const REASON: HeaderName = HeaderName::from_static("x-clerk-auth-reason");

/// The session resolved while the page was opened, for use in the rest of the request.
#[derive(Clone)]
pub(crate) struct Resolved(pub(crate) VerifiedSession);

/// Configuration and state of handshakes.
pub(crate) struct Handshake {
    /// URL of Clerk's handshake endpoint.
    pub(crate) endpoint: Url,
    /// Origin of the portal as browsers see it. The return URL is based on it and not on the `Host`
    /// header of a request.
    pub(crate) public_url: String,
    pub(crate) base_path: String,
    /// `true` for a development instance, which returns results in the query instead of in cookies.
    pub(crate) development: bool,
    pub(crate) payloads: PayloadFetcher,
    /// Rate limit for the log message about ignored handshakes, which any client can trigger.
    pub(crate) ignored: LogRate,
}

/// Result of a handshake, in the request of a browser that has returned from Clerk.
enum HandshakeResponse<'a> {
    Nonce(&'a str),
    Token(&'a str),
}

/// Reason for ignoring a handshake.
#[derive(Debug, thiserror::Error)]
enum HandshakeError {
    #[error("{0}")]
    NotFetched(String),
    #[error("the handshake is invalid: {0}")]
    Handshake(Rejection),
    #[error("its cookies are invalid: {0}")]
    Cookies(&'static str),
    #[error("its session is invalid: {0}")]
    Session(Rejection),
}

impl Handshake {
    /// Returns `true` if [`navigate`](Self::navigate) may have an effect on a request.
    pub(crate) fn handles(&self, verifier: &Verifier, parts: &Parts) -> bool {
        // A request with a token in the header was not sent by a browser that is opening a page.
        matches!(
            credential::find_credential(&parts.headers),
            Ok(Credential::Cookies)
        ) && (self.development
            || !Cookies::from_headers(&parts.headers, &verifier.names).is_empty())
    }

    /// Handles a request from a browser that is opening a page.
    pub(crate) async fn navigate(
        &self,
        verifier: &Verifier,
        parts: &mut Parts,
        now: TimePoint,
    ) -> NavigationOutcome {
        match self.take_back(verifier, parts, now).await {
            Some(Ok(mut navigation)) => {
                // The result is valid only once. If the browser kept it, every page view would look
                // it up again.
                navigation.cookies.extend(self.forget_handshake());
                return navigation;
            }
            Some(Err(failure)) => {
                self.log(&failure, now);
                if self.development && failure.is_of_other_keys() {
                    return respond(other_keys());
                }
            }
            None => {}
        }
        let cookies = Cookies::from_headers(&parts.headers, &verifier.names);
        let query = parts.uri.query();
        // If verification is unavailable, the page itself reports the error.
        let Ok(session) = verifier.cookie_session(&cookies, query, now).await else {
            return NavigationOutcome::default();
        };
        if let AuthState::Handshake(reason) = session.state {
            match redirects(cookies.redirect_count) {
                Some(count) => return respond(self.redirect(parts, &session, reason, count)),
                None => tracing::warn!(
                    reason,
                    "handshake loop with Clerk, treating the request as signed out; the two keys probably do not belong to the instance that this browser is signed in to"
                ),
            }
        }
        let resolved = Resolved(session.into_session());
        parts.extensions.insert(resolved);
        NavigationOutcome::default()
    }

    /// Returns `Set-Cookie` values that clear the result of a production instance's handshake.
    fn forget_handshake(&self) -> Vec<HeaderValue> {
        let names = [HANDSHAKE_NONCE, HANDSHAKE].into_iter();
        cookies::forget(names.filter(|_| !self.development), self.shared_domain())
    }

    /// Returns the domain whose cookies both Clerk's host and the portal's host can set and read.
    pub(crate) fn shared_domain(&self) -> Option<&str> {
        cookies::shared_domain(&self.endpoint, &self.public_url)
    }

    fn log(&self, failure: &HandshakeError, now: TimePoint) {
        let reason = "handshake-failed";
        let due = self.development.then(|| self.ignored.line(now.instant));
        match due.flatten() {
            Some(left_out) => tracing::warn!(reason, left_out, "handshake ignored: {failure}"),
            None => tracing::debug!(reason, "handshake ignored: {failure}"),
        }
    }

    /// Redirects the browser to Clerk.
    fn redirect(
        &self,
        parts: &Parts,
        session: &CookieSession<'_>,
        reason: &'static str,
        redirects: u8,
    ) -> Response {
        let query = parts.uri.query();
        let mut target = self.endpoint.clone();
        {
            let mut pairs = target.query_pairs_mut();
            pairs.append_pair("redirect_url", &self.return_to(parts));
            pairs.append_pair("__clerk_api_version", API_VERSION);
            pairs.append_pair("suffixed_cookies", &session.suffixed.to_string());
            pairs.append_pair("__clerk_hs_reason", reason);
            pairs.append_pair("format", "nonce");
            if let Some(token) = session.token {
                pairs.append_pair("__session", token);
            }
            if self.development {
                let from_query = query.and_then(|query| query::value(query, query::DEV_BROWSER));
                if let Some(browser) = from_query.as_deref().or(session.dev_browser) {
                    pairs.append_pair(query::DEV_BROWSER, browser);
                }
            }
        }
        tracing::debug!(reason, "redirecting to Clerk for a handshake");
        let mut response = redirect_to(target.as_str());
        let headers = response.headers_mut();
        headers.insert(STATUS, HeaderValue::from_static("handshake"));
        headers.insert(REASON, HeaderValue::from_static(reason));
        let count = redirects + 1;
        let cookie = format!("{REDIRECT_COUNT}={count}; Path=/; SameSite=Lax; HttpOnly; Max-Age=2");
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// Returns the URL of the page, without Clerk's parameters.
    fn return_to(&self, parts: &Parts) -> String {
        let path = match parts.uri.path() {
            // The root of a nested portal has no trailing slash.
            "/" if !self.base_path.is_empty() => "",
            path => path,
        };
        let query = query::cleaned(parts.uri.query());
        format!("{}{}{path}{query}", self.public_url, self.base_path)
    }

    /// Processes the result of a handshake; returns `None` if the request contains no result.
    async fn take_back(
        &self,
        verifier: &Verifier,
        parts: &mut Parts,
        now: TimePoint,
    ) -> Option<Result<NavigationOutcome, HandshakeError>> {
        let directives = {
            let cookies = Cookies::from_headers(&parts.headers, &verifier.names);
            let query = parts.uri.query().filter(|_| self.development);
            let parameter = |name| query.and_then(|query| query::value(query, name));
            let (nonce, token) = (parameter(HANDSHAKE_NONCE), parameter(HANDSHAKE));
            // For each instance type, the result is read from only one location, so that a link
            // cannot sign anyone in.
            let (nonce, token) = match self.development {
                true => (nonce.as_deref(), token.as_deref()),
                false => (cookies.handshake_nonce, cookies.handshake),
            };
            let returned = match (nonce, token) {
                (Some(nonce), _) => HandshakeResponse::Nonce(nonce),
                (None, Some(token)) => HandshakeResponse::Token(token),
                (None, None) => return None,
            };
            let visitor = Visitor::of(parts, &cookies);
            self.directives(verifier, returned, visitor, now).await
        };
        let directives = match directives {
            Ok(directives) => directives,
            Err(failure) => return Some(Err(failure)),
        };
        Some(self.renew(verifier, parts, &directives, now).await)
    }

    async fn directives(
        &self,
        verifier: &Verifier,
        returned: HandshakeResponse<'_>,
        visitor: Visitor,
        now: TimePoint,
    ) -> Result<Directives, HandshakeError> {
        let texts = match returned {
            HandshakeResponse::Nonce(nonce) => {
                let payload = self.payloads.fetch(nonce, visitor, now.instant).await;
                payload.map_err(HandshakeError::NotFetched)?
            }
            HandshakeResponse::Token(token) => {
                let token =
                    Unverified::parse_handshake(token).map_err(HandshakeError::Handshake)?;
                let keys = verifier.keys.keys_for(token.kid(), now.instant).await;
                let keys = keys.map_err(|error| HandshakeError::Handshake(error.into()))?;
                token
                    .verify_handshake(&keys, now.unix)
                    .map_err(HandshakeError::Handshake)?
            }
        };
        Directives::parse(&texts).map_err(HandshakeError::Cookies)
    }

    /// Continues with the new cookies if their session is valid.
    async fn renew(
        &self,
        verifier: &Verifier,
        parts: &mut Parts,
        directives: &Directives,
        now: TimePoint,
    ) -> Result<NavigationOutcome, HandshakeError> {
        let mut found: VerifiedSession = None;
        for token in directives.sessions() {
            match verifier.claims(token, now).await {
                Ok(claims) => {
                    let other = found.as_ref().map(|(claims, _)| &claims.subject);
                    if other.is_some_and(|other| *other != claims.subject) {
                        return Err(HandshakeError::Cookies("sessions of two users"));
                    }
                    found = Some((claims, CredentialSource::Cookie));
                }
                // The token is genuine, but the session has pending tasks at Clerk. The cookies are
                // kept, but the user is not signed in.
                Err(Rejection::Pending) => {}
                Err(rejection) if self.development && rejection.is_of_time() => {
                    let kind = rejection.reason();
                    verifier
                        .claims_by_another_clock(token, now, WRONG_CLOCK)
                        .await
                        .map_err(HandshakeError::Session)?;
                    tracing::warn!(
                        reason = kind,
                        skew = SKEW,
                        "this machine's clock does not match a session that Clerk just issued; set the clock, otherwise sign-in fails"
                    );
                }
                Err(rejection) => return Err(HandshakeError::Session(rejection)),
            }
        }
        let mut navigation = NavigationOutcome::default();
        navigation.cookies = directives.set_cookies();
        if self.development {
            navigation.response = Some(redirect_to(&self.return_to(parts)));
        } else {
            directives.apply_to(&mut parts.headers);
            parts.extensions.insert(Resolved(found));
        }
        Ok(navigation)
    }
}

impl HandshakeError {
    /// Returns `true` if the handshake was signed with the keys of another instance.
    fn is_of_other_keys(&self) -> bool {
        matches!(
            self,
            Self::Handshake(Rejection::Signature | Rejection::UnknownKey)
        )
    }
}

/// Returns the number of redirects so far; `None` if the limit is reached.
fn redirects(cookie: Option<&str>) -> Option<u8> {
    let count = match cookie {
        None => 0,
        Some(text) => text.parse().ok()?,
    };
    (count < MAX_REDIRECTS).then_some(count)
}

fn respond(response: Response) -> NavigationOutcome {
    let mut navigation = NavigationOutcome::default();
    navigation.response = Some(response);
    navigation
}

/// Returns a redirect that is not cached, because the same URL will soon have a different response.
fn redirect_to(target: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(target) else {
        return Error::bad_request("the URL of this page is invalid as a return target")
            .into_response();
    };
    (
        StatusCode::TEMPORARY_REDIRECT,
        [
            (header::LOCATION, location),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
    )
        .into_response()
}

/// Returns an error for developers. It is not used in production, where another application may
/// have set the cookie.
fn other_keys() -> Response {
    Error::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "handshake_signature",
        "Clerk's response is signed with the keys of another instance; if you have changed Clerk's keys in your settings, clear the cookies of this site and try again",
    )
    .into_response()
}
