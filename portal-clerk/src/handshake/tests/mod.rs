//! Test fixtures: sites with instances of both types, their pages, and results of handshakes.

use std::collections::HashMap;
use std::time::Instant;

use axum::http::Request;
use serde_json::{Value, json};

use super::*;
use crate::backend::BackendApi;
use crate::cookies::CookieNames;
use crate::jwks::KeyCache;
use crate::testing::{FakeServer, ISSUER, NOW, PORTAL, SigningKey, good_header, merged};
use crate::token::VerificationRules;
use crate::verifier::identity;

mod redirect;
mod response;

struct Site {
    handshake: Handshake,
    verifier: Verifier,
}

impl Site {
    fn new(backend: &str, development: bool) -> Self {
        let keys = KeyCache::fixed(Some("ins_1".to_owned()), SigningKey::first().public());
        Self::with(keys, backend, development)
    }

    fn with(keys: KeyCache, backend: &str, development: bool) -> Self {
        let rules = VerificationRules {
            issuer: ISSUER.to_owned(),
            authorized_parties: vec![PORTAL.to_owned()],
        };
        let names = CookieNames::of_instance("abc", development);
        Self {
            handshake: Handshake {
                endpoint: format!("{ISSUER}/v1/client/handshake").parse().unwrap(),
                public_url: PORTAL.to_owned(),
                base_path: String::new(),
                development,
                payloads: PayloadFetcher::new({
                    let api = BackendApi::default();
                    api.connect(backend, portal_core::config::Secret::new("sk"), false)
                        .unwrap();
                    api
                }),
                ignored: LogRate::default(),
            },
            verifier: Verifier::new(keys, rules, names),
        }
    }

    fn production() -> Self {
        Self::new("http://127.0.0.1:9", false)
    }

    fn development() -> Self {
        Self::new("http://127.0.0.1:9", true)
    }

    async fn open(&self, parts: &mut Parts) -> NavigationOutcome {
        self.open_at(parts, 0).await
    }

    async fn open_at(&self, parts: &mut Parts, seconds: i64) -> NavigationOutcome {
        let now = TimePoint {
            unix: NOW + seconds,
            instant: Instant::now(),
        };
        self.handshake.navigate(&self.verifier, parts, now).await
    }

    /// Returns the user who is signed in on a page. Checks that the resolved session and the
    /// headers agree.
    async fn who(&self, parts: &Parts) -> Option<String> {
        let Resolved(found) = parts.extensions.get().cloned()?;
        let now = TimePoint {
            unix: NOW,
            instant: Instant::now(),
        };
        let query = parts.uri.query();
        let again = self.verifier.session(&parts.headers, query, now).await;
        let subject = |found: VerifiedSession| found.map(|found| identity(found).subject);
        let (first, again) = (subject(found), subject(again.unwrap()));
        assert_eq!(first, again);
        first
    }
}

fn page(uri: &str, cookies: &str) -> Parts {
    let request = Request::get(uri).header("host", "evil.example");
    let request = match cookies {
        "" => request,
        cookies => request.header("cookie", cookies),
    };
    request.body(()).unwrap().into_parts().0
}

fn token(claims: Value) -> String {
    SigningKey::first().token(json!({}), claims)
}

fn expired() -> String {
    token(json!({"exp": NOW - SKEW}))
}

fn handshake_token(key: &SigningKey, header: Value, directives: &[String]) -> String {
    let header = merged(merged(good_header(), json!({"cat": null})), header).to_string();
    key.sign(&header, &json!({ "handshake": directives }).to_string())
}

fn directives(session: &str) -> Vec<String> {
    vec![
        format!("__session={session}; Path=/"),
        format!("__session_abc={session}; Path=/"),
        format!("__client_uat={}; Path=/", NOW - 100),
        format!("__client_uat_abc={}; Path=/", NOW - 100),
        "portal_flash=x; Path=/".to_owned(),
    ]
}

fn header_of(navigation: &NavigationOutcome, name: &str) -> Option<String> {
    let response = navigation.response.as_ref()?;
    let value = response.headers().get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

/// Returns the query parameters of the redirect to Clerk.
fn parameters(navigation: &NavigationOutcome) -> HashMap<String, String> {
    let response = navigation
        .response
        .as_ref()
        .expect("the response is a redirect");
    assert_eq!(response.status(), 307);
    let location = header_of(navigation, "location").unwrap();
    let location: Url = location.parse().unwrap();
    assert_eq!(
        location.as_str().split('?').next(),
        Some("https://clerk.example.com/v1/client/handshake")
    );
    location.query_pairs().into_owned().collect()
}

fn nothing_happens(navigation: &NavigationOutcome) -> bool {
    navigation.response.is_none() && navigation.cookies.is_empty()
}
