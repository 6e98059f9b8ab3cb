//! Renewing the session of a browser that opens a page: it is sent to Clerk, and comes back with
//! new cookies.

mod budget;
pub(crate) mod directives;
mod payload;
#[cfg(test)]
mod tests;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use portal_core::Error;
use portal_core::auth::{CredentialSource, Navigation};
use url::Url;

use crate::cookies::{self, Cookies, HANDSHAKE, HANDSHAKE_NONCE, REDIRECT_COUNT};
use crate::http::API_VERSION;
use crate::log_rate::LogRate;
use crate::query;
use crate::session::{self, Credential};
use crate::state::State;
use crate::token::{Rejection, SKEW, Unverified, WRONG_CLOCK};
use crate::verifier::{CookieSession, Found, Moment, Verifier};
use budget::Visitor;
use directives::Directives;

pub(crate) use payload::Payloads;

/// So many redirects in two seconds are a loop.
const MAX_REDIRECTS: u8 = 3;

const STATUS: HeaderName = HeaderName::from_static("x-clerk-auth-status");
const REASON: HeaderName = HeaderName::from_static("x-clerk-auth-reason");

/// The session that was found when a page was opened, for those who ask for it later.
#[derive(Clone)]
pub(crate) struct Resolved(pub(crate) Found);

/// What a handshake needs to know.
pub(crate) struct Handshake {
    /// Where it takes place.
    pub(crate) endpoint: Url,
    /// The portal's origin as browsers know it. The `Host` of a request has no say in where a
    /// browser comes back to.
    pub(crate) public_url: String,
    pub(crate) base_path: String,
    /// Whether the instance is a development one: it hands over in the query and not in cookies.
    pub(crate) development: bool,
    pub(crate) payloads: Payloads,
    /// The rate of the line about a handshake that is not taken: strangers can cause it.
    pub(crate) ignored: LogRate,
}

/// What a browser has come back with.
enum Returned<'a> {
    Nonce(&'a str),
    Token(&'a str),
}

/// Why it is not taken.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    NotFetched(String),
    #[error("the handshake does not hold: {0}")]
    Handshake(Rejection),
    #[error("its cookies are not fit: {0}")]
    Cookies(&'static str),
    #[error("its session does not hold: {0}")]
    Session(Rejection),
}

impl Handshake {
    /// Whether [`navigate`](Self::navigate) may have anything to say to a request.
    pub(crate) fn wants(&self, verifier: &Verifier, parts: &Parts) -> bool {
        // A token in the header is not of a browser that opens a page.
        matches!(session::find(&parts.headers), Ok(Credential::Cookies))
            && (self.development || !Cookies::of(&parts.headers, &verifier.names).is_empty())
    }

    /// Looks at a request that opens a page.
    pub(crate) async fn navigate(
        &self,
        verifier: &Verifier,
        parts: &mut Parts,
        now: Moment,
    ) -> Navigation {
        match self.take_back(verifier, parts, now).await {
            Some(Ok(mut navigation)) => {
                // Good once: kept by the browser, it would be asked for again with every page.
                navigation.cookies.extend(self.forget_handshake());
                return navigation;
            }
            Some(Err(failure)) => {
                self.log(&failure, now);
                if self.development && failure.is_of_other_keys() {
                    return answered(other_keys());
                }
            }
            None => {}
        }
        let cookies = Cookies::of(&parts.headers, &verifier.names);
        let query = parts.uri.query();
        // If nobody can say who is calling, the page says so itself.
        let Ok(session) = verifier.cookie_session(&cookies, query, now).await else {
            return Navigation::default();
        };
        if let State::Handshake(reason) = session.state {
            match redirects(cookies.redirect_count) {
                Some(count) => return answered(self.redirect(parts, &session, reason, count)),
                None => tracing::warn!(
                    reason,
                    "the handshake with Clerk goes round in circles, and the request counts as signed out: the two keys are probably not of the instance that this browser is signed in to"
                ),
            }
        }
        let resolved = Resolved(session.into_found());
        parts.extensions.insert(resolved);
        Navigation::default()
    }

    /// Takes away the cookies by which a production instance hands over.
    fn forget_handshake(&self) -> Vec<HeaderValue> {
        let names = [HANDSHAKE_NONCE, HANDSHAKE].into_iter();
        cookies::forget(names.filter(|_| !self.development), self.shared_domain())
    }

    /// The domain whose cookies both Clerk's host and the portal's set and get.
    pub(crate) fn shared_domain(&self) -> Option<&str> {
        cookies::shared_domain(&self.endpoint, &self.public_url)
    }

    fn log(&self, failure: &Failure, now: Moment) {
        let reason = "handshake-failed";
        let due = self.development.then(|| self.ignored.line(now.instant));
        match due.flatten() {
            Some(left_out) => tracing::warn!(reason, left_out, "handshake ignored: {failure}"),
            None => tracing::debug!(reason, "handshake ignored: {failure}"),
        }
    }

    /// Sends the browser to Clerk.
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
                let told = query.and_then(|query| query::value(query, query::DEV_BROWSER));
                if let Some(browser) = told.as_deref().or(session.dev_browser) {
                    pairs.append_pair(query::DEV_BROWSER, browser);
                }
            }
        }
        tracing::debug!(reason, "handshake with Clerk");
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

    /// The address of the page, without what Clerk has added to it.
    fn return_to(&self, parts: &Parts) -> String {
        let path = match parts.uri.path() {
            // The start of a nested portal has no slash at its end.
            "/" if !self.base_path.is_empty() => "",
            path => path,
        };
        let query = query::cleaned(parts.uri.query());
        format!("{}{}{path}{query}", self.public_url, self.base_path)
    }

    /// Takes what a browser has come back with; `None` if it has not.
    async fn take_back(
        &self,
        verifier: &Verifier,
        parts: &mut Parts,
        now: Moment,
    ) -> Option<Result<Navigation, Failure>> {
        let directives = {
            let cookies = Cookies::of(&parts.headers, &verifier.names);
            let query = parts.uri.query().filter(|_| self.development);
            let parameter = |name| query.and_then(|query| query::value(query, name));
            let (nonce, token) = (parameter(HANDSHAKE_NONCE), parameter(HANDSHAKE));
            // Each kind of instance has one place. A link must not sign anybody in.
            let (nonce, token) = match self.development {
                true => (nonce.as_deref(), token.as_deref()),
                false => (cookies.handshake_nonce, cookies.handshake),
            };
            let returned = match (nonce, token) {
                (Some(nonce), _) => Returned::Nonce(nonce),
                (None, Some(token)) => Returned::Token(token),
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
        returned: Returned<'_>,
        visitor: Visitor,
        now: Moment,
    ) -> Result<Directives, Failure> {
        let texts = match returned {
            Returned::Nonce(nonce) => {
                let payload = self.payloads.fetch(nonce, visitor, now.instant).await;
                payload.map_err(Failure::NotFetched)?
            }
            Returned::Token(token) => {
                let token = Unverified::parse_handshake(token).map_err(Failure::Handshake)?;
                let keys = verifier.keys.keys_for(token.kid(), now.instant).await;
                let keys = keys.map_err(|error| Failure::Handshake(error.into()))?;
                token
                    .verify_handshake(&keys, now.unix)
                    .map_err(Failure::Handshake)?
            }
        };
        Directives::parse(&texts).map_err(Failure::Cookies)
    }

    /// Goes on with the new cookies, if their session holds.
    async fn renew(
        &self,
        verifier: &Verifier,
        parts: &mut Parts,
        directives: &Directives,
        now: Moment,
    ) -> Result<Navigation, Failure> {
        let mut found: Found = None;
        for token in directives.sessions() {
            match verifier.claims(token, now).await {
                Ok(claims) => {
                    let other = found.as_ref().map(|(claims, _)| &claims.subject);
                    if other.is_some_and(|other| *other != claims.subject) {
                        return Err(Failure::Cookies("sessions of two users"));
                    }
                    found = Some((claims, CredentialSource::Cookie));
                }
                // Genuine, with something left to do at Clerk: its cookies are kept, nobody is signed in.
                Err(Rejection::Pending) => {}
                Err(rejection) if self.development && rejection.is_of_time() => {
                    let kind = rejection.reason();
                    verifier
                        .claims_by_another_clock(token, now, WRONG_CLOCK)
                        .await
                        .map_err(Failure::Session)?;
                    tracing::warn!(
                        reason = kind,
                        skew = SKEW,
                        "the clock of this machine is wrong: a session that Clerk has just issued does not fit it. Set the clock, or nobody can sign in"
                    );
                }
                Err(rejection) => return Err(Failure::Session(rejection)),
            }
        }
        let mut navigation = Navigation::default();
        navigation.cookies = directives.set_cookies();
        if self.development {
            navigation.answer = Some(redirect_to(&self.return_to(parts)));
        } else {
            directives.apply_to(&mut parts.headers);
            parts.extensions.insert(Resolved(found));
        }
        Ok(navigation)
    }
}

impl Failure {
    /// Whether somebody else's keys have signed it.
    fn is_of_other_keys(&self) -> bool {
        matches!(
            self,
            Self::Handshake(Rejection::Signature | Rejection::UnknownKey)
        )
    }
}

/// How often the browser has been redirected; `None` if that is enough.
fn redirects(cookie: Option<&str>) -> Option<u8> {
    let count = match cookie {
        None => 0,
        Some(text) => text.parse().ok()?,
    };
    (count < MAX_REDIRECTS).then_some(count)
}

fn answered(answer: Response) -> Navigation {
    let mut navigation = Navigation::default();
    navigation.answer = Some(answer);
    navigation
}

/// Only for now: the same address shows something else a moment later.
fn redirect_to(target: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(target) else {
        return Error::bad_request("the address of this page cannot be returned to")
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

/// A developer has to be told; in production it may be the cookie of another application.
fn other_keys() -> Response {
    Error::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "handshake_signature",
        "Clerk's answer is signed with keys of another instance: if you have changed Clerk's keys in your settings, clear the cookies of this site and try again",
    )
    .into_response()
}
