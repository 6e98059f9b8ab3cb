//! A portal in this process, and a client that connects to it over a socket.

use portal_clerk::ClerkAuth;
use portal_core::auth::RouteInfo;
use portal_core::config::{Config, Settings};
use portal_core::{Portal, PortalBuilder, PortalState};
use portal_testkit::{Person, account};
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::Connection;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Database;
use crate::app;

/// E-mail address of the administrator on each test server.
pub(crate) const ADMIN: &str = "root@example.com";

/// Host name of a portal in production.
pub(crate) const PRODUCTION_HOST: &str = "portal.example.com";

/// A portal with the test application's pages, tasks and models.
pub(crate) struct TestServer {
    pub(crate) url: String,
    pub(crate) uri: String,
    pub(crate) state: PortalState,
    /// The portal's declared routes.
    pub(crate) routes: Vec<RouteInfo>,
    /// Debug output of the axum router.
    pub(crate) router: String,
    signal: CancellationToken,
    served: Option<JoinHandle<std::io::Result<()>>>,
    directory: TempDir,
}

impl TestServer {
    pub(crate) async fn start(database: Database) -> Self {
        Self::start_with(database, &[], app::build).await
    }

    /// Starts a portal with additional settings and customizations by `build`.
    pub(crate) async fn start_with(
        database: Database,
        settings: &[(&str, &str)],
        build: impl FnOnce(PortalBuilder) -> PortalBuilder,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be created");
        let uri = database.create_migrated(&directory).await;
        Self::start_on(directory, uri, settings, build).await
    }

    async fn start_on(
        directory: TempDir,
        uri: String,
        settings: &[(&str, &str)],
        build: impl FnOnce(PortalBuilder) -> PortalBuilder,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let port = listener.local_addr().expect("the listener is bound").port();
        let port_text = port.to_string();
        let base = [
            ("APP_ENV", "DEV"),
            ("PORT", port_text.as_str()),
            ("DB_LOCAL_URI", uri.as_str()),
            ("ADMIN_USER_EMAILS", ADMIN),
            ("RATE_LIMITS", "off"),
        ];
        let pairs = base.into_iter().chain(settings.iter().copied());
        let auth = ClerkAuth::new();
        let provider_settings = portal_core::AuthProvider::settings(&auth);
        let config = Config::from_settings(Settings::from_pairs_with(provider_settings, pairs))
            .expect("the settings are valid");
        let portal = build(Portal::builder().config(config).auth(auth))
            .build()
            .await
            .expect("the portal starts");
        let signal = CancellationToken::new();
        let state = portal.state().clone();
        let routes = portal.list_routes().to_vec();
        let router = format!("{:?}", portal.router());
        let served = tokio::spawn(portal.serve_until(listener, signal.clone().cancelled_owned()));
        Self {
            url: format!("http://127.0.0.1:{port}"),
            uri,
            state,
            routes,
            router,
            signal,
            served: Some(served),
            directory,
        }
    }

    /// Returns a client without credentials.
    pub(crate) fn guest(&self) -> Client {
        Client::new(&self.url, None)
    }

    /// Returns a client with a bearer token for a new session.
    pub(crate) async fn sign_in(&self, email: &str) -> Client {
        let body = json!(Person::new(email, "Test", "Person"));
        let response = self.guest().post(Person::PATH, &body).await;
        assert_eq!(response.status, 200, "{}", response.text);
        let token = account::token(&response.json()).expect("response has a token");
        Client::new(&self.url, Some(token))
    }

    pub(crate) async fn admin(&self) -> Client {
        self.sign_in(ADMIN).await
    }

    pub(crate) async fn user(&self) -> Client {
        self.sign_in("ann@example.com").await
    }

    /// Starts another portal on the same database, as a second replica.
    pub(crate) async fn replica(&self) -> Self {
        self.replica_with(&[]).await
    }

    /// Starts a second replica with the same public URL, so that it accepts the same sessions.
    pub(crate) async fn replica_of_sessions(&self) -> Self {
        self.replica_with(&[("PUBLIC_URL", self.url.as_str())])
            .await
    }

    /// Starts a second replica with additional settings.
    pub(crate) async fn replica_with(&self, settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be created");
        Self::start_on(directory, self.uri.clone(), settings, app::build).await
    }

    /// Starts a replica in PROD whose host is [`PRODUCTION_HOST`].
    ///
    /// The database must be PostgreSQL.
    pub(crate) async fn in_production(
        &self,
        build: impl FnOnce(PortalBuilder) -> PortalBuilder,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be created");
        let public_url = format!("https://{PRODUCTION_HOST}");
        let settings = [
            ("APP_ENV", "PROD"),
            ("RATE_LIMITS", "on"),
            (
                "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
                "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
            ),
            ("CLERK_SECRET_KEY", "sk_live_x0123456789abcdefghij"),
            ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
            ("PUBLIC_URL", public_url.as_str()),
            ("DB_CONN_URI", self.uri.as_str()),
        ];
        Self::start_on(directory, self.uri.clone(), &settings, build).await
    }

    /// Shuts down the portal gracefully and starts another one on the same database.
    pub(crate) async fn start_again(self) -> Self {
        self.start_again_with(&[]).await
    }

    /// Like [`start_again`](Self::start_again), but with additional settings.
    pub(crate) async fn start_again_with(mut self, settings: &[(&str, &str)]) -> Self {
        self.stop().await;
        let directory = tempfile::tempdir().expect("a directory can be created");
        let directory = std::mem::replace(&mut self.directory, directory);
        Self::start_on(directory, self.uri.clone(), settings, app::build).await
    }

    /// Changes the database behind the portal's back; returns the number of affected rows.
    pub(crate) async fn sql(&self, statement: String) -> u64 {
        let statement = sqlx::AssertSqlSafe(statement);
        if self.uri.starts_with("sqlite:") {
            // SQLite checks the collations of all indexes when a table is renamed.
            let by_number = |left: &str, right: &str| {
                let number = |text: &str| text.parse::<rust_decimal::Decimal>().ok();
                number(left).cmp(&number(right))
            };
            let options: sqlx::sqlite::SqliteConnectOptions =
                self.uri.parse().expect("the URI is valid");
            let options = options.collation("portal_decimal", by_number);
            let mut connection = sqlx::SqliteConnection::connect_with(&options)
                .await
                .expect("the file opens");
            let done = sqlx::query(statement).execute(&mut connection).await;
            done.expect("the statement runs").rows_affected()
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.uri)
                .await
                .expect("the server accepts connections");
            let done = sqlx::query(statement).execute(&mut connection).await;
            done.expect("the statement runs").rows_affected()
        }
    }

    /// Closes a PostgreSQL database to all connections, or opens it again.
    pub(crate) async fn cut_off(&self, away: bool) {
        let (root, name) = self.uri.rsplit_once('/').expect("the URI names a database");
        let mut connection = sqlx::PgConnection::connect(&format!("{root}/postgres"))
            .await
            .expect("the server accepts connections");
        let allow = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {}", !away);
        let kill = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        for statement in [allow, kill] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .expect("the statement runs");
        }
    }

    /// Shuts down the portal gracefully, as SIGTERM does.
    pub(crate) async fn stop(&mut self) {
        self.signal.cancel();
        if let Some(served) = self.served.take() {
            served
                .await
                .expect("the portal does not panic")
                .expect("the portal stops without an error");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.signal.cancel();
        if let Some(served) = self.served.take() {
            served.abort();
        }
    }
}

/// Returns an HTTP client that never follows redirects, for URLs without TLS.
pub(super) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // Reading the system's root certificates takes longer than most requests in a test.
        .tls_certs_only([])
        .build()
        .expect("a client can be created")
}

/// HTTP client for a portal; never follows redirects.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    pub(crate) token: Option<String>,
}

impl Client {
    pub(crate) fn new(url: &str, token: Option<String>) -> Self {
        Self {
            http: http(),
            url: url.to_owned(),
            token,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn without_credentials(&self) -> Self {
        Self::new(&self.url, None)
    }

    /// Returns a request with this client's credentials, for cases without a shorthand.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> TestResponse {
        TestResponse::of(self.request(Method::GET, path)).await
    }

    /// Requests a page as a browser does.
    pub(crate) async fn page(&self, path: &str) -> TestResponse {
        TestResponse::of(
            self.request(Method::GET, path)
                .header("accept", "text/html"),
        )
        .await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> TestResponse {
        TestResponse::of(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> TestResponse {
        TestResponse::of(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> TestResponse {
        TestResponse::of(self.request(Method::DELETE, path)).await
    }

    /// Creates a client token for this user.
    pub(crate) async fn client_token(&self) -> String {
        let response = TestResponse::of(self.request(Method::POST, "/api/client-tokens")).await;
        assert_eq!(response.status, 201, "{}", response.text);
        response.json()["client_token"]
            .as_str()
            .expect("response has a token")
            .to_owned()
    }
}

/// A response whose body has been read completely.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl TestResponse {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the portal responds");
        let (status, headers) = (response.status(), response.headers().clone());
        Self {
            status,
            headers,
            text: response.text().await.expect("the body is text"),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    /// Asserts a problem document with a status and a code, and returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let document = self.json();
        assert_eq!(document["code"], code, "{document}");
        assert_eq!(document["status"], status);
        assert_eq!(document["instance"], self.header("x-request-id"));
        document
    }
}
