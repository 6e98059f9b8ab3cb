//! How much, how long, how many at once and how often.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use futures_util::stream;
use portal_core::PortalBuilder;
use portal_core::config::{Limits, Rate};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app;
use crate::support::{
    Answer, Browser, ClerkPortal, Client, Database, Socket, TestServer, connect, on_both,
};

on_both!(
    a_user_makes_so_many_client_tokens,
    tasks_are_counted_for_the_owner_of_their_token,
    an_administrator_changes_so_much,
);

const ON: (&str, &str) = ("RATE_LIMITS", "on");

/// A portal with limits of its own.
async fn limited(
    database: Database,
    settings: &[(&str, &str)],
    change: impl FnOnce(&mut Limits),
) -> TestServer {
    let mut limits = Limits::default();
    change(&mut limits);
    let settings: Vec<_> = [ON].into_iter().chain(settings.iter().copied()).collect();
    TestServer::start_with(database, &settings, |portal| {
        app::build(portal).limits(limits)
    })
    .await
}

/// The same behind a proxy, where only Clerk signs people in.
async fn limited_behind(proxies: &str, change: impl FnOnce(&mut Limits)) -> ClerkPortal {
    let mut limits = Limits::default();
    change(&mut limits);
    let settings = [ON, ("TRUSTED_PROXIES", proxies)];
    ClerkPortal::start_with(Database::Sqlite, &settings, |portal| {
        app::build(portal).limits(limits)
    })
    .await
}

#[track_caller]
fn assert_too_many(answer: &Answer) {
    answer.problem(429, "too_many_requests");
    let wait: u32 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "private, no-store");
}

#[tokio::test]
async fn what_is_too_long_is_refused_in_the_portals_own_form() {
    let server = limited(Database::Sqlite, &[], |limits| {
        limits.url = 100;
        limits.headers = 2000;
        limits.body = 50;
    })
    .await;
    let guest = server.guest();
    let path = format!("/api/{}", "a".repeat(95));
    assert_eq!(guest.get(&path).await.status, 404);
    guest
        .get(&format!("{path}b"))
        .await
        .problem(414, "url_too_long");
    let query = format!("/api/tasks?{}", "a".repeat(100));
    guest.get(&query).await.problem(414, "url_too_long");
    let page = guest.page(&format!("{path}b").replace("api", "abc")).await;
    assert_eq!(page.status, 414);
    assert!(page.header("content-type").starts_with("text/html"));

    let long = "a".repeat(3000);
    let headers = guest
        .request(Method::GET, "/api/tasks")
        .header("x-long", long);
    Answer::of(headers).await.problem(431, "headers_too_large");
    let body = json!({"email": "a".repeat(60)});
    guest
        .post("/dev/token", &body)
        .await
        .problem(413, "body_too_large");
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_answered_for_and_a_stream_goes_on() {
    let limits = |limits: &mut Limits| limits.request_time = Duration::from_millis(200);
    let mut bounds = Limits::default();
    limits(&mut bounds);
    let build = move |portal: PortalBuilder| {
        let never = || async { std::future::pending::<&'static str>().await };
        let drip = || async {
            let pieces = stream::unfold(0, |count| async move {
                if count > 0 {
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                let piece = Ok::<_, Infallible>(Bytes::from_static(b"drop"));
                (count < 3).then_some((piece, count + 1))
            });
            Body::from_stream(pieces)
        };
        app::build(portal).limits(bounds).routes(
            Router::new()
                .route("/api/never", get(never).post(never))
                .route("/api/body", post(|_: Bytes| async {}))
                .route("/api/drip", get(drip)),
        )
    };
    let server = TestServer::start_with(Database::Sqlite, &[], build).await;
    let guest = server.guest();
    let answer = tokio::time::timeout(Duration::from_secs(10), guest.get("/api/never")).await;
    let answer = answer.expect("it is answered for");
    answer.problem(503, "timeout");
    assert_ne!(answer.header("retry-after"), "");
    guest
        .post("/api/never", &json!({}))
        .await
        .problem(503, "timeout");
    assert_eq!(guest.get("/api/drip").await.text, "dropdropdrop");

    // A body that does not come is no reason to wait either.
    let mut slow = connect(&server.url).await;
    let head = "POST /api/body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf";
    slow.write_all(head.as_bytes()).await.expect("it is sent");
    assert!(rest(&mut slow).await.starts_with("HTTP/1.1 503"));

    // A monitor stays open past the limit.
    let user = server.user().await;
    let token = user.client_token().await;
    let mut socket = Socket::open(&server.url, &format!("/api/tasks/{token}/monitor")).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let start = format!("/api/probe/tasks/{token}/start/steps");
    assert_eq!(guest.post(&start, &json!({})).await.status, 202);
    socket
        .until(|message| message["data"]["status"] == "COMPLETED")
        .await;
}

/// Everything until the portal closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut bytes));
    // A reset ends it as well.
    let _ = read.await.expect("the portal closes it");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let server = limited(Database::Sqlite, &[], |limits| {
        limits.header_time = Duration::from_millis(300);
    })
    .await;
    for said in [
        "",
        "GET / HTT",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n",
    ] {
        let mut slow = connect(&server.url).await;
        slow.write_all(said.as_bytes()).await.expect("it is sent");
        assert!(!rest(&mut slow).await.starts_with("HTTP/1.1 200"), "{said}");
    }
    // One byte after the other does not help.
    let mut slow = connect(&server.url).await;
    let mut refused = false;
    for _ in 0..600 {
        if slow.write_all(b"G").await.is_err() {
            refused = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(refused, "it is closed while it is still being sent");
}

/// Whether the portal answers on a connection; it stays open.
async fn is_served(stream: &mut TcpStream) -> bool {
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    if stream.write_all(request).await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        match stream.read_buf(&mut answer).await {
            Ok(1..) => {}
            _ => return false,
        }
    }
    true
}

#[tokio::test]
async fn an_address_holds_so_many_connections() {
    let few = |limits: &mut Limits| limits.connections_per_address = 3;
    let server = limited(Database::Sqlite, &[], few).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&server.url).await;
        assert!(is_served(&mut stream).await);
        held.push(stream);
    }
    for _ in 0..3 {
        assert!(!is_served(&mut connect(&server.url).await).await);
    }
    for stream in &mut held {
        assert!(is_served(stream).await, "those that are open stay");
    }
    held.pop();
    // It has to be noticed that one is gone.
    for _ in 0..200 {
        if is_served(&mut connect(&server.url).await).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a place that is free is not given");
}

#[tokio::test]
async fn a_socket_keeps_its_place_and_a_trusted_proxy_needs_none() {
    for (proxies, is_limited) in [("", true), ("127.0.0.1", false)] {
        let few = |limits: &mut Limits| limits.connections_per_address = 4;
        let portal = limited_behind(proxies, few).await;
        let server = &portal.server;
        let path = {
            let user = portal.sign_in(&portal.clerk.user("ann@example.com"));
            format!("/api/tasks/{}/monitor", user.client_token().await)
        };
        let mut sockets = Vec::new();
        // Those that fetched the token may still be open, and go.
        while sockets.len() < 4 {
            let mut free = connect(&server.url).await;
            if is_served(&mut free).await {
                drop(free);
                tokio::time::sleep(Duration::from_millis(50)).await;
                sockets.push(Socket::open(&server.url, &path).await);
            } else {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let served = is_served(&mut connect(&server.url).await).await;
        assert_eq!(served, !is_limited, "{proxies}");
    }
}

/// A sign-out that says whom it is forwarded for: it counts like a sign-in.
async fn sign_out_for(server: &TestServer, forwarded: &str) -> Answer {
    let request = server
        .guest()
        .request(Method::POST, "/sign-out")
        .header("x-forwarded-for", forwarded);
    Answer::of(request).await
}

#[tokio::test]
async fn an_address_signs_in_so_often() {
    let few = |limits: &mut Limits| limits.rates.sign_in = Rate::per_minute(3);
    let server = limited(Database::Sqlite, &[], few).await;
    for number in 0..3 {
        let answer = sign_out_for(&server, &format!("192.0.2.{number}")).await;
        assert_eq!(answer.status, 303);
    }
    // Whom it says that it is forwarded for does not matter.
    assert_too_many(&sign_out_for(&server, "192.0.2.77").await);
    let mut browser = Browser::new(&server.url);
    let fields = [("email", "ann@example.com")];
    let form = browser.submit("/dev/sign-in", &fields).await;
    assert_eq!(form.status, 429, "{}", form.text);
    assert!(form.header("content-type").starts_with("text/html"));
    assert_ne!(form.header("retry-after"), "");
    assert!(browser.cookies.is_empty());
    // To look is not to sign in.
    assert_eq!(browser.page("/sign-in").await.status, 200);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_is_counted_by_himself() {
    let few = |limits: &mut Limits| limits.rates.sign_in = Rate::per_minute(2);
    let portal = limited_behind("127.0.0.1", few).await;
    let server = &portal.server;
    for client in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        for _ in 0..2 {
            assert_eq!(sign_out_for(server, client).await.status, 303, "{client}");
        }
        assert_too_many(&sign_out_for(server, client).await);
        let spoofed = format!("198.51.100.1, {client}");
        assert_too_many(&sign_out_for(server, &spoofed).await);
    }
    assert_too_many(&sign_out_for(server, "2001:db8::2").await);
}

#[tokio::test]
async fn changes_of_own_data_have_a_rate() {
    let few = |limits: &mut Limits| limits.rates.own_writes = Rate::per_minute(2);
    let server = limited(Database::Sqlite, &[], few).await;
    let (user, other) = (server.user().await, server.admin().await);
    let preferences = json!({"preferences": {"rows": 20}});
    for _ in 0..2 {
        let answer = user.patch("/api/auth/me", &preferences).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_too_many(&user.patch("/api/auth/me", &preferences).await);
    let theme = |client: &Client| {
        let form = "application/x-www-form-urlencoded";
        let request = client.request(Method::POST, "/theme");
        Answer::of(request.header("content-type", form).body("accent=ruby"))
    };
    assert_eq!(theme(&user).await.status, 429);
    assert_ne!(theme(&other).await.status, 429);
    assert_eq!(user.get("/api/auth/me").await.status, 200);
}

#[tokio::test]
async fn a_replica_counts_for_itself() {
    let few = |limits: &mut Limits| limits.rates.sign_in = Rate::per_minute(1);
    let one = limited(Database::Sqlite, &[], few).await;
    let other = limited(Database::Sqlite, &[], few).await;
    for server in [&one, &other] {
        assert_eq!(sign_out_for(server, "").await.status, 303);
        assert_too_many(&sign_out_for(server, "").await);
    }
}

async fn client_token(user: &Client) -> Answer {
    Answer::of(user.request(Method::POST, "/api/client-tokens")).await
}

#[tokio::test]
async fn a_client_token_made_on_a_page_counts_like_one_of_the_api() {
    let few = |limits: &mut Limits| limits.rates.client_tokens = Rate::per_minute(3);
    let server = limited(Database::Sqlite, &[], few).await;
    let admin = server.admin().await;
    let mut browser = Browser::of(&server.url, &admin);
    let new = "/admin/tasks/tokens/new";
    assert_eq!(client_token(&admin).await.status, 201);
    assert_eq!(browser.submit(new, &[]).await.status, 200);
    let revoked = browser.submit("/admin/tasks/tokens/revoke", &[]).await;
    assert_eq!(revoked.status, 303, "{}", revoked.text);
    let refused = browser.submit(new, &[]).await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert!(refused.text.contains("Too many requests"));
    assert_too_many(&client_token(&admin).await);
    // What else an administrator changes has a rate of its own.
    let plan = json!({"name": "one"});
    let added = admin.post("/api/admin/models/plan", &plan).await;
    assert_eq!(added.status, 201, "{}", added.text);
}

async fn a_user_makes_so_many_client_tokens(database: Database) {
    let few = |limits: &mut Limits| limits.rates.client_tokens = Rate::per_minute(3);
    let server = limited(database, &[], few).await;
    let (ann, bob) = (server.user().await, server.sign_in("bob@example.com").await);
    for _ in 0..3 {
        assert_eq!(client_token(&ann).await.status, 201);
    }
    assert_too_many(&client_token(&ann).await);
    // Another session of the same user is the same user.
    assert_too_many(&client_token(&server.user().await).await);
    assert_eq!(client_token(&bob).await.status, 201);
    assert_eq!(ann.get("/api/auth/me").await.status, 200);
    // A stranger is a matter of his address, and is told to sign in first.
    let guest = server.guest();
    for _ in 0..8 {
        client_token(&guest).await.problem(401, "unauthorized");
    }
    while client_token(&guest).await.status == 401 {}
    assert_too_many(&client_token(&guest).await);
}

async fn tasks_are_counted_for_the_owner_of_their_token(database: Database) {
    let few = |limits: &mut Limits| limits.rates.start_task = Rate::per_minute(3);
    let server = limited(database, &[], few).await;
    let ann = server.user().await;
    let bob = server.sign_in("bob@example.com").await;
    let tokens = [ann.client_token().await, ann.client_token().await];
    let of_bob = bob.client_token().await;
    let start = async |client: &Client, token: &str| {
        let path = format!("/api/probe/tasks/{token}/start/other_than_this");
        client.post(&path, &json!({})).await
    };
    // Whoever sends it, and with whichever of her tokens.
    start(&server.guest(), &tokens[0])
        .await
        .problem(404, "task_unknown");
    start(&server.guest(), &tokens[1])
        .await
        .problem(404, "task_unknown");
    start(&bob, &tokens[0]).await.problem(404, "task_unknown");
    assert_too_many(&start(&ann, &tokens[0]).await);
    assert_too_many(&start(&server.guest(), &tokens[1]).await);
    start(&ann, &of_bob).await.problem(404, "task_unknown");
    let status = format!("/api/probe/tasks/{}/status", tokens[0]);
    assert_eq!(server.guest().get(&status).await.status, 200);
}

async fn an_administrator_changes_so_much(database: Database) {
    let few = |limits: &mut Limits| limits.rates.admin_writes = Rate::per_minute(2);
    let server = limited(database, &[], few).await;
    let admin = server.admin().await;
    let add = async |name: &str| {
        admin
            .post("/api/admin/models/plan", &json!({"name": name}))
            .await
    };
    assert_eq!(add("one").await.status, 201);
    assert_eq!(add("two").await.status, 201);
    assert_too_many(&add("three").await);
    let nobody = "/api/users/0190b7a0-0000-7000-8000-000000000000";
    assert_too_many(&admin.patch(nobody, &json!({})).await);
    let list = admin.get("/api/admin/models/plan").await;
    assert_eq!(list.json()["total"], 2, "{}", list.text);
}

#[tokio::test]
async fn in_development_limits_can_be_switched_off() {
    let few = |limits: &mut Limits| {
        limits.rates.sign_in = Rate::per_minute(1);
        limits.connections_per_address = 1;
    };
    let server = limited(Database::Sqlite, &[("RATE_LIMITS", "off")], few).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        assert_eq!(sign_out_for(&server, "").await.status, 303);
        let mut stream = connect(&server.url).await;
        assert!(is_served(&mut stream).await);
        held.push(stream);
    }
}

#[tokio::test]
async fn a_form_selects_at_most_as_many_rows_as_a_page_has() {
    let server = TestServer::start(Database::Sqlite).await;
    let mut browser = Browser::of(&server.url, &server.admin().await);
    for (action, count, status) in [
        ("ask_delete", 100, 303),
        ("ask_delete", 101, 400),
        ("delete_rows", 101, 400),
    ] {
        let mut fields = vec![("_action", action)];
        fields.resize(count + 1, ("id", "0"));
        let answer = browser.submit("/admin/settings?model=plan", &fields).await;
        assert_eq!(answer.status, status, "{action} of {count}");
    }
}
