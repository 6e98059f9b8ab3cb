//! Behavior shared by both identity providers, Clerk and the development provider.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection;

use crate::support::{
    ADMIN, ClerkPortal, Client, CookieClient, Database, TestResponse, TestServer, eventually,
};

/// A portal with one of the two identity providers.
enum Portal {
    Development(TestServer),
    Clerk(ClerkPortal),
}

impl Portal {
    async fn development(database: Database) -> Self {
        Self::Development(TestServer::start(database).await)
    }

    async fn clerk(database: Database) -> Self {
        Self::Clerk(ClerkPortal::start(database).await)
    }

    fn server(&self) -> &TestServer {
        match self {
            Self::Development(server) => server,
            Self::Clerk(portal) => &portal.server,
        }
    }

    async fn sign_in(&self, email: &str) -> Client {
        match self {
            Self::Development(server) => server.sign_in(email).await,
            Self::Clerk(portal) => portal.sign_in(&portal.clerk.user(email)),
        }
    }

    /// Returns a browser that has a client's session.
    fn browser(&self, client: &Client) -> CookieClient {
        match self {
            Self::Development(server) => CookieClient::of(&server.url, client),
            Self::Clerk(portal) => CookieClient::of_clerk(&portal.server.url, client),
        }
    }
}

/// Runs a test with both providers on both databases.
macro_rules! with_both_providers {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::support::Database;
            use super::Portal;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn development_sqlite() {
                super::$name(Portal::development(Database::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn development_postgres() {
                super::$name(Portal::development(Database::Postgres).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn clerk_sqlite() {
                super::$name(Portal::clerk(Database::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn clerk_postgres() {
                super::$name(Portal::clerk(Database::Postgres).await).await;
            }
        }
    )+};
}

with_both_providers!(
    callers_reach_only_permitted_routes,
    header_takes_precedence_over_cookie,
    user_is_created_once_and_last_login_set_per_session,
    role_change_applies_to_the_next_request,
    signing_out_ends_only_this_session,
);

async fn me(client: &Client) -> Value {
    let response = client.get("/api/auth/me").await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()
}

fn email_of(response: &TestResponse) -> String {
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()["email"]
        .as_str()
        .expect("value is a string")
        .to_owned()
}

async fn callers_reach_only_permitted_routes(portal: Portal) {
    let (guest, user) = (
        portal.server().guest(),
        portal.sign_in("ann@example.com").await,
    );
    let admin = portal.sign_in(ADMIN).await;
    for (path, expected) in [
        ("/", [200, 200, 200]),
        ("/members", [303, 200, 200]),
        ("/secret", [303, 403, 200]),
        ("/api/auth/me", [401, 200, 200]),
        ("/api/users", [401, 403, 200]),
    ] {
        for (client, status) in [&guest, &user, &admin].into_iter().zip(expected) {
            assert_eq!(client.get(path).await.status, status, "{path}");
        }
        // A session cookie has the same effect as the `Authorization` header.
        for (client, status) in [&user, &admin].into_iter().zip(&expected[1..]) {
            let asked = portal.browser(client).request(Method::GET, path);
            assert_eq!(
                TestResponse::of(asked).await.status,
                *status,
                "{path} by cookie"
            );
        }
    }
}

async fn header_takes_precedence_over_cookie(portal: Portal) {
    let user = portal.sign_in("ann@example.com").await;
    let cookies = portal.browser(&portal.sign_in(ADMIN).await);
    let ask = |authorization: String| {
        let request = cookies.request(Method::GET, "/api/auth/me");
        TestResponse::of(request.header("authorization", authorization))
    };
    let token = user.token.as_deref().expect("client has a token");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let response = ask(format!("{scheme} {token}")).await;
        assert_eq!(email_of(&response), "ann@example.com");
    }
    let refused = ask("Bearer nonsense".to_owned()).await;
    refused.problem(401, "unauthorized");
    assert_eq!(
        refused.header("www-authenticate"),
        "Bearer error=\"invalid_token\""
    );
    assert_eq!(email_of(&ask("Basic YTpi".to_owned()).await), ADMIN);
}

async fn user_is_created_once_and_last_login_set_per_session(portal: Portal) {
    let client = portal.sign_in("ann@example.com").await;
    let requests = (0..8).map(|_| me(&client));
    let seen = futures_util::future::join_all(requests).await;
    assert!(seen.iter().all(|one| one["id"] == seen[0]["id"]));
    let first = me(&client).await;
    assert_eq!(first["user_type"], "USER");
    assert_eq!(me(&client).await["last_login"], first["last_login"]);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let next = me(&portal.sign_in("ann@example.com").await).await;
    assert_eq!(next["id"], first["id"]);
    assert!(next["last_login"].as_str() > first["last_login"].as_str());
}

async fn role_change_applies_to_the_next_request(portal: Portal) {
    let (admin, user) = (
        portal.sign_in(ADMIN).await,
        portal.sign_in("ann@example.com").await,
    );
    let id = me(&user).await["id"]
        .as_str()
        .expect("response has an id")
        .to_owned();
    let path = format!("/api/users/{id}");
    for (change, status) in [
        (json!({"user_type": "ADMIN"}), 200),
        (json!({"user_type": "USER"}), 403),
        (json!({"is_active": false}), 403),
        (json!({"is_active": true}), 403),
    ] {
        assert_eq!(admin.patch(&path, &change).await.status, 200, "{change}");
        assert_eq!(user.page("/secret").await.status, status, "{change}");
        let members = if change == json!({"is_active": false}) {
            403
        } else {
            200
        };
        assert_eq!(user.page("/members").await.status, members, "{change}");
    }
}

async fn signing_out_ends_only_this_session(portal: Portal) {
    let (one, other) = (
        portal.sign_in("ann@example.com").await,
        portal.sign_in("ann@example.com").await,
    );
    let mut browser = portal.browser(&one);
    let response = browser.submit("/sign-out", &[]).await;
    assert_eq!((response.status.as_u16(), response.location()), (303, "/"));
    assert!(!browser.cookies.contains_key("__session"));
    one.get("/api/auth/me").await.problem(401, "unauthorized");
    assert_eq!(other.get("/api/auth/me").await.status, 200);
}

/// Locks the tables of users and sessions against reads and writes until the connection closes.
async fn lock_everyone_out(uri: &str) -> sqlx::PgConnection {
    let mut connection = sqlx::PgConnection::connect(uri)
        .await
        .expect("the database responds");
    let lock = "BEGIN; LOCK TABLE portal_users, portal_sessions IN ACCESS EXCLUSIVE MODE";
    let locked = sqlx::raw_sql(lock).execute(&mut connection).await;
    locked.expect("the tables can be locked");
    connection
}

async fn cached_caller_costs_no_query(portal: Portal) {
    let (known, stranger) = (
        portal.sign_in("ann@example.com").await,
        portal.sign_in("bob@example.com").await,
    );
    // A new session changes its user, and the portal receives the event about that a little later.
    for _ in 0..5 {
        me(&known).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let lock = lock_everyone_out(&portal.server().uri).await;
    let waits = tokio::spawn(async move { me(&stranger).await });
    for _ in 0..3 {
        assert_eq!(me(&known).await["email"], "ann@example.com");
    }
    assert!(!waits.is_finished(), "an uncached caller must be looked up");
    drop(lock);
    let found = waits.await.expect("the task does not panic");
    assert_eq!(found["email"], "bob@example.com");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cached_development_caller_costs_no_query() {
    cached_caller_costs_no_query(Portal::development(Database::Postgres).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cached_clerk_caller_costs_no_query() {
    cached_caller_costs_no_query(Portal::clerk(Database::Postgres).await).await;
}

/// Returns the number of requests to Clerk that revoke a session.
fn revocations(portal: &ClerkPortal) -> usize {
    let requests = portal.clerk.requests();
    requests.iter().filter(|it| it.contains("/revoke")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_session_is_revoked_at_clerk_once() {
    let portal = ClerkPortal::start(Database::Sqlite).await;
    let session = portal.clerk.session(&portal.clerk.user("ann@example.com"));
    let client = portal.with_session(&session);
    assert_eq!(client.get("/api/auth/me").await.status, 200);
    let sign_out = async |client: &Client| {
        let mut browser = CookieClient::of_clerk(&portal.server.url, client);
        assert_eq!(browser.submit("/sign-out", &[]).await.status, 303);
    };
    futures_util::future::join_all((0..100).map(|_| sign_out(&client))).await;
    // Use expired tokens, including one for a session that the portal has not seen.
    portal.clerk.set_token_lifetime(-60);
    let expired = portal.with_session(&session);
    let unseen = portal.clerk.session(&portal.clerk.user("bob@example.com"));
    let unseen_client = portal.with_session(&unseen);
    for client in [&expired, &unseen_client] {
        futures_util::future::join_all((0..20).map(|_| sign_out(client))).await;
    }
    eventually("both have ended at Clerk", async || {
        let ended = |id: &str| portal.clerk.session_status(id) == "revoked";
        (ended(&session) && ended(&unseen)).then_some(())
    })
    .await;
    sign_out(&expired).await;
    assert_eq!(revocations(&portal), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_clerk_token_can_still_end_its_session() {
    let portal = ClerkPortal::start(Database::Postgres).await;
    portal.clerk.set_token_lifetime(-60);
    let session = portal.clerk.session(&portal.clerk.user("ann@example.com"));
    let client = portal.with_session(&session);
    client
        .get("/api/auth/me")
        .await
        .problem(401, "unauthorized");
    let mut browser = CookieClient::of_clerk(&portal.server.url, &client);
    assert_eq!(browser.submit("/sign-out", &[]).await.status, 303);
    eventually("the session has ended at Clerk", async || {
        (portal.clerk.session_status(&session) == "revoked").then_some(())
    })
    .await;
    // A new token does not reopen the session.
    portal.clerk.set_token_lifetime(60);
    let client = portal.with_session(&session);
    client
        .get("/api/auth/me")
        .await
        .problem(401, "unauthorized");
}
