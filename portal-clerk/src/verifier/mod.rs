//! Verifier for sessions from Clerk and the development identity provider.

use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};
use portal_core::auth::{AuthError, CredentialSource, Identity};

use crate::auth_state::{AuthState, DevBrowser, RequestFacts, SessionToken, decide};
use crate::claims::Claims;
use crate::cookies::{
    Candidate, Companions, CookieNames, CookieSet, Cookies, MAX_CANDIDATES, TokenPreview,
    uses_suffixed,
};
use crate::credential::{self, Credential};
use crate::jwks::KeyCache;
use crate::query;
use crate::token::{Rejection, SKEW, UncheckedClaims, Unverified, VerificationRules};
use crate::token_cache::{CacheKey, VerifiedToken, VerifiedTokens};

/// Point in time, on the wall clock and on the monotonic clock.
#[derive(Clone, Copy)]
pub(crate) struct TimePoint {
    /// Seconds since 1970.
    pub(crate) unix: i64,
    pub(crate) instant: Instant,
}

impl TimePoint {
    pub(crate) fn now() -> Self {
        Self {
            unix: Utc::now().timestamp(),
            instant: Instant::now(),
        }
    }
}

/// A request's verified session: its claims and the source of its token.
pub(crate) type VerifiedSession = Option<(Arc<Claims>, CredentialSource)>;

/// Authentication state of a request, and the session in its cookies.
pub(crate) struct CookieSession<'a> {
    pub(crate) state: AuthState,
    /// The token's claims if it is valid, regardless of the state.
    claims: Option<Arc<Claims>>,
    /// The token in the cookie that applies, even if it is invalid.
    pub(crate) token: Option<&'a str>,
    /// `true` if the suffixed cookies apply.
    pub(crate) suffixed: bool,
    pub(crate) dev_browser: Option<&'a str>,
}

impl CookieSession<'_> {
    /// Returns the session of the signed-in user.
    pub(crate) fn into_session(self) -> VerifiedSession {
        let claims = self.claims.filter(|_| self.state == AuthState::SignedIn)?;
        Some((claims, CredentialSource::Cookie))
    }
}

/// Verification results for the session cookies, in the order of the candidates.
type Outcomes = [Option<Result<Arc<Claims>, Rejection>>; MAX_CANDIDATES];

/// Time in seconds during which an expired token can still be used to end its session.
const REVOCABLE_FOR: i64 = 7 * 24 * 60 * 60;

/// Verifies the session of a request.
pub(crate) struct Verifier {
    pub(crate) keys: Arc<KeyCache>,
    pub(crate) rules: VerificationRules,
    pub(crate) names: CookieNames,
    verified: VerifiedTokens,
}

impl Verifier {
    pub(crate) fn new(keys: KeyCache, rules: VerificationRules, names: CookieNames) -> Self {
        // The implementation is installed explicitly, because the first verification would panic if
        // another crate in the build enabled a different one. An error means that one is already
        // installed.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        Self {
            keys: Arc::new(keys),
            rules,
            names,
            verified: VerifiedTokens::new(),
        }
    }

    /// Verifies the session of a request. The query is used only with development instances.
    pub(crate) async fn session(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        now: TimePoint,
    ) -> Result<VerifiedSession, AuthError> {
        match credential::find_credential(headers)? {
            Credential::Header(Some(token)) => match self.claims(token, now).await {
                Ok(claims) => Ok(Some((claims, CredentialSource::Header))),
                Err(Rejection::Unavailable(error)) => Err(error),
                Err(rejection) => {
                    refused(&rejection, "header");
                    Ok(None)
                }
            },
            Credential::Header(None) => {
                refused(&Rejection::Malformed, "header");
                Ok(None)
            }
            Credential::Cookies if !headers.contains_key(header::COOKIE) => Ok(None),
            // This future is boxed so that cookies do not enlarge the future of requests with a
            // header.
            Credential::Cookies => Box::pin(self.session_of_cookies(headers, query, now)).await,
        }
    }

    async fn session_of_cookies(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        now: TimePoint,
    ) -> Result<VerifiedSession, AuthError> {
        let cookies = Cookies::from_headers(headers, &self.names);
        let found = self.cookie_session(&cookies, query, now).await?;
        Ok(found.into_session())
    }

    /// Determines the session from cookies. Fails if verification is currently unavailable.
    pub(crate) async fn cookie_session<'a>(
        &self,
        cookies: &Cookies<'a>,
        query: Option<&str>,
        now: TimePoint,
    ) -> Result<CookieSession<'a>, AuthError> {
        let mut outcomes = Outcomes::default();
        for (candidate, outcome) in cookies.sessions.iter().zip(&mut outcomes) {
            let Some(candidate) = candidate else { break };
            match self.claims(candidate.token, now).await {
                Err(Rejection::Unavailable(error)) => return Err(error),
                checked => *outcome = Some(checked),
            }
        }
        let place = |suffixed: bool| best(&cookies.sessions, &outcomes, suffixed);
        let suffixed = self.names.instance.as_ref().is_some_and(|names| {
            let side = |suffixed: bool, companions: &Companions<'_>| CookieSet {
                session: place(suffixed).map(|at| self.preview(cookies, &outcomes, at, now)),
                client_uat: companions.client_uat,
            };
            uses_suffixed(
                &side(false, &cookies.plain),
                &side(true, &cookies.suffixed),
                names.development,
            )
        });
        let companions = match suffixed {
            true => &cookies.suffixed,
            false => &cookies.plain,
        };
        let at = place(suffixed);
        let token = at.and_then(|at| cookies.sessions[at]);
        let outcome = at.and_then(|at| outcomes[at].as_ref());
        let state = if of_two_users(&outcomes) {
            AuthState::SignedOut("sessions-of-two-users")
        } else {
            self.state(outcome, companions, query)
        };
        match (state, outcome) {
            (AuthState::SignedIn, _) => {}
            (_, Some(Err(rejection))) => refused(rejection, "cookie"),
            (state, _) => tracing::debug!(reason = state.reason(), "not signed in"),
        }
        let claims = outcome.and_then(|outcome| outcome.as_ref().ok());
        Ok(CookieSession {
            state,
            claims: claims.map(Arc::clone),
            token: token.map(|candidate| candidate.token),
            suffixed,
            dev_browser: companions.dev_browser,
        })
    }

    fn state(
        &self,
        outcome: Option<&Result<Arc<Claims>, Rejection>>,
        companions: &Companions<'_>,
        query: Option<&str>,
    ) -> AuthState {
        let session = outcome.map(|outcome| match outcome {
            Ok(claims) => SessionToken::Valid(claims.issued_at),
            Err(rejection) => SessionToken::Rejected(rejection),
        });
        let Some(names) = &self.names.instance else {
            // The development identity provider has one cookie and no handshake.
            return match session {
                Some(SessionToken::Valid(_)) => AuthState::SignedIn,
                Some(SessionToken::Rejected(rejection)) => AuthState::SignedOut(rejection.reason()),
                None => AuthState::SignedOut("session-token-missing"),
            };
        };
        let development = names.development.then(|| DevBrowser {
            in_query: query.is_some_and(|query| query::has(query, query::DEV_BROWSER)),
            known: companions.dev_browser.is_some(),
        });
        decide(&RequestFacts {
            development,
            client_uat: companions.client_uat.unwrap_or(0),
            session,
        })
    }

    /// Returns the properties of a token that are needed to choose between the two sets of cookies.
    fn preview(
        &self,
        cookies: &Cookies<'_>,
        outcomes: &Outcomes,
        at: usize,
        now: TimePoint,
    ) -> TokenPreview {
        if let Some(Ok(claims)) = &outcomes[at] {
            return TokenPreview {
                has_issuer: true,
                is_ours: true,
                issued_at: claims.issued_at.unwrap_or(0),
                is_expired: false,
            };
        }
        let token = cookies.sessions[at].map_or("", |candidate| candidate.token);
        let claimed = UncheckedClaims::of(token);
        TokenPreview {
            has_issuer: claimed.issuer().is_some(),
            is_ours: claimed.issuer() == Some(&self.rules.issuer),
            issued_at: claimed.issued_at().unwrap_or(0),
            is_expired: claimed.expires_at().is_some_and(|end| end <= now.unix),
        }
    }

    /// Verifies a token and returns its claims.
    pub(crate) async fn claims(
        &self,
        token: &str,
        now: TimePoint,
    ) -> Result<Arc<Claims>, Rejection> {
        let key = CacheKey::of(token);
        if let Some(known) = self.verified.get(&key) {
            if known.claims.expires_at <= now.unix - SKEW {
                self.verified.remove(&key);
                return Err(Rejection::Expired);
            }
            if self.keys.is_current(known.epoch, now.instant) {
                return Ok(known.claims);
            }
        }
        // This future is boxed so that signature verification does not enlarge the future of every
        // request.
        Box::pin(self.verify(token, key, now)).await
    }

    /// Returns the session to end: the one in the first cookie whose token was valid within the
    /// last week.
    pub(crate) async fn session_to_end(
        &self,
        headers: &HeaderMap,
        now: TimePoint,
    ) -> Option<Identity> {
        let cookies = Cookies::from_headers(headers, &self.names);
        for candidate in cookies.sessions.iter().flatten() {
            let claims = self
                .claims_by_another_clock(candidate.token, now, REVOCABLE_FOR)
                .await;
            if let Ok(claims) = claims {
                return Some(identity((Arc::new(claims), CredentialSource::Cookie)));
            }
        }
        None
    }

    /// Verifies a token, allowing for the given clock difference in seconds.
    ///
    /// The result is used only to detect a wrong clock or to end a session; it must not sign anyone
    /// in.
    pub(crate) async fn claims_by_another_clock(
        &self,
        token: &str,
        now: TimePoint,
        skew: i64,
    ) -> Result<Claims, Rejection> {
        let token = Unverified::parse(token)?;
        let keys = self.keys.keys_for(token.kid(), now.instant).await?;
        token.verify(&keys, &self.rules, now.unix, skew)
    }

    /// Verifies a token that is not cached.
    async fn verify(
        &self,
        token: &str,
        key: CacheKey<'_>,
        now: TimePoint,
    ) -> Result<Arc<Claims>, Rejection> {
        let token = Unverified::parse(token)?;
        let keys = self.keys.keys_for(token.kid(), now.instant).await?;
        let claims = Arc::new(token.verify(&keys, &self.rules, now.unix, SKEW)?);
        if let Some(actor) = &claims.actor {
            tracing::info!(
                actor,
                subject = claims.subject,
                "impersonated session verified"
            );
        }
        self.verified.insert(
            &key,
            VerifiedToken {
                claims: Arc::clone(&claims),
                epoch: keys.epoch,
            },
        );
        Ok(claims)
    }
}

/// Converts a verified session to the caller's identity.
pub(crate) fn identity((claims, source): (Arc<Claims>, CredentialSource)) -> Identity {
    let expires_at = DateTime::from_timestamp(claims.expires_at, 0);
    let identity = Identity::new(
        claims.subject.as_str(),
        claims.session_id.as_str(),
        expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
        source,
    );
    match &claims.actor {
        Some(actor) => identity.with_impersonator(actor.as_str()),
        None => identity,
    }
}

/// Returns the candidate for one of the two cookie names: the newest valid one or, if none is
/// valid, the first.
fn best(
    candidates: &[Option<Candidate<'_>>; MAX_CANDIDATES],
    outcomes: &Outcomes,
    suffixed: bool,
) -> Option<usize> {
    let issued_at = |at: usize| match &outcomes[at] {
        Some(Ok(claims)) => Some(claims.issued_at.unwrap_or(0)),
        _ => None,
    };
    let mut best: Option<usize> = None;
    for (at, candidate) in candidates.iter().enumerate() {
        let of_name = candidate.is_some_and(|candidate| match suffixed {
            true => candidate.suffixed,
            false => candidate.plain,
        });
        // `None` is less than any time.
        if of_name && best.is_none_or(|best| issued_at(best) < issued_at(at)) {
            best = Some(at);
        }
    }
    best
}

/// Returns `true` if there are valid sessions of different users.
///
/// The caller is then ambiguous, and one of the cookies may have been planted.
fn of_two_users(outcomes: &Outcomes) -> bool {
    let mut holding = outcomes.iter().flatten().flatten();
    let Some(first) = holding.next() else {
        return false;
    };
    let Some(other) = holding.find(|claims| claims.subject != first.subject) else {
        return false;
    };
    tracing::warn!(
        reason = "sessions-of-two-users",
        subjects = ?[&first.subject, &other.subject],
        "session cookies of two users in one request; treating it as signed out"
    );
    true
}

/// Logs the reason for rejecting a token, which must not be sent to the client.
fn refused(rejection: &Rejection, source: &'static str) {
    tracing::debug!(
        reason = rejection.reason(),
        source,
        "session token rejected: {rejection}"
    );
}

#[cfg(test)]
mod tests;
