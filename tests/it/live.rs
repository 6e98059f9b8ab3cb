//! Live changes: who is told of what, and what a tab that was away is told.

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
use crate::support::{Answer, Client, Database, TestServer, eventually, on_both};

on_both!(
    each_hears_of_what_he_may,
    what_nobody_may_hear_is_refused,
    who_comes_again_hears_of_what_he_missed,
    a_page_says_up_to_when_it_knows,
    a_stream_ends_with_the_rights_to_it,
    writes_are_told,
    what_is_rolled_back_is_not_told,
    lost_hints_tell_everybody_everything,
    a_page_gives_its_regions_alone,
);

fn build(portal: PortalBuilder) -> PortalBuilder {
    app::build(portal)
        .topic("news", Access::Public)
        .topic("orders", Access::User)
        .personal_topic("inbox")
}

async fn start(database: Database) -> TestServer {
    let server = TestServer::start_with(database, &[], build).await;
    if database == Database::Postgres {
        // With its first hint it says that everything may have changed.
        eventually("it hears of other replicas", async || {
            let listens = "SELECT 1 FROM pg_stat_activity \
                           WHERE datname = current_database() AND query LIKE 'LISTEN%'";
            (server.sql(listens.to_owned()).await > 0).then_some(())
        })
        .await;
    }
    server
}

/// Waits until somebody may hear of topics.
async fn may_hear(client: &Client, topics: &str) {
    eventually("he may hear of them", async || {
        let tab = Tab::ask(client, &format!("topics={topics}"), "").await;
        let mut tab = tab.ok()?;
        (tab.ready().await["denied"] == json!([])).then_some(())
    })
    .await;
}

fn live(server: &TestServer) -> Live {
    Live::clone(&server.state.get::<Live>().expect("every portal has it"))
}

/// The stream of a tab.
pub(crate) struct Tab {
    response: Response,
    text: String,
    last_id: String,
}

impl Tab {
    async fn ask(client: &Client, query: &str, last_id: &str) -> Result<Self, Answer> {
        let request = client.request(Method::GET, &format!("/api/live?{query}"));
        let request = match last_id {
            "" => request,
            id => request.header("last-event-id", id),
        };
        let again = request.try_clone().expect("it has no body");
        let response = request.send().await.expect("the portal answers");
        if response.status() != 200 {
            return Err(Answer::of(again).await);
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

    /// Opens a stream of which nothing is known, and passes over what it begins with.
    pub(crate) async fn open(client: &Client, topics: &str) -> Self {
        let mut tab = Self::resume(client, topics, "").await;
        assert_eq!(tab.ready().await["denied"], json!([]));
        assert_eq!(tab.changed().await.len(), topics.split(',').count());
        tab
    }

    async fn resume(client: &Client, topics: &str, last_id: &str) -> Self {
        let tab = Self::ask(client, &format!("topics={topics}"), last_id).await;
        tab.unwrap_or_else(|answer| panic!("{topics}: {answer:?}"))
    }

    /// The next event, with its data; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        let next = tokio::time::timeout(Duration::from_secs(60), self.read_next());
        // That nothing has changed is said now and then, and is no event.
        next.await.expect("something is heard within a minute")
    }

    async fn read_next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let mut event = None;
                for line in block.lines() {
                    match line.split_once(": ").expect("a field") {
                        ("id", id) => id.clone_into(&mut self.last_id),
                        ("event", name) => event = Some((name.to_owned(), Value::Null)),
                        ("data", data) => {
                            let data = serde_json::from_str(data).expect("it is JSON");
                            event.as_mut().expect("its name comes first").1 = data;
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
            let chunk = chunk.expect("the stream ends well")?;
            let chunk = std::str::from_utf8(&chunk).expect("frames are whole");
            self.text.push_str(chunk);
        }
    }

    async fn ready(&mut self) -> Value {
        let (name, data) = self.next().await.expect("it begins");
        assert_eq!(name, "ready");
        data
    }

    /// The topics of the next change.
    pub(crate) async fn changed(&mut self) -> Vec<String> {
        let (name, data) = self.next().await.expect("it goes on");
        assert_eq!(name, "changed", "{data}");
        serde_json::from_value(data).expect("a list of names")
    }

    /// Reads until a topic has changed.
    async fn until(&mut self, topic: &str) {
        while !self.changed().await.iter().any(|changed| changed == topic) {}
    }

    /// The code of its end, after which nothing comes.
    async fn closed(mut self) -> u64 {
        loop {
            let (name, data) = self.next().await.expect("it says why it ends");
            if name == "closed" {
                assert!(self.next().await.is_none());
                return data["code"].as_u64().expect("a number");
            }
        }
    }
}

async fn id_of(client: &Client) -> Uuid {
    let me = client.get("/api/auth/me").await;
    let id = me.json()["id"].as_str().map(str::parse);
    id.expect("it has one").expect("an id")
}

async fn each_hears_of_what_he_may(database: Database) {
    let mut server = start(database).await;
    let live = live(&server);
    let mut guest = Tab::resume(&server.guest(), "news,orders", "").await;
    assert_eq!(
        guest.ready().await,
        json!({"topics": ["news"], "denied": ["orders"]})
    );
    guest.until("news").await;
    let (ann, eve) = (server.user().await, server.sign_in("eve@example.com").await);
    let mut anns = Tab::resume(&ann, "orders,inbox,users,unheard-of", "").await;
    assert_eq!(
        anns.ready().await,
        json!({"topics": ["inbox", "orders"], "denied": ["users"]})
    );
    anns.until("orders").await;
    let mut eves = Tab::open(&eve, "orders,inbox").await;

    live.changed("orders");
    assert_eq!(anns.changed().await, ["orders"]);
    assert_eq!(eves.changed().await, ["orders"]);
    live.changed_for(id_of(&ann).await, "inbox");
    assert_eq!(anns.changed().await, ["inbox"]);
    // What comes first is what they may hear: nothing came before it.
    live.changed("news");
    assert_eq!(guest.changed().await, ["news"]);
    live.changed("orders");
    assert_eq!(eves.changed().await, ["orders"]);
    // Neither of these is anybody's: that is logged, and nothing else.
    live.changed("unheard-of");
    live.changed("inbox");
    live.changed_for(Uuid::nil(), "orders");

    server.stop().await;
    assert_eq!(anns.closed().await, 1001);
}

async fn what_nobody_may_hear_is_refused(database: Database) {
    let mut server = start(database).await;
    let refused = async |client: &Client, query: &str| match Tab::ask(client, query, "").await {
        Ok(_) => panic!("{query} is answered"),
        Err(answer) => answer,
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
    let nothing = refused(&user, "topics=unheard-of").await;
    assert_eq!(nothing.status, 204, "there is nothing to wait for");
    let alien = guest.request(Method::GET, "/api/live?topics=news");
    let alien = alien
        .header("cookie", "__session=x")
        .header("origin", "http://evil.example");
    assert_eq!(Answer::of(alien).await.status, 403);
    server.stop().await;
}

async fn who_comes_again_hears_of_what_he_missed(database: Database) {
    let mut server = start(database).await;
    let live = live(&server);
    let user = server.user().await;
    let tab = Tab::open(&user, "news,orders").await;
    let mut again = Tab::resume(&user, "news,orders", &tab.last_id).await;
    again.ready().await;
    live.changed("news");
    assert_eq!(again.changed().await, ["news"], "nothing had been missed");
    let id = again.last_id.clone();
    drop((tab, again));

    live.changed("orders");
    let mut again = Tab::resume(&user, "news,orders", &id).await;
    again.ready().await;
    assert_eq!(again.changed().await, ["orders"]);
    for unknown in ["x", "1.1", "ffffffffffffffff.0"] {
        let mut again = Tab::resume(&user, "news,orders", unknown).await;
        again.ready().await;
        assert_eq!(again.changed().await, ["news", "orders"], "{unknown}");
    }

    // Another process does not know what was before it.
    let last_id = again.last_id.clone();
    drop(again);
    server.stop().await;
    let server = TestServer::start_with(database, &[], build).await;
    let mut again = Tab::resume(&server.user().await, "news,orders", &last_id).await;
    again.ready().await;
    assert_eq!(again.changed().await, ["news", "orders"]);
}

async fn a_page_says_up_to_when_it_knows(database: Database) {
    let mut server = start(database).await;
    let admin = server.admin().await;
    let mark = async || {
        let page = admin.page("/admin/settings?model=plan").await.text;
        let (_, rest) = page.split_once("data-mark=\"").expect("it has a mark");
        rest.split_once('"').expect("it ends").0.to_owned()
    };
    assert!(!server.guest().page("/").await.text.contains("data-mark"));
    let known = mark().await;
    let plan = json!({"name": "Basic"});
    let answer = admin.post("/api/admin/models/plan", &plan).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    // Until this process has heard of it.
    Tab::open(&admin, "model:plan").await;
    eventually("the change is told to who read before it", async || {
        let query = format!("topics=model:plan,news&since={known}");
        let mut tab = Tab::ask(&admin, &query, "").await.expect("it opens");
        tab.ready().await;
        live(&server).changed("news");
        let changed = tab.changed().await;
        changed.contains(&"model:plan".to_owned()).then_some(())
    })
    .await;
    let query = format!("topics=model:plan,news&since={}", mark().await);
    let mut tab = Tab::ask(&admin, &query, "").await.expect("it opens");
    tab.ready().await;
    live(&server).changed("news");
    assert_eq!(tab.changed().await, ["news"], "not to who read after it");
    server.stop().await;
}

async fn a_stream_ends_with_the_rights_to_it(database: Database) {
    let mut server = start(database).await;
    let users = server.state.get::<Users>().expect("every portal has it");
    server.admin().await.get("/api/auth/me").await;
    let ann = server.user().await;
    let id = id_of(&ann).await;
    let change = async |user_type: Option<Role>, is_active: Option<bool>| {
        let change = UserChange {
            user_type,
            is_active,
            preferences: None,
        };
        users.update(id, &change).await.expect("it is stored");
    };
    change(Some(Role::Admin), None).await;
    may_hear(&ann, "orders,audit").await;
    let tab = Tab::open(&ann, "orders,audit").await;
    let mut other = Tab::open(&ann, "orders").await;
    change(Some(Role::User), None).await;
    live(&server).changed("audit");
    assert_eq!(tab.closed().await, 4403);
    let mut again = Tab::resume(&ann, "orders,audit", "").await;
    assert_eq!(again.ready().await["denied"], json!(["audit"]));
    live(&server).changed("orders");
    other.until("orders").await;
    change(None, Some(false)).await;
    assert_eq!(other.closed().await, 4403);
    Tab::ask(&ann, "topics=orders", "")
        .await
        .err()
        .expect("it is refused")
        .problem(403, "forbidden");
    // What is public he may hear, like everyone.
    Tab::open(&ann, "news").await;
    change(None, Some(true)).await;
    may_hear(&ann, "orders").await;
    let tab = Tab::open(&ann, "orders").await;
    let signed_out = ann.request(Method::POST, "/sign-out");
    Answer::of(signed_out.header("origin", &server.url)).await;
    assert_eq!(tab.closed().await, 4401);
    Tab::ask(&ann, "topics=orders", "")
        .await
        .err()
        .expect("it is refused")
        .problem(401, "unauthorized");
    server.stop().await;
}

/// Here, and with PostgreSQL on another replica.
async fn writes_are_told(database: Database) {
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
    let told = async |tabs: Vec<Tab>, topics: &[&str]| {
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
    told(open, &["model:plan", "audit"]).await;

    let open = tabs("users").await;
    let ann = server.user().await;
    ann.get("/api/auth/me").await;
    told(open, &["users"]).await;

    let open = tabs("tasks").await;
    let token = ann.client_token().await;
    let path = format!("/api/probe/tasks/{token}/start/echo");
    let task = ann.post(&path, &json!({"name": "Ann", "age": 7})).await;
    assert!(task.status.is_success(), "{}", task.text);
    told(open, &["tasks"]).await;

    if let Some(there) = &mut there {
        there.stop().await;
    }
    server.stop().await;
}

async fn what_is_rolled_back_is_not_told(database: Database) {
    let mut server = start(database).await;
    let (live, user) = (live(&server), server.user().await);
    let store = server.state.get::<Store>().expect("every portal has it");
    let mut tab = Tab::open(&user, "orders,inbox,news").await;
    let mut transaction = store.begin().await.expect("it begins");
    live.changed_in(&mut transaction, "orders");
    drop(transaction);
    let mut transaction = store.begin().await.expect("it begins");
    live.changed_for_in(&mut transaction, id_of(&user).await, "inbox");
    live.changed_for_in(&mut transaction, Uuid::nil(), "inbox");
    transaction.commit().await.expect("it is stored");
    assert_eq!(tab.changed().await, ["inbox"]);
    live.changed("news");
    assert_eq!(tab.changed().await, ["news"]);
    server.stop().await;
}

async fn lost_hints_tell_everybody_everything(database: Database) {
    let mut server = start(database).await;
    id_of(&server.user().await).await;
    let mut tab = Tab::open(&server.guest(), "news").await;
    match database {
        // Another process has written; what it was, SQLite does not say.
        Database::Sqlite => {
            let written = server
                .sql("UPDATE portal_users SET first_name = 'Ann'".to_owned())
                .await;
            assert!(written > 0, "what changes no row is no write");
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
async fn a_user_has_so_many_streams_and_no_more() {
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
        .expect("it is refused")
        .problem(429, "too_many_streams");
    Tab::open(&eve, "orders").await;
    drop(one);
    eventually("the place is free again", async || {
        Tab::ask(&ann, "topics=orders", "").await.ok()
    })
    .await;
    server.stop().await;
}

/// A page with a region in a region, and one beside it
#[portal_core::page("/live-test")]
async fn regions() -> Markup {
    let inner = Region::new("news").id("inner").render(html! { "inside" });
    html! {
        (Region::new("orders").id("outer").render(html! { p { "outside" } (inner) }))
        (portal_core::live::region("news", html! { "beside" }))
    }
}

async fn a_page_gives_its_regions_alone(database: Database) {
    let mut server = start(database).await;
    let guest = server.guest();
    let regions = async |client: &Client, path: &str, ids: &str| {
        let request = client
            .request(Method::GET, path)
            .header("accept", "text/html");
        Answer::of(request.header("x-portal-region", ids)).await
    };
    let answer = regions(&guest, "/live-test", "inner").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.text,
        "<pt-live id=\"inner\" data-topics=\"news\" data-requires=\"live\">inside</pt-live>"
    );
    assert_eq!(answer.header("cache-control"), "private, no-store");
    let both = regions(&guest, "/live-test", "outer live-news nothing")
        .await
        .text;
    assert!(both.starts_with("<pt-live id=\"outer\"") && both.ends_with("beside</pt-live>"));
    assert_eq!(regions(&guest, "/live-test", "nothing").await.text, "");

    // With the rights of who asks: it is the page's own guard.
    let answer = regions(&guest, "/admin/users", "live-rows").await;
    assert_eq!(answer.status, 303);
    let user = server.user().await;
    let answer = regions(&user, "/admin/users", "live-rows").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (403, ""));

    // A message that waits for the next page is not taken by a region.
    let admin = server.admin().await;
    let request = admin
        .request(Method::GET, "/admin/users")
        .header("accept", "text/html");
    let request = request.header("cookie", "portal_flash=success%3Asaved");
    let answer = Answer::of(request.header("x-portal-region", "live-rows")).await;
    assert!(answer.text.contains("root@example.com"));
    assert_eq!(answer.header("set-cookie"), "");
    server.stop().await;
}
