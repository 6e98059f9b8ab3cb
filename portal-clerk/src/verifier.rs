//! One verifier for real sessions and those of the development identity provider.

use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use portal_core::auth::{AuthError, CredentialSource, Identity};

use crate::cache::{self, Verified, VerifiedTokens};
use crate::claims::Claims;
use crate::jwks::KeyCache;
use crate::session::{self, CookieNames, Credential};
use crate::token::{Rejection, Rules, SKEW, Unverified};

/// A point in time, on the clock on the wall and on the one that never jumps.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// Seconds since 1970.
    pub(crate) unix: i64,
    pub(crate) instant: Instant,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            unix: Utc::now().timestamp(),
            instant: Instant::now(),
        }
    }
}

/// Verifies the session of a request.
pub(crate) struct Verifier {
    pub(crate) keys: Arc<KeyCache>,
    rules: Rules,
    cookies: CookieNames,
    verified: VerifiedTokens,
}

impl Verifier {
    pub(crate) fn new(keys: KeyCache, rules: Rules, cookies: CookieNames) -> Self {
        // If another crate of the build turns on another implementation, the first
        // verification would panic. An error means that somebody has chosen already.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        Self {
            keys: Arc::new(keys),
            rules,
            cookies,
            verified: VerifiedTokens::new(),
        }
    }

    /// The names of the cookies that a session can stand in.
    pub(crate) fn cookie_names(&self) -> impl Iterator<Item = &str> {
        self.cookies.iter()
    }

    /// Who is calling.
    pub(crate) async fn identify(
        &self,
        headers: &HeaderMap,
        now: Moment,
    ) -> Result<Option<Identity>, AuthError> {
        let Some((claims, source)) = self.session(headers, now).await? else {
            return Ok(None);
        };
        let expires_at = DateTime::from_timestamp(claims.expires_at, 0);
        Ok(Some(Identity::new(
            claims.subject.as_str(),
            claims.session_id.as_str(),
            expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
            source,
        )))
    }

    /// The claims of the session of a request, and where its token stood.
    pub(crate) async fn session(
        &self,
        headers: &HeaderMap,
        now: Moment,
    ) -> Result<Option<(Arc<Claims>, CredentialSource)>, AuthError> {
        match session::find(headers, &self.cookies)? {
            Credential::None | Credential::Header(None) => Ok(None),
            Credential::Header(Some(token)) => {
                let claims = self.claims_or_nobody(token, now).await?;
                Ok(claims.map(|claims| (claims, CredentialSource::Header)))
            }
            Credential::Cookies(tokens) => {
                let mut newest: Option<Arc<Claims>> = None;
                for token in tokens.into_iter().flatten() {
                    let Some(claims) = self.claims_or_nobody(token, now).await? else {
                        continue;
                    };
                    match &newest {
                        Some(other) if other.subject != claims.subject => {
                            tracing::warn!(
                                subjects = ?[&other.subject, &claims.subject],
                                "session cookies of two users in one request: it counts as signed out"
                            );
                            return Ok(None);
                        }
                        Some(other) if other.issued_at >= claims.issued_at => {}
                        _ => newest = Some(claims),
                    }
                }
                Ok(newest.map(|claims| (claims, CredentialSource::Cookie)))
            }
        }
    }

    /// The claims of a token; `None`, and a line in the log, if it does not hold.
    async fn claims_or_nobody(
        &self,
        token: &str,
        now: Moment,
    ) -> Result<Option<Arc<Claims>>, AuthError> {
        match self.claims(token, now).await {
            Ok(claims) => Ok(Some(claims)),
            Err(Rejection::Unavailable(error)) => Err(error),
            Err(rejection) => {
                tracing::debug!(reason = %rejection, "session token refused");
                Ok(None)
            }
        }
    }

    /// The claims of a token.
    pub(crate) async fn claims(&self, token: &str, now: Moment) -> Result<Arc<Claims>, Rejection> {
        let digest = cache::digest_of(token);
        if let Some(known) = self.verified.get(&digest) {
            if known.claims.expires_at <= now.unix - SKEW {
                self.verified.remove(&digest);
                return Err(Rejection::Expired);
            }
            if self.keys.is_current(known.epoch, now.instant) {
                return Ok(known.claims);
            }
        }
        let token = Unverified::parse(token)?;
        let keys = self.keys.keys_for(token.kid(), now.instant).await?;
        let claims = Arc::new(token.verify(&keys, &self.rules, now.unix)?);
        if let Some(actor) = &claims.actor {
            tracing::info!(
                actor,
                subject = claims.subject,
                "a session is used in the name of its user"
            );
        }
        self.verified.insert(
            digest,
            Verified {
                claims: Arc::clone(&claims),
                epoch: keys.epoch,
            },
        );
        Ok(claims)
    }
}
