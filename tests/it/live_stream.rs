//! Live updates: the topics that each caller receives, and missed changes after a reconnect.

use std::time::Duration;

use portal_core::auth::{Role, UserChange, Users};
use portal_core::config::Limits;
use portal_core::live::{Live, Region};
use portal_core::prelude::*;
use portal_core::{PortalBuilder, Store};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app;
use crate::support::{Client, Database, TestResponse, TestServer, eventually, on_both};

on_both!(
    subscribers_receive_permitted_topics_only,
    forbidden_and_invalid_topics_are_rejected,
    reconnecting_tab_receives_missed_changes,
    page_contains_a_cursor_for_missed_changes,
    stream_closes_when_access_is_revoked,
    writes_notify_subscribers_on_every_replica,
    rolled_back_changes_are_not_published,
    lost_cluster_events_mark_all_topics_changed,
    requested_regions_are_rendered_without_the_page,
);

fn build(portal: PortalBuilder) -> PortalBuilder {
    app::build(portal)
        .topic("news", Access::Public)
        .topic("orders", Access::User)
        .personal_topic("inbox")
}

pub(crate) async fn start(database: Database) -> TestServer {
    let server = TestServer::start_with(database, &[], build).await;
    if database == Database::Postgres {
        // Wait until the listener is connected, because connecting for the first time marks all
        // topics as changed.
        eventually("the portal receives cluster events", async || {
            let listens = "SELECT 1 FROM pg_stat_activity \
                           WHERE datname = current_database() AND query LIKE 'LISTEN%'";
            (server.sql(listens.to_owned()).await > 0).then_some(())
        })
        .await;
    }
    server
}

/// Waits until a client may subscribe to topics.
async fn may_hear(client: &Client, topics: &str) {
    eventually("the client may subscribe", async || {
        let tab = Tab::ask(client, &format!("topics={topics}"), "").await;
        let mut tab = tab.ok()?;
        (tab.ready().await["denied"] == json!([])).then_some(())
    })
    .await;
}

fn live(server: &TestServer) -> Live {
    Live::clone(&server.state.get::<Live>().expect("the service exists"))
}

/// The event stream of a browser tab.
pub(crate) struct Tab {
    response: Response,
    text: String,
    last_id: String,
}

impl Tab {
    async fn ask(client: &Client, query: &str, last_id: &str) -> Result<Self, TestResponse> {
        let request = client.request(Method::GET, &format!("/api/live?{query}"));
        let request = match last_id {
            "" => request,
            id => request.header("last-event-id", id),
        };
        let again = request.try_clone().expect("the request has no body");
        let response = request.send().await.expect("the portal responds");
        if response.status() != 200 {
            return Err(TestResponse::of(again).await);
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Ok(Self {
            response,
            text: String::new(),
            last_id: last_id.to_owned(),
        })
    }

    /// Opens a stream without a cursor and skips its initial events.
    pub(crate) async fn open(client: &Client, topics: &str) -> Self {
        let mut tab = Self::resume(client, topics, "").await;
        assert_eq!(tab.ready().await["denied"], json!([]));
        assert_eq!(tab.changed().await.len(), topics.split(',').count());
        tab
    }

    async fn resume(client: &Client, topics: &str, last_id: &str) -> Self {
        let tab = Self::ask(client, &format!("topics={topics}"), last_id).await;
        tab.unwrap_or_else(|response| panic!("{topics}: {response:?}"))
    }

    /// Returns the next event with its data; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        let next = tokio::time::timeout(Duration::from_secs(60), self.read_next());
        // Keep-alive comments are not events.
        next.await.expect("an event arrives within a minute")
    }

    async fn read_next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let mut event = None;
                for line in block.lines() {
                    match line.split_once(": ").expect("the line has a name") {
                        ("id", id) => id.clone_into(&mut self.last_id),
                        ("event", name) => event = Some((name.to_owned(), Value::Null)),
                        ("data", data) => {
                            let data = serde_json::from_str(data).expect("the data is JSON");
                            event.as_mut().expect("the name precedes the data").1 = data;
                        }
                        ("retry" | "", _) => {}
                        other => panic!("{other:?}"),
                    }
                }
                if event.is_some() {
                    return event;
                }
            }
            let chunk = self.response.chunk().await;
            let chunk = chunk.expect("the stream ends without an error")?;
            let chunk = std::str::from_utf8(&chunk).expect("every chunk is valid UTF-8");
            self.text.push_str(chunk);
        }
    }

    async fn ready(&mut self) -> Value {
        let (name, data) = self.next().await.expect("the stream has a first event");
        assert_eq!(name, "ready");
        data
    }

    /// Returns the topics of the next change.
    pub(crate) async fn changed(&mut self) -> Vec<String> {
        let (name, data) = self.next().await.expect("the stream is open");
        assert_eq!(name, "changed", "{data}");
        serde_json::from_value(data).expect("the event contains a list of names")
    }

    /// Reads until a topic has changed.
    async fn until(&mut self, topic: &str) {
        while !self.changed().await.iter().any(|changed| changed == topic) {}
    }

    /// Reads to the end of the stream and returns the code of its `closed` event.
    async fn closed(mut self) -> u64 {
        loop {
            let (name, data) = self
                .next()
                .await
                .expect("the stream ends with a `closed` event");
            if name == "closed" {
                assert!(self.next().await.is_none());
                return data["code"].as_u64().expect("value is a number");
            }
        }
    }
}

async fn id_of(client: &Client) -> Uuid {
    let me = client.get("/api/auth/me").await;
    let id = me.json()["id"].as_str().map(str::parse);
    id.expect("the user has an id").expect("id is a UUID")
}

async fn subscribers_receive_permitted_topics_only(database: Database) {
    let mut server = start(database).await;
    let live = live(&server);
    let mut guest = Tab::resume(&server.guest(), "news,orders", "").await;
    assert_eq!(
        guest.ready().await,
        json!({"topics": ["news"], "denied": ["orders"]})
    );
    guest.until("news").await;
    let (ann, eve) = (server.user().await, server.sign_in("eve@example.com").await);
    let mut anns = Tab::resume(&ann, "orders,inbox,users,unregistered", "").await;
    assert_eq!(
        anns.ready().await,
        json!({"topics": ["inbox", "orders"], "denied": ["users"]})
    );
    anns.until("orders").await;
    let mut eves = Tab::open(&eve, "orders,inbox").await;

    live.notify("orders");
    assert_eq!(anns.changed().await, ["orders"]);
    assert_eq!(eves.changed().await, ["orders"]);
    live.notify_user(id_of(&ann).await, "inbox");
    assert_eq!(anns.changed().await, ["inbox"]);
    // The first event is about a permitted topic, so no event about any other topic preceded it.
    live.notify("news");
    assert_eq!(guest.changed().await, ["news"]);
    live.notify("orders");
    assert_eq!(eves.changed().await, ["orders"]);
    // The portal only logs these calls, because they match no topic.
    live.notify("unregistered");
    live.notify("inbox");
    live.notify_user(Uuid::nil(), "orders");

    server.stop().await;
    assert_eq!(anns.closed().await, 1001);
}

async fn forbidden_and_invalid_topics_are_rejected(database: Database) {
    let mut server = start(database).await;
    let refused = async |client: &Client, query: &str| match Tab::ask(client, query, "").await {
        Ok(_) => panic!("{query} is accepted"),
        Err(response) => response,
    };
    let (guest, user) = (server.guest(), server.user().await);
    refused(&guest, "topics=orders")
        .await
        .problem(401, "unauthorized");
    refused(&user, "topics=users,audit")
        .await
        .problem(403, "forbidden");
    refused(&user, "").await.problem(400, "bad_request");
    let many: Vec<String> = (0..65).map(|at| format!("t{at}")).collect();
    let many = format!("topics={}", many.join(","));
    refused(&user, &many).await.problem(400, "bad_request");
    let nothing = refused(&user, "topics=unregistered").await;
    assert_eq!(nothing.status, 204, "there is nothing to wait for");
    let alien = guest.request(Method::GET, "/api/live?topics=news");
    let alien = alien
        .header("cookie", "__session=x")
        .header("origin", "http://evil.example");
    assert_eq!(TestResponse::of(alien).await.status, 403);
    server.stop().await;
}

async fn reconnecting_tab_receives_missed_changes(database: Database) {
    let mut server = start(database).await;
    let live = live(&server);
    let user = server.user().await;
    let tab = Tab::open(&user, "news,orders").await;
    let mut again = Tab::resume(&user, "news,orders", &tab.last_id).await;
    again.ready().await;
    live.notify("news");
    assert_eq!(again.changed().await, ["news"], "no change was missed");
    let id = again.last_id.clone();
    drop((tab, again));

    live.notify("orders");
    let mut again = Tab::resume(&user, "news,orders", &id).await;
    again.ready().await;
    assert_eq!(again.changed().await, ["orders"]);
    for unknown in ["x", "1.1", "ffffffffffffffff.0"] {
        let mut again = Tab::resume(&user, "news,orders", unknown).await;
        again.ready().await;
        assert_eq!(again.changed().await, ["news", "orders"], "{unknown}");
    }

    // A new process has no record of earlier changes.
    let last_id = again.last_id.clone();
    drop(again);
    server.stop().await;
    let server = TestServer::start_with(database, &[], build).await;
    let mut again = Tab::resume(&server.user().await, "news,orders", &last_id).await;
    again.ready().await;
    assert_eq!(again.changed().await, ["news", "orders"]);
}

async fn page_contains_a_cursor_for_missed_changes(database: Database) {
    let mut server = start(database).await;
    let admin = server.admin().await;
    let mark = async || {
        let page = admin.page("/admin/settings/plan").await.text;
        let (_, rest) = page
            .split_once("data-mark=\"")
            .expect("the page contains a cursor");
        rest.split_once('"')
            .expect("the attribute ends")
            .0
            .to_owned()
    };
    assert!(!server.guest().page("/").await.text.contains("data-mark"));
    let known = mark().await;
    let plan = json!({"name": "Basic"});
    let response = admin.post("/api/admin/models/plan", &plan).await;
    assert_eq!(response.status, 201, "{}", response.text);
    // Wait until this process has received the change.
    Tab::open(&admin, "model:plan").await;
    eventually("an older cursor receives the change", async || {
        let query = format!("topics=model:plan,news&since={known}");
        let mut tab = Tab::ask(&admin, &query, "")
            .await
            .expect("the stream opens");
        tab.ready().await;
        live(&server).notify("news");
        let changed = tab.changed().await;
        changed.contains(&"model:plan".to_owned()).then_some(())
    })
    .await;
    let query = format!("topics=model:plan,news&since={}", mark().await);
    let mut tab = Tab::ask(&admin, &query, "")
        .await
        .expect("the stream opens");
    tab.ready().await;
    live(&server).notify("news");
    assert_eq!(
        tab.changed().await,
        ["news"],
        "a newer cursor does not receive the change"
    );
    server.stop().await;
}

async fn stream_closes_when_access_is_revoked(database: Database) {
    let mut server = start(database).await;
    let users = server.state.get::<Users>().expect("the service exists");
    server.admin().await.get("/api/auth/me").await;
    let ann = server.user().await;
    let id = id_of(&ann).await;
    let change = async |user_type: Option<Role>, is_active: Option<bool>| {
        let change = UserChange {
            role: user_type,
            is_active,
            preferences: None,
        };
        users
            .update(id, &change)
            .await
            .expect("the change is stored");
    };
    change(Some(Role::Admin), None).await;
    may_hear(&ann, "orders,audit").await;
    let tab = Tab::open(&ann, "orders,audit").await;
    let mut other = Tab::open(&ann, "orders").await;
    change(Some(Role::User), None).await;
    live(&server).notify("audit");
    assert_eq!(tab.closed().await, 4403);
    let mut again = Tab::resume(&ann, "orders,audit", "").await;
    assert_eq!(again.ready().await["denied"], json!(["audit"]));
    live(&server).notify("orders");
    other.until("orders").await;
    change(None, Some(false)).await;
    assert_eq!(other.closed().await, 4403);
    Tab::ask(&ann, "topics=orders", "")
        .await
        .err()
        .expect("the stream is rejected")
        .problem(403, "forbidden");
    // Like everyone else, a deactivated user receives public topics.
    Tab::open(&ann, "news").await;
    change(None, Some(true)).await;
    may_hear(&ann, "orders").await;
    let tab = Tab::open(&ann, "orders").await;
    let signed_out = ann.request(Method::POST, "/sign-out");
    TestResponse::of(signed_out.header("origin", &server.url)).await;
    assert_eq!(tab.closed().await, 4401);
    Tab::ask(&ann, "topics=orders", "")
        .await
        .err()
        .expect("the stream is rejected")
        .problem(401, "unauthorized");
    server.stop().await;
}

/// Checks subscribers on this replica and, with PostgreSQL, on another one too.
async fn writes_notify_subscribers_on_every_replica(database: Database) {
    let mut server = start(database).await;
    let admin = server.admin().await;
    let mut there = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(server.replica_of_sessions().await),
    };
    let tabs = async |topics: &str| {
        let mut tabs = vec![Tab::open(&admin, topics).await];
        if let Some(there) = &there {
            let admin = Client::new(&there.url, admin.token.clone());
            tabs.push(Tab::open(&admin, topics).await);
        }
        tabs
    };
    let assert_notified = async |tabs: Vec<Tab>, topics: &[&str]| {
        for mut tab in tabs {
            let mut missing: Vec<&str> = topics.to_vec();
            while !missing.is_empty() {
                let changed = tab.changed().await;
                missing.retain(|topic| !changed.iter().any(|it| it == topic));
            }
        }
    };

    let open = tabs("model:plan,audit").await;
    let plan = admin
        .post("/api/admin/models/plan", &json!({"name": "Basic"}))
        .await;
    assert_eq!(plan.status, 201, "{}", plan.text);
    assert_notified(open, &["model:plan", "audit"]).await;

    let open = tabs("users").await;
    let ann = server.user().await;
    ann.get("/api/auth/me").await;
    assert_notified(open, &["users"]).await;

    let open = tabs("tasks").await;
    let token = ann.client_token().await;
    let path = format!("/api/probe/tasks/{token}/start/echo");
    let task = ann.post(&path, &json!({"name": "Ann", "age": 7})).await;
    assert!(task.status.is_success(), "{}", task.text);
    assert_notified(open, &["tasks"]).await;

    if let Some(there) = &mut there {
        there.stop().await;
    }
    server.stop().await;
}

async fn rolled_back_changes_are_not_published(database: Database) {
    let mut server = start(database).await;
    let (live, user) = (live(&server), server.user().await);
    let store = server.state.get::<Store>().expect("the service exists");
    let mut tab = Tab::open(&user, "orders,inbox,news").await;
    let mut transaction = store.begin().await.expect("transaction starts");
    live.notify_in(&mut transaction, "orders");
    drop(transaction);
    let mut transaction = store.begin().await.expect("transaction starts");
    live.notify_user_in(&mut transaction, id_of(&user).await, "inbox");
    live.notify_user_in(&mut transaction, Uuid::nil(), "inbox");
    transaction.commit().await.expect("the transaction commits");
    assert_eq!(tab.changed().await, ["inbox"]);
    live.notify("news");
    assert_eq!(tab.changed().await, ["news"]);
    server.stop().await;
}

async fn lost_cluster_events_mark_all_topics_changed(database: Database) {
    let mut server = start(database).await;
    id_of(&server.user().await).await;
    let mut tab = Tab::open(&server.guest(), "news").await;
    match database {
        // SQLite does not report this change, just as it does not report writes by other processes.
        Database::Sqlite => {
            let written = server
                .sql("UPDATE portal_users SET first_name = 'Ann'".to_owned())
                .await;
            assert!(written > 0, "the statement changes a row");
        }
        Database::Postgres => {
            server.cut_off(true).await;
            server.cut_off(false).await;
        }
    }
    assert_eq!(tab.changed().await, ["news"]);
    server.stop().await;
}

#[tokio::test]
async fn live_streams_are_limited_per_user() {
    let mut limits = Limits::default();
    limits.live_streams = 2;
    let settings = [("RATE_LIMITS", "on")];
    let mut server = TestServer::start_with(Database::Sqlite, &settings, |portal| {
        build(portal).limits(limits)
    })
    .await;
    let (ann, eve) = (server.user().await, server.sign_in("eve@example.com").await);
    let one = Tab::open(&ann, "orders").await;
    let _two = Tab::open(&ann, "orders").await;
    Tab::ask(&ann, "topics=orders", "")
        .await
        .err()
        .expect("the stream is rejected")
        .problem(429, "too_many_streams");
    Tab::open(&eve, "orders").await;
    drop(one);
    eventually("the permit is available again", async || {
        Tab::ask(&ann, "topics=orders", "").await.ok()
    })
    .await;
    server.stop().await;
}

/// A page with a region in a region, and one next to it
#[portal_core::page("/live-test")]
async fn regions() -> Markup {
    let inner = Region::new("news").id("inner").render(html! { "inside" });
    html! {
        (Region::new("orders").id("outer").render(html! { p { "outside" } (inner) }))
        (portal_core::live::region("news", html! { "next" }))
    }
}

async fn requested_regions_are_rendered_without_the_page(database: Database) {
    let mut server = start(database).await;
    let guest = server.guest();
    let regions = async |client: &Client, path: &str, ids: &str| {
        let request = client
            .request(Method::GET, path)
            .header("accept", "text/html");
        TestResponse::of(request.header("x-portal-region", ids)).await
    };
    let response = regions(&guest, "/live-test", "inner").await;
    assert_eq!(response.status, 200);
    assert_eq!(
        response.text,
        "<pt-live id=\"inner\" data-topics=\"news\">inside</pt-live>"
    );
    assert_eq!(response.header("cache-control"), "private, no-store");
    let both = regions(&guest, "/live-test", "outer live-news nothing")
        .await
        .text;
    assert!(both.starts_with("<pt-live id=\"outer\"") && both.ends_with("next</pt-live>"));
    assert_eq!(regions(&guest, "/live-test", "nothing").await.text, "");

    // The page's guard also applies to its regions.
    let response = regions(&guest, "/admin/users", "live-rows").await;
    assert_eq!(response.status, 303);
    let user = server.user().await;
    let response = regions(&user, "/admin/users", "live-rows").await;
    assert_eq!(
        (response.status.as_u16(), response.text.as_str()),
        (403, "")
    );

    // A region request does not consume the flash message, so the next page still shows it.
    let admin = server.admin().await;
    let request = admin
        .request(Method::GET, "/admin/users")
        .header("accept", "text/html");
    let request = request.header("cookie", "portal_flash=success%3Asaved");
    let response = TestResponse::of(request.header("x-portal-region", "live-rows")).await;
    assert!(response.text.contains("root@example.com"));
    assert_eq!(response.header("set-cookie"), "");
    server.stop().await;
}
