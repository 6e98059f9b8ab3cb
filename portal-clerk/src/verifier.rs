//! One verifier for real sessions and those of the development identity provider.

use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use portal_core::auth::{AuthError, CredentialSource, Identity};

use crate::cache::{self, Digest, Verified, VerifiedTokens};
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
        // Boxed: checking a signature must not swell the future of every request.
        Box::pin(self.verify(token, digest, now)).await
    }

    /// Checks a token that is not known yet.
    async fn verify(
        &self,
        token: &str,
        digest: Digest,
        now: Moment,
    ) -> Result<Arc<Claims>, Rejection> {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::header;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{FakeServer, ISSUER, NOW, PORTAL, SigningKey, until};

    fn verifier(keys: KeyCache) -> Verifier {
        let rules = Rules {
            issuer: ISSUER.to_owned(),
            authorized_parties: vec![PORTAL.to_owned()],
        };
        Verifier::new(keys, rules, CookieNames::new(Some("abc")))
    }

    fn local() -> Verifier {
        let key = SigningKey::first().public();
        verifier(KeyCache::fixed(Some("ins_1".to_owned()), key))
    }

    fn at(seconds: i64) -> Moment {
        Moment {
            unix: NOW + seconds,
            instant: Instant::now(),
        }
    }

    fn token(claims: Value) -> String {
        SigningKey::first().token(json!({}), claims)
    }

    fn bearer(token: &str) -> HeaderMap {
        let value = format!("Bearer {token}").parse().unwrap();
        HeaderMap::from_iter([(header::AUTHORIZATION, value)])
    }

    fn cookies(tokens: &[(&str, &str)]) -> HeaderMap {
        let pairs: Vec<String> = tokens
            .iter()
            .map(|(name, token)| format!("{name}={token}"))
            .collect();
        HeaderMap::from_iter([(header::COOKIE, pairs.join("; ").parse().unwrap())])
    }

    async fn who(verifier: &Verifier, headers: &HeaderMap, now: Moment) -> Option<String> {
        verifier
            .identify(headers, now)
            .await
            .unwrap()
            .map(|identity| identity.subject)
    }

    #[tokio::test]
    async fn an_identity_says_where_its_token_stood_and_when_it_ends() {
        let verifier = local();
        let token = token(json!({}));
        let identity = verifier
            .identify(&bearer(&token), at(0))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(identity.subject, "user_1");
        assert_eq!(identity.session_id, "sess_1");
        assert_eq!(identity.expires_at.timestamp(), NOW + 50);
        assert_eq!(identity.source, CredentialSource::Header);
        let cookie = cookies(&[("__session", &token)]);
        let identity = verifier.identify(&cookie, at(0)).await.unwrap().unwrap();
        assert_eq!(identity.source, CredentialSource::Cookie);
    }

    #[tokio::test]
    async fn a_bad_header_does_not_fall_back_to_a_good_cookie() {
        let verifier = local();
        let mut headers = cookies(&[("__session", &token(json!({})))]);
        assert!(who(&verifier, &headers, at(0)).await.is_some());
        headers.extend(bearer(&token(json!({"azp": null}))));
        assert_eq!(who(&verifier, &headers, at(0)).await, None);
        headers.insert(header::AUTHORIZATION, "Bearer".parse().unwrap());
        assert_eq!(who(&verifier, &headers, at(0)).await, None);
    }

    #[tokio::test]
    async fn two_authorization_headers_are_a_bad_request() {
        let mut headers = bearer(&token(json!({})));
        headers.append(header::AUTHORIZATION, "Basic x".parse().unwrap());
        let answer = local().identify(&headers, at(0)).await;
        assert!(matches!(answer, Err(AuthError::BadRequest(_))));
    }

    #[tokio::test]
    async fn cookies_of_two_users_sign_nobody_in() {
        let verifier = local();
        let first = token(json!({}));
        let older = token(json!({"sid": "sess_0", "iat": NOW - 30}));
        let other = token(json!({"sub": "user_2"}));
        let foreign = token(json!({"sub": "user_2", "iss": "https://clerk.other.example"}));
        for (tokens, expected) in [
            (&[("__session", &first)][..], Some("sess_1")),
            (&[("__session_abc", &first)], Some("sess_1")),
            (&[("__session_def", &first)], None),
            (&[("__session", &first), ("__session", &other)], None),
            (&[("__session", &other), ("__session_abc", &first)], None),
            (
                &[("__session", &foreign), ("__session_abc", &first)],
                Some("sess_1"),
            ),
            (
                &[("__session", &first), ("__session", &foreign)],
                Some("sess_1"),
            ),
            (
                &[("__session", &first), ("__session_abc", &older)],
                Some("sess_1"),
            ),
            (
                &[("__session", &older), ("__session_abc", &first)],
                Some("sess_1"),
            ),
        ] {
            let tokens: Vec<(&str, &str)> = tokens
                .iter()
                .map(|(name, token)| (*name, token.as_str()))
                .collect();
            let identity = verifier.identify(&cookies(&tokens), at(0)).await.unwrap();
            assert_eq!(identity.map(|found| found.session_id).as_deref(), expected);
        }
    }

    #[tokio::test]
    async fn a_cached_token_expires_on_time() {
        let verifier = local();
        let headers = bearer(&token(json!({})));
        assert!(who(&verifier, &headers, at(0)).await.is_some());
        assert!(who(&verifier, &headers, at(50 + SKEW - 1)).await.is_some());
        assert_eq!(who(&verifier, &headers, at(50 + SKEW)).await, None);
        // Nor before, if it has left the cache.
        assert!(who(&verifier, &headers, at(50 + SKEW - 1)).await.is_some());
    }

    #[tokio::test]
    async fn the_cache_does_not_mistake_one_token_for_another() {
        let verifier = local();
        let first = token(json!({}));
        assert!(who(&verifier, &bearer(&first), at(0)).await.is_some());
        let mut forged = first.clone();
        forged.replace_range(first.len() - 6..first.len() - 2, "AAAA");
        assert_eq!(who(&verifier, &bearer(&forged), at(0)).await, None);
        assert_eq!(
            who(&verifier, &bearer(&first[..first.len() - 1]), at(0)).await,
            None
        );
    }

    #[tokio::test]
    async fn a_token_that_is_wrong_in_itself_causes_no_fetch() {
        let server = FakeServer::start(500, "").await;
        let verifier = verifier(KeyCache::remote(server.url.clone(), false).unwrap());
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "HS256"}),
            json!({"alg": "RS512"}),
            json!({"crit": []}),
        ] {
            let token = SigningKey::first().token(header, json!({}));
            assert_eq!(who(&verifier, &bearer(&token), at(0)).await, None);
        }
        assert_eq!(server.count(), 0);
    }

    #[tokio::test]
    async fn a_removed_key_takes_its_cached_tokens_with_it() {
        let server =
            FakeServer::start(200, json!({"keys": [SigningKey::first().jwk("ins_1")]})).await;
        let verifier = verifier(KeyCache::remote(server.url.clone(), false).unwrap());
        let headers = bearer(&token(json!({})));
        let mut now = at(0);
        assert!(who(&verifier, &headers, now).await.is_some());
        server.answer(200, json!({"keys": [SigningKey::second().jwk("ins_2")]}));
        now.instant += Duration::from_secs(301);
        assert!(who(&verifier, &headers, now).await.is_some());
        until(|| !verifier.keys.is_current(0, now.instant)).await;
        assert_eq!(who(&verifier, &headers, now).await, None);
    }

    #[tokio::test]
    async fn without_keys_the_answer_is_to_come_again() {
        use axum::response::IntoResponse;

        let server = FakeServer::start(500, "").await;
        let verifier = verifier(KeyCache::remote(server.url.clone(), false).unwrap());
        let answer = verifier.identify(&bearer(&token(json!({}))), at(0)).await;
        let response = portal_core::Error::from(answer.unwrap_err()).into_response();
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }
}
