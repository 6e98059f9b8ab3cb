//! Keys and tokens for unit tests.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{self, KeyPair as _, RsaEncoding};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{AppendHeaders, IntoResponse};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portal_core::auth::ProviderContext;
use portal_core::config::{Config, Settings};
use portal_core::store::Store;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::jwks::RsaKey;

pub(crate) const ISSUER: &str = "https://clerk.example.com";
pub(crate) const PORTAL: &str = "https://portal.example.com";
/// Time at which tokens are verified in tests.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) struct SigningKey(KeyPair);

impl SigningKey {
    pub(crate) fn first() -> &'static Self {
        static KEY: LazyLock<SigningKey> = LazyLock::new(SigningKey::new);
        &KEY
    }

    pub(crate) fn second() -> &'static Self {
        static KEY: LazyLock<SigningKey> = LazyLock::new(SigningKey::new);
        &KEY
    }

    fn new() -> Self {
        Self(KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn public(&self) -> RsaKey {
        RsaKey::from_public_key(self.0.public_key()).unwrap()
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        self.public().to_jwk(kid)
    }

    pub(crate) fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
        let body = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> = body
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        )
    }

    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        self.sign_as(&signature::RSA_PKCS1_SHA256, header, claims)
    }

    pub(crate) fn sign_as(
        &self,
        encoding: &'static dyn RsaEncoding,
        header: &str,
        claims: &str,
    ) -> String {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                encoding,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns a signed token whose valid header and claims are modified by the given fields;
    /// `null` removes a field.
    pub(crate) fn token(&self, header: Value, claims: Value) -> String {
        self.sign(
            &merged(good_header(), header).to_string(),
            &merged(good_claims(), claims).to_string(),
        )
    }
}

pub(crate) fn good_header() -> Value {
    json!({"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": "ins_1", "typ": "JWT"})
}

pub(crate) fn good_claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "user_1",
        "sid": "sess_1",
        "azp": PORTAL,
        "iat": NOW - 10,
        "nbf": NOW - 20,
        "exp": NOW + 50,
        "sts": "active",
        "fva": [0, -1],
        "v": 2,
    })
}

pub(crate) fn merged(mut into: Value, other: Value) -> Value {
    let (Value::Object(members), Value::Object(other)) = (&mut into, other) else {
        panic!("both values must be JSON objects")
    };
    for (name, value) in other {
        match value {
            Value::Null => drop(members.remove(&name)),
            value => drop(members.insert(name, value)),
        }
    }
    into
}

/// Returns the context that a portal passes to a provider, with an empty database in the given
/// directory.
pub(crate) async fn setup(
    directory: &tempfile::TempDir,
    pairs: &[(&str, &str)],
) -> ProviderContext {
    let settings = Settings::from_pairs_with(crate::config::SETTINGS, pairs.iter().copied());
    let mut config = Config::from_settings(settings).unwrap();
    config.home_path = "/home".to_owned();
    let path = directory.path().join("portal.db");
    let store = Store::connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap();
    store.migrate().await.unwrap();
    ProviderContext::new(Arc::new(config), store)
}

/// Loopback server that sends the same response to every request and records the requests.
pub(crate) struct FakeServer {
    pub(crate) url: String,
    inner: Arc<FakeInner>,
}

struct FakeInner {
    response: Mutex<Response>,
    requests: Mutex<Vec<String>>,
    /// `true` while responses are held back.
    held: watch::Sender<bool>,
}

type Response = (StatusCode, Vec<(HeaderName, String)>, String);

impl FakeServer {
    pub(crate) async fn start(status: u16, body: impl ToString) -> Self {
        let inner = Arc::new(FakeInner {
            response: Mutex::new((StatusCode::OK, Vec::new(), String::new())),
            requests: Mutex::default(),
            held: watch::Sender::new(false),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new()
            .fallback(respond)
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let server = Self { url, inner };
        server.respond_with(status, body);
        server
    }

    pub(crate) fn respond_with(&self, status: u16, body: impl ToString) {
        let status = StatusCode::from_u16(status).unwrap();
        let location = (header::LOCATION, format!("{}/elsewhere", self.url));
        let headers = if status.is_redirection() {
            vec![location]
        } else {
            Vec::new()
        };
        *self.inner.response.lock().unwrap() = (status, headers, body.to_string());
    }

    pub(crate) fn hold(&self, held: bool) {
        self.inner.held.send_replace(held);
    }

    /// Returns the path, query and `Authorization` header of each request.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.inner.requests.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.inner.requests.lock().unwrap().len()
    }
}

async fn respond(
    State(inner): State<Arc<FakeInner>>,
    uri: Uri,
    headers: HeaderMap,
) -> impl IntoResponse {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.map_or("-", |value| value.to_str().unwrap());
    inner
        .requests
        .lock()
        .unwrap()
        .push(format!("{uri} {authorization}"));
    let mut held = inner.held.subscribe();
    held.wait_for(|held| !held).await.unwrap();
    let (status, headers, body) = inner.response.lock().unwrap().clone();
    (status, AppendHeaders(headers), body)
}

/// Waits until a condition becomes true because of background work.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(20), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}
