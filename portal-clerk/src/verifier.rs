//! One verifier for real sessions and those of the development identity provider.

use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use portal_core::auth::{AuthError, CredentialSource, Identity};

use crate::cache::{self, Digest, Verified, VerifiedTokens};
use crate::claims::Claims;
use crate::cookies::{
    Candidate, Companions, CookieNames, Cookies, MAX_CANDIDATES, Side, TokenLook, uses_suffixed,
};
use crate::jwks::KeyCache;
use crate::session::{self, Credential};
use crate::state::{DevBrowser, Seen, Session, State, decide};
use crate::token::{Rejection, Rules, SKEW, Unchecked, Unverified};

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

/// The session of a request: its claims, and where its token stood.
pub(crate) type Found = Option<(Arc<Claims>, CredentialSource)>;

/// What the cookies of a request come to.
pub(crate) struct CookieSession<'a> {
    pub(crate) state: State,
    /// The claims of the token; of one that holds, whatever the state.
    claims: Option<Arc<Claims>>,
    /// The token that counts, good or not.
    pub(crate) token: Option<&'a str>,
    /// Whether it is the suffixed cookies that count.
    pub(crate) suffixed: bool,
    pub(crate) dev_browser: Option<&'a str>,
}

impl CookieSession<'_> {
    /// Who is signed in.
    pub(crate) fn into_found(self) -> Found {
        let claims = self.claims.filter(|_| self.state == State::SignedIn)?;
        Some((claims, CredentialSource::Cookie))
    }
}

/// What each session cookie has turned out to be, in the order of the candidates.
type Outcomes = [Option<Result<Arc<Claims>, Rejection>>; MAX_CANDIDATES];

/// Verifies the session of a request.
pub(crate) struct Verifier {
    pub(crate) keys: Arc<KeyCache>,
    pub(crate) rules: Rules,
    pub(crate) names: CookieNames,
    verified: VerifiedTokens,
}

impl Verifier {
    pub(crate) fn new(keys: KeyCache, rules: Rules, names: CookieNames) -> Self {
        // If another crate of the build turns on another implementation, the first
        // verification would panic. An error means that somebody has chosen already.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        Self {
            keys: Arc::new(keys),
            rules,
            names,
            verified: VerifiedTokens::new(),
        }
    }

    /// The session of a request. The query matters to development instances only.
    pub(crate) async fn session(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        now: Moment,
    ) -> Result<Found, AuthError> {
        match session::find(headers)? {
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
            Credential::Cookies if !headers.contains_key(axum::http::header::COOKIE) => Ok(None),
            Credential::Cookies => {
                let cookies = Cookies::of(headers, &self.names);
                let found = self.cookie_session(&cookies, query, now).await?;
                Ok(found.into_found())
            }
        }
    }

    /// What cookies come to. An error means that nobody can say at the moment.
    pub(crate) async fn cookie_session<'a>(
        &self,
        cookies: &Cookies<'a>,
        query: Option<&str>,
        now: Moment,
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
            let side = |suffixed: bool, companions: &Companions<'_>| Side {
                session: place(suffixed).map(|at| self.look(cookies, &outcomes, at, now)),
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
            State::SignedOut("sessions-of-two-users")
        } else {
            self.state(outcome, companions, query)
        };
        match (state, outcome) {
            (State::SignedIn, _) => {}
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
    ) -> State {
        let session = outcome.map(|outcome| match outcome {
            Ok(claims) => Session::Valid(claims.issued_at),
            Err(rejection) => Session::Refused(rejection),
        });
        let Some(names) = &self.names.instance else {
            // The development identity provider has one cookie and no handshake.
            return match session {
                Some(Session::Valid(_)) => State::SignedIn,
                Some(Session::Refused(rejection)) => State::SignedOut(rejection.reason()),
                None => State::SignedOut("session-token-missing"),
            };
        };
        let development = names.development.then(|| DevBrowser {
            in_query: query
                .is_some_and(|query| crate::query::has(query, crate::query::DEV_BROWSER)),
            known: companions.dev_browser.is_some(),
        });
        decide(&Seen {
            development,
            client_uat: companions.client_uat.unwrap_or(0),
            session,
        })
    }

    /// What the choice between the two sets of cookies has to know of a token.
    fn look(
        &self,
        cookies: &Cookies<'_>,
        outcomes: &Outcomes,
        at: usize,
        now: Moment,
    ) -> TokenLook {
        if let Some(Ok(claims)) = &outcomes[at] {
            return TokenLook {
                has_issuer: true,
                is_ours: true,
                issued_at: claims.issued_at.unwrap_or(0),
                is_expired: false,
            };
        }
        let token = cookies.sessions[at].map_or("", |candidate| candidate.token);
        let claimed = Unchecked::of(token);
        TokenLook {
            has_issuer: claimed.issuer().is_some(),
            is_ours: claimed.issuer() == Some(&self.rules.issuer),
            issued_at: claimed.issued_at().unwrap_or(0),
            is_expired: claimed.expires_at().is_some_and(|end| end <= now.unix),
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

    /// The claims of a token for one whose clock may be wrong by so many seconds. Only to find out
    /// whether that is the matter: what comes of it signs nobody in.
    pub(crate) async fn claims_by_another_clock(
        &self,
        token: &str,
        now: Moment,
        skew: i64,
    ) -> Result<Claims, Rejection> {
        let token = Unverified::parse(token)?;
        let keys = self.keys.keys_for(token.kid(), now.instant).await?;
        token.verify(&keys, &self.rules, now.unix, skew)
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
        let claims = Arc::new(token.verify(&keys, &self.rules, now.unix, SKEW)?);
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

/// Who is calling, for the portal.
pub(crate) fn identity((claims, source): (Arc<Claims>, CredentialSource)) -> Identity {
    let expires_at = DateTime::from_timestamp(claims.expires_at, 0);
    let identity = Identity::new(
        claims.subject.as_str(),
        claims.session_id.as_str(),
        expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
        source,
    );
    match &claims.actor {
        Some(actor) => identity.acted_by(actor.as_str()),
        None => identity,
    }
}

/// The candidate that speaks for one of the two names: the newest that holds, else the first.
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
        // `None` is less than every time.
        if of_name && best.is_none_or(|best| issued_at(best) < issued_at(at)) {
            best = Some(at);
        }
    }
    best
}

/// Whether sessions of different users hold at once: nobody can say which of them it is, and one
/// of them may have been put there by somebody else.
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
        "session cookies of two users in one request: it counts as signed out"
    );
    true
}

/// Why a token was refused: for the log, and for those who count in it. Never for the client.
fn refused(rejection: &Rejection, source: &'static str) {
    tracing::debug!(
        reason = rejection.reason(),
        source,
        "session token refused: {rejection}"
    );
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
        Verifier::new(keys, rules, CookieNames::of_instance("abc", false))
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

    fn raw_cookies(tokens: &[(&str, &str)]) -> HeaderMap {
        let pairs: Vec<String> = tokens
            .iter()
            .map(|(name, token)| format!("{name}={token}"))
            .collect();
        HeaderMap::from_iter([(header::COOKIE, pairs.join("; ").parse().unwrap())])
    }

    /// With the times that Clerk sets beside them.
    fn cookies(tokens: &[(&str, &str)]) -> HeaderMap {
        let uat = (NOW - 1000).to_string();
        let mut all = vec![("__client_uat", uat.as_str()), ("__client_uat_abc", &uat)];
        all.extend(tokens);
        raw_cookies(&all)
    }

    async fn identify(
        verifier: &Verifier,
        headers: &HeaderMap,
        now: Moment,
    ) -> Result<Option<Identity>, AuthError> {
        let found = verifier.session(headers, None, now).await?;
        Ok(found.map(identity))
    }

    async fn who(verifier: &Verifier, headers: &HeaderMap, now: Moment) -> Option<String> {
        let identity = identify(verifier, headers, now).await.unwrap();
        identity.map(|identity| identity.subject)
    }

    async fn state(verifier: &Verifier, headers: &HeaderMap, now: Moment) -> State {
        let cookies = Cookies::of(headers, &verifier.names);
        let found = verifier.cookie_session(&cookies, None, now).await;
        found.unwrap().state
    }

    #[tokio::test]
    async fn an_identity_says_where_its_token_stood_and_when_it_ends() {
        let verifier = local();
        let token = token(json!({}));
        let identity = identify(&verifier, &bearer(&token), at(0)).await.unwrap();
        let identity = identity.unwrap();
        assert_eq!(identity.subject, "user_1");
        assert_eq!(identity.session_id, "sess_1");
        assert_eq!(identity.expires_at.timestamp(), NOW + 50);
        assert_eq!(identity.source, CredentialSource::Header);
        let cookie = cookies(&[("__session", &token)]);
        let identity = identify(&verifier, &cookie, at(0)).await.unwrap().unwrap();
        assert_eq!(identity.source, CredentialSource::Cookie);
        assert_eq!(identity.actor, None);
    }

    #[tokio::test]
    async fn whoever_acts_for_a_user_is_named() {
        let token = token(json!({"act": {"sub": "user_support"}}));
        let identity = identify(&local(), &bearer(&token), at(0)).await.unwrap();
        assert_eq!(identity.unwrap().actor.as_deref(), Some("user_support"));
        // One who cannot be read is still somebody else.
        let token = self::token(json!({"act": {}}));
        let identity = self::identify(&local(), &bearer(&token), at(0)).await;
        assert_eq!(identity.unwrap().unwrap().actor.as_deref(), Some(""));
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
        let answer = identify(&local(), &headers, at(0)).await;
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
            (
                &[("__session_abc", &first), ("__session_abc", &other)],
                None,
            ),
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
            (
                &[("__session", &older), ("__session", &first)],
                Some("sess_1"),
            ),
        ] {
            let tokens: Vec<(&str, &str)> = tokens
                .iter()
                .map(|(name, token)| (*name, token.as_str()))
                .collect();
            let found = identify(&verifier, &cookies(&tokens), at(0)).await.unwrap();
            assert_eq!(
                found.map(|found| found.session_id).as_deref(),
                expected,
                "{tokens:?}"
            );
        }
        let two = cookies(&[("__session", &first), ("__session", &other)]);
        assert_eq!(
            state(&verifier, &two, at(0)).await,
            State::SignedOut("sessions-of-two-users")
        );
    }

    #[tokio::test]
    async fn of_many_session_cookies_four_are_looked_at() {
        let verifier = local();
        let good = token(json!({}));
        let name = "__session";
        let bad = [(name, "a.a.a"), (name, "b.b.b"), (name, "c.c.c")];
        let mut list = bad.to_vec();
        list.push((name, &good));
        assert!(who(&verifier, &cookies(&list), at(0)).await.is_some());
        list.insert(0, (name, "d.d.d"));
        assert_eq!(who(&verifier, &cookies(&list), at(0)).await, None);
    }

    #[tokio::test]
    async fn the_time_of_the_client_only_takes_away() {
        let verifier = local();
        let good = token(json!({}));
        let expired = token(json!({"exp": NOW - SKEW}));
        let issued_at = (NOW - 10).to_string();
        let later = (NOW - 9).to_string();
        let session = ("__session", good.as_str());
        let suffixed = ("__session_abc", good.as_str());
        for (list, signed_in) in [
            (&[session, ("__client_uat", issued_at.as_str())][..], true),
            (&[session, ("__client_uat", &later)], false),
            (&[session, ("__client_uat", "0")], false),
            (&[session, ("__client_uat", "nonsense")], false),
            (&[session], false),
            (&[suffixed], false),
            (&[suffixed, ("__client_uat_abc", "0")], false),
            (&[suffixed, ("__client_uat_abc", &later)], false),
            (&[suffixed, ("__client_uat_abc", &issued_at)], true),
            // The time of the other set does not count.
            (&[suffixed, ("__client_uat", &issued_at)], false),
            (
                &[("__session", &expired), ("__client_uat", &issued_at)],
                false,
            ),
            (
                &[("__session", "a.b.c"), ("__client_uat", &issued_at)],
                false,
            ),
            (&[("__client_uat", &issued_at)], false),
        ] {
            let found = who(&verifier, &raw_cookies(list), at(0)).await;
            assert_eq!(found.is_some(), signed_in, "{list:?}");
        }
        // A token in the header is not of a browser: no cookie has a say in it.
        let mut headers = raw_cookies(&[("__client_uat", "0")]);
        headers.extend(bearer(&good));
        assert!(who(&verifier, &headers, at(0)).await.is_some());
    }

    #[tokio::test]
    async fn a_development_instance_has_to_know_the_browser() {
        let key = SigningKey::first().public();
        let rules = Rules {
            issuer: ISSUER.to_owned(),
            authorized_parties: vec![PORTAL.to_owned()],
        };
        let keys = KeyCache::fixed(Some("ins_1".to_owned()), key);
        let verifier = Verifier::new(keys, rules, CookieNames::of_instance("abc", true));
        let good = token(json!({}));
        let without = cookies(&[("__session", &good)]);
        assert_eq!(who(&verifier, &without, at(0)).await, None);
        let with = cookies(&[("__session", &good), ("__clerk_db_jwt", "dvb_1")]);
        assert!(who(&verifier, &with, at(0)).await.is_some());
        let other = cookies(&[("__session", &good), ("__clerk_db_jwt_def", "dvb_1")]);
        assert_eq!(who(&verifier, &other, at(0)).await, None);
        let query = Some("a=b&__clerk_db_jwt=dvb_2");
        let synced = verifier.session(&with, query, at(0)).await.unwrap();
        assert!(synced.is_none());
    }

    #[tokio::test]
    async fn the_development_provider_has_a_cookie_and_no_more() {
        let key = SigningKey::first().public();
        let rules = Rules {
            issuer: ISSUER.to_owned(),
            authorized_parties: vec![PORTAL.to_owned()],
        };
        let keys = KeyCache::fixed(Some("ins_1".to_owned()), key);
        let verifier = Verifier::new(keys, rules, CookieNames::bare());
        let good = token(json!({}));
        let headers = raw_cookies(&[("__session", &good)]);
        assert!(who(&verifier, &headers, at(0)).await.is_some());
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
        let answer = identify(&verifier, &bearer(&token(json!({}))), at(0)).await;
        let response = portal_core::Error::from(answer.unwrap_err()).into_response();
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }
}
