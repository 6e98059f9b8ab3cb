//! Client tokens: listing, limits, hashing, expiry, revocation, and absence from logs.

use chrono::{TimeDelta, Utc};
use portal_core::Store;
use portal_core::auth::{Accounts, ClientTokens};
use reqwest::Method;
use sea_query::{Expr, ExprTrait, Query};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Client, CookieClient, Database, EventStream, ReferencePortal, Socket, TaskClient, TestResponse,
    TestServer, on_both,
};

const TABLE: &str = "portal_client_tokens";

on_both!(
    owner_lists_and_revokes_tokens_without_their_secrets,
    database_stores_keyed_token_hashes_only,
    token_expires_seven_days_after_creation_despite_use,
    open_monitors_close_when_their_token_expires,
    ending_other_sessions_revokes_every_client_token,
    token_beyond_the_limit_revokes_the_least_recently_used,
    token_of_an_older_version_stays_valid_with_its_tasks,
    page_monitors_tasks_of_the_users_own_token,
);

async fn setup(database: Database) -> (TestServer, Client, TaskClient) {
    let server = TestServer::start(database).await;
    let user = server.user().await;
    let client = TaskClient::of(&user).await;
    (server, user, client)
}

async fn user_id(user: &Client) -> Uuid {
    let me = user.get("/api/auth/me").await.json();
    me["id"]
        .as_str()
        .expect("response has an id")
        .parse()
        .expect("id is a UUID")
}

async fn tokens_of(user: &Client) -> Vec<Value> {
    let list = user.get("/api/client-tokens").await.json();
    list["client_tokens"]
        .as_array()
        .expect("value is a list")
        .clone()
}

fn store(server: &TestServer) -> std::sync::Arc<Store> {
    server.state.get::<Store>().expect("the service exists")
}

/// Moves the creation and last use of every token into the past.
async fn age(server: &TestServer, created: TimeDelta, used: TimeDelta) {
    let now = Utc::now();
    let aged = Query::update()
        .table(TABLE)
        .values([
            ("created_at", (now - created).into()),
            ("last_used_at", (now - used).into()),
        ])
        .take();
    store(server)
        .execute(&aged)
        .await
        .expect("the change is stored");
}

async fn owner_lists_and_revokes_tokens_without_their_secrets(database: Database) {
    let (server, user, client) = setup(database).await;
    let other = TaskClient::of(&user).await;
    let eve = server.sign_in("eve@example.com").await;
    let listed = user.get("/api/client-tokens").await;
    assert!(!listed.text.contains(&client.token), "{}", listed.text);
    let tokens = tokens_of(&user).await;
    assert_eq!(tokens.len(), 2);
    let mine = tokens
        .iter()
        .find(|token| {
            client
                .token
                .starts_with(token["hint"].as_str().expect("the token has a hint"))
        })
        .expect("the token is listed");
    let members: Vec<_> = mine
        .as_object()
        .expect("value is an object")
        .keys()
        .collect();
    let expected = ["id", "hint", "created_at", "last_used_at", "expires_at"];
    assert_eq!(members, expected);
    assert_eq!(tokens_of(&eve).await, Vec::<Value>::new());
    server
        .guest()
        .get("/api/client-tokens")
        .await
        .problem(401, "unauthorized");

    let id = mine["id"].as_str().expect("response has an id");
    let with_id = TaskClient {
        token: id.to_owned(),
        ..client.clone()
    };
    let refused = with_id.get("probe", "status").await;
    refused.problem(404, "client_token_unknown");
    let path = format!("/api/client-tokens/{id}");
    eve.delete(&path).await.problem(404, "client_token_unknown");
    assert_eq!(client.get("probe", "status").await.status, 200);
    assert_eq!(user.delete(&path).await.status, 204);
    let refused = client.get("probe", "status").await;
    refused.problem(404, "client_token_unknown");
    assert_eq!(other.get("probe", "status").await.status, 200);
}

async fn database_stores_keyed_token_hashes_only(database: Database) {
    let (server, _, client) = setup(database).await;
    let id = client.start("steps").await;
    client.ended(&id).await;
    let secret: Uuid = client.token.parse().expect("token is a UUID");
    for (table, column) in [(TABLE, "id"), ("portal_tasks", "client_token_id")] {
        let select = Query::select()
            .column(column)
            .from(table)
            .and_where(Expr::col(column).eq(secret))
            .take();
        let rows = store(&server)
            .fetch_all(&select)
            .await
            .expect("the rows can be read");
        assert!(rows.is_empty(), "{table}.{column} contains the token");
    }
    // Replicas without `SECRET_KEY` share the key that is stored in the database.
    let path = client.path("probe", &format!("status/{id}"));
    let same = server.replica().await;
    assert_eq!(same.guest().get(&path).await.status, 200);
    let key = [("SECRET_KEY", "another-key-of-at-least-32-bytes-")];
    let other = server.replica_with(&key).await;
    let refused = other.guest().get(&path).await;
    refused.problem(404, "client_token_unknown");
}

async fn token_expires_seven_days_after_creation_despite_use(database: Database) {
    let (server, user, client) = setup(database).await;
    age(&server, TimeDelta::hours(7 * 24 - 1), TimeDelta::hours(1)).await;
    // A process caches tokens for a while, whereas a new replica reads the changed row.
    let replica = server.replica_of_sessions().await;
    let path = client.path("probe", "status");
    assert_eq!(replica.guest().get(&path).await.status, 200);
    let token = &tokens_of(&user).await[0];
    let time = |name: &str| {
        let text = token[name].as_str().expect("value is a time");
        chrono::DateTime::parse_from_rfc3339(text).expect("the time is in RFC 3339 format")
    };
    assert_eq!(time("expires_at"), time("created_at") + TimeDelta::days(7));

    // An older replica extends a token beyond the seven days.
    age(&server, TimeDelta::days(7), TimeDelta::zero()).await;
    let extended = Query::update()
        .table(TABLE)
        .value("expires_at", Utc::now() + TimeDelta::hours(24))
        .take();
    store(&server)
        .execute(&extended)
        .await
        .expect("the rows are changed");
    let replica = server.replica_of_sessions().await;
    let refused = replica.guest().get(&path).await;
    refused.problem(404, "client_token_unknown");
    assert_eq!(tokens_of(&user).await, Vec::<Value>::new());
}

async fn open_monitors_close_when_their_token_expires(database: Database) {
    let (server, _, client) = setup(database).await;
    age(
        &server,
        TimeDelta::days(7) - TimeDelta::seconds(4),
        TimeDelta::zero(),
    )
    .await;
    let path = format!("/api/tasks/{}/monitor", client.token);
    let socket = Socket::open(&server.url, &path).await;
    let mut events = EventStream::open(&server.guest(), &path).await;
    assert_eq!(socket.rest().await.1, 4401);
    assert_eq!(events.next().await, None);
    let closed = events.closed.expect("the portal sends a reason");
    assert_eq!(closed["code"], 4401);
}

async fn ending_other_sessions_revokes_every_client_token(database: Database) {
    let (server, user, client) = setup(database).await;
    let of_eve = TaskClient::of(&server.sign_in("eve@example.com").await).await;
    // A normal sign-out ends one session; programs can keep using their tokens.
    let elsewhere = server.user().await;
    let signed_out = elsewhere.request(Method::POST, "/sign-out");
    assert_eq!(TestResponse::of(signed_out).await.status, 303);
    assert_eq!(client.get("probe", "status").await.status, 200);

    let path = format!("/api/tasks/{}/monitor", client.token);
    let socket = Socket::open(&server.url, &path).await;
    let accounts = server.state.get::<Accounts>().expect("the service exists");
    let ended = accounts.end_other_sessions(user_id(&user).await, "none");
    ended.await.expect("the sessions end");
    assert_eq!(socket.rest().await.1, 4401);
    let refused = client.get("probe", "status").await;
    refused.problem(404, "client_token_unknown");
    let refused = client.ask("probe", "steps", &json!({})).await;
    refused.problem(404, "client_token_unknown");
    assert_eq!(of_eve.get("probe", "status").await.status, 200);
}

async fn token_beyond_the_limit_revokes_the_least_recently_used(database: Database) {
    let (server, user, client) = setup(database).await;
    let owner = user_id(&user).await;
    let tokens = server
        .state
        .get::<ClientTokens>()
        .expect("the service exists");
    let second = tokens.create(owner).await.expect("the token is created");
    let path = format!("/api/tasks/{}/monitor", client.token);
    let socket = Socket::open(&server.url, &path).await;
    for _ in 0..99 {
        tokens.create(owner).await.expect("the token is created");
    }
    assert_eq!(tokens_of(&user).await.len(), 100);
    assert_eq!(socket.rest().await.1, 4401);
    let refused = client.get("probe", "status").await;
    refused.problem(404, "client_token_unknown");
    let second = second.secret.to_string();
    tokens
        .verify(&second)
        .await
        .expect("the token is still valid");
}

async fn token_of_an_older_version_stays_valid_with_its_tasks(database: Database) {
    let (server, user, client) = setup(database).await;
    let id = client.start("steps").await;
    client.ended(&id).await;
    // The previous version stored the token itself as the id, in the token's row and in its tasks.
    let secret = Uuid::new_v4();
    let older = Query::update()
        .table(TABLE)
        .values([
            ("id", secret.into()),
            ("token_hash", Option::<Vec<u8>>::None.into()),
            ("hint", Option::<String>::None.into()),
        ])
        .take();
    store(&server)
        .execute(&older)
        .await
        .expect("the rows are changed");
    let tasks = Query::update()
        .table("portal_tasks")
        .value("client_token_id", secret)
        .take();
    store(&server)
        .execute(&tasks)
        .await
        .expect("the rows are changed");

    let server = server.start_again().await;
    let client = TaskClient {
        http: server.guest(),
        token: secret.to_string(),
    };
    assert_eq!(client.status(&id).await["status"], "COMPLETED");
    let again = client.start("steps").await;
    assert_eq!(client.ended(&again).await["status"], "COMPLETED");
    drop(user);
    let user = server.user().await;
    let token = &tokens_of(&user).await[0];
    assert_eq!(token["hint"], secret.to_string()[..8]);
    let path = format!("/api/client-tokens/{secret}");
    assert_eq!(user.delete(&path).await.status, 204);
    let refused = client.get("probe", "status").await;
    refused.problem(404, "client_token_unknown");
}

async fn page_monitors_tasks_of_the_users_own_token(database: Database) {
    let (server, user, client) = setup(database).await;
    let id = tokens_of(&user).await[0]["id"].clone();
    let path = format!(
        "/api/client-tokens/{}/monitor",
        id.as_str().expect("response has an id")
    );
    let bearer = |of: &Client| format!("Bearer {}", of.token.clone().expect("client has a token"));
    let mine = bearer(&user);
    let open = Socket::ask_with(&server.url, &path, &[("authorization", &mine)]).await;
    let mut socket = open.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let task = client.start("steps").await;
    assert_eq!(socket.update().await["data"]["task_id"], task.as_str());
    let refusal = Socket::ask(&server.url, &path, None).await.err();
    assert_eq!(refusal.map(|refusal| refusal.status), Some(401));
    let eve = bearer(&server.sign_in("eve@example.com").await);
    let refusal = Socket::ask_with(&server.url, &path, &[("authorization", &eve)]).await;
    assert_eq!(refusal.err().map(|refusal| refusal.status), Some(404));
}

#[tokio::test]
async fn client_tokens_are_not_logged_and_are_revocable_on_profile() {
    let portal = ReferencePortal::start(&[("RUST_LOG", "trace")]).await;
    let body = json!({"email": "ann@example.com"});
    let token = portal.guest().post("/dev/token", &body).await.json();
    let token = token["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    let user = Client::new(&portal.url, Some(token));
    let client = TaskClient::of(&user).await;
    let id = client.start_in("example_task", "task1", &json!({})).await;
    client.get("example_task", &format!("status/{id}")).await;
    client.get("nonsense", "status").await;
    let path = format!("/ws/example_task/tasks/{}", client.token);
    Socket::open(&portal.url, &path).await.leave().await;
    let events = format!("/api/tasks/{}/monitor", client.token);
    drop(EventStream::open(&portal.guest(), &events).await);

    let mut browser = CookieClient::of(&portal.url, &user);
    let page = browser.page("/admin/profile").await;
    assert!(!page.text.contains(&client.token));
    let own = user.get("/api/client-tokens").await.json();
    let own = own["client_tokens"][0]["id"]
        .as_str()
        .expect("response has an id")
        .to_owned();
    assert!(
        page.text.contains(&format!("revoke-{own}")),
        "{}",
        page.text
    );
    let revoke = "/admin/profile/revoke-token";
    let revoked = browser.submit(revoke, &[("token", &own)]).await;
    assert_eq!(revoked.status, 303);
    let refused = client.get("example_task", "status").await;
    refused.problem(404, "client_token_unknown");

    let other = TaskClient::of(&user).await;
    let page = browser.submit("/admin/profile/sign-out-others", &[]).await;
    assert_eq!(page.status, 303);
    let refused = other.get("example_task", "status").await;
    refused.problem(404, "client_token_unknown");

    let log = portal.log();
    assert!(log.contains(&client.token[..8]), "requests are logged");
    for token in [&client.token, &other.token] {
        let line = log.lines().find(|line| line.contains(token.as_str()));
        assert_eq!(line, None);
    }
}
