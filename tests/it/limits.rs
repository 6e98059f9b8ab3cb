//! Limits: sizes, timeouts, connections and request rates.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use futures_util::stream;
use portal_core::auth::{Access, RateClass, Routes};
use portal_core::config::{Limits, Rate};
use portal_core::{Page, PortalBuilder};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app;
use crate::support::{
    ClerkPortal, Client, CookieClient, Database, Socket, TestResponse, TestServer, connect, on_both,
};

on_both!(
    client_token_creation_is_limited_per_user,
    task_starts_count_for_the_token_owner,
    admin_writes_are_limited_per_administrator,
);

const ON: (&str, &str) = ("RATE_LIMITS", "on");

/// Starts a portal with custom limits.
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

/// Starts a portal with custom limits behind a proxy, with sign-in through Clerk only.
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
fn assert_too_many(response: &TestResponse) {
    response.problem(429, "too_many_requests");
    let wait: u32 = response
        .header("retry-after")
        .parse()
        .expect("the header is a number of seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(response.header("x-content-type-options"), "nosniff");
    assert_eq!(response.header("cache-control"), "private, no-store");
}

#[tokio::test]
async fn oversized_requests_are_rejected_with_problem_documents() {
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
    TestResponse::of(headers)
        .await
        .problem(431, "headers_too_large");
    let body = json!({"email": "a".repeat(60)});
    guest
        .post("/dev/token", &body)
        .await
        .problem(413, "body_too_large");
}

#[tokio::test]
async fn slow_handler_times_out_while_streams_stay_open() {
    let limits = |limits: &mut Limits| limits.request_timeout = Duration::from_millis(200);
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
        app::build(portal).limits(bounds).merge_router(
            Router::new()
                .route("/api/never", get(never).post(never))
                .route("/api/body", post(|_: Bytes| async {}))
                .route("/api/drip", get(drip)),
        )
    };
    let server = TestServer::start_with(Database::Sqlite, &[], build).await;
    let guest = server.guest();
    let response = tokio::time::timeout(Duration::from_secs(10), guest.get("/api/never")).await;
    let response = response.expect("the handler times out");
    response.problem(503, "timeout");
    assert_ne!(response.header("retry-after"), "");
    guest
        .post("/api/never", &json!({}))
        .await
        .problem(503, "timeout");
    assert_eq!(guest.get("/api/drip").await.text, "dropdropdrop");

    // A request whose body never arrives also times out.
    let mut slow = connect(&server.url).await;
    let head = "POST /api/body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf";
    slow.write_all(head.as_bytes())
        .await
        .expect("the bytes are sent");
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

/// Reads everything until the portal closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut bytes));
    // A reset also counts as closing the connection.
    let _ = read.await.expect("the portal closes the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn incomplete_head_times_out() {
    let server = limited(Database::Sqlite, &[], |limits| {
        limits.header_timeout = Duration::from_millis(300);
    })
    .await;
    for said in [
        "",
        "GET / HTT",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n",
    ] {
        let mut slow = connect(&server.url).await;
        slow.write_all(said.as_bytes())
            .await
            .expect("the bytes are sent");
        assert!(!rest(&mut slow).await.starts_with("HTTP/1.1 200"), "{said}");
    }
    // Sending the head byte by byte does not extend the time limit.
    let mut slow = connect(&server.url).await;
    let mut refused = false;
    for _ in 0..600 {
        if slow.write_all(b"G").await.is_err() {
            refused = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        refused,
        "the connection is closed while the client is still sending"
    );
}

/// Returns `true` if the portal responds on a connection; the connection stays open.
async fn is_served(stream: &mut TcpStream) -> bool {
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    if stream.write_all(request).await.is_err() {
        return false;
    }
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\nok") {
        match stream.read_buf(&mut response).await {
            Ok(1..) => {}
            _ => return false,
        }
    }
    true
}

#[tokio::test]
async fn connections_per_ip_address_are_limited() {
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
        assert!(is_served(stream).await, "open connections stay open");
    }
    held.pop();
    // The portal may detect the closed connection late.
    for _ in 0..200 {
        if is_served(&mut connect(&server.url).await).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the freed permit was not granted");
}

#[tokio::test]
async fn websockets_hold_permits_except_behind_a_trusted_proxy() {
    for (proxies, is_limited) in [("", true), ("127.0.0.1", false)] {
        let few = |limits: &mut Limits| limits.connections_per_address = 4;
        let portal = limited_behind(proxies, few).await;
        let server = &portal.server;
        let path = {
            let user = portal.sign_in(&portal.clerk.user("ann@example.com"));
            format!("/api/tasks/{}/monitor", user.client_token().await)
        };
        let mut sockets = Vec::new();
        // The connections used to fetch the token may still be open, but will close.
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

/// Sends a sign-out request with `X-Forwarded-For`; it counts toward the sign-in limit.
async fn sign_out_for(server: &TestServer, forwarded: &str) -> TestResponse {
    let request = server
        .guest()
        .request(Method::POST, "/sign-out")
        .header("x-forwarded-for", forwarded);
    TestResponse::of(request).await
}

#[tokio::test]
async fn sign_ins_per_ip_address_are_limited() {
    let few = |limits: &mut Limits| limits.rates.sign_in = Rate::per_minute(3);
    let server = limited(Database::Sqlite, &[], few).await;
    for number in 0..3 {
        let response = sign_out_for(&server, &format!("192.0.2.{number}")).await;
        assert_eq!(response.status, 303);
    }
    // The `X-Forwarded-For` header of an untrusted client is ignored.
    assert_too_many(&sign_out_for(&server, "192.0.2.77").await);
    let mut browser = CookieClient::new(&server.url);
    let fields = [("email", "ann@example.com")];
    let form = browser.submit("/dev/sign-in", &fields).await;
    assert_eq!(form.status, 429, "{}", form.text);
    assert!(form.header("content-type").starts_with("text/html"));
    assert_ne!(form.header("retry-after"), "");
    assert!(browser.cookies.is_empty());
    // Viewing the page does not count as a sign-in.
    assert_eq!(browser.page("/sign-in").await.status, 200);
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_counted_separately() {
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
async fn changes_of_own_data_are_rate_limited() {
    let few = |limits: &mut Limits| limits.rates.own_write = Rate::per_minute(2);
    let server = limited(Database::Sqlite, &[], few).await;
    let (user, other) = (server.user().await, server.admin().await);
    let preferences = json!({"preferences": {"rows": 20}});
    for _ in 0..2 {
        let response = user.patch("/api/auth/me", &preferences).await;
        assert_eq!(response.status, 200, "{}", response.text);
    }
    assert_too_many(&user.patch("/api/auth/me", &preferences).await);
    let theme = |client: &Client| {
        let form = "application/x-www-form-urlencoded";
        let request = client.request(Method::POST, "/theme");
        TestResponse::of(request.header("content-type", form).body("accent=ruby"))
    };
    assert_eq!(theme(&user).await.status, 429);
    assert_ne!(theme(&other).await.status, 429);
    assert_eq!(user.get("/api/auth/me").await.status, 200);
}

#[tokio::test]
async fn each_replica_counts_separately() {
    let few = |limits: &mut Limits| limits.rates.sign_in = Rate::per_minute(1);
    let one = limited(Database::Sqlite, &[], few).await;
    let other = limited(Database::Sqlite, &[], few).await;
    for server in [&one, &other] {
        assert_eq!(sign_out_for(server, "").await.status, 303);
        assert_too_many(&sign_out_for(server, "").await);
    }
}

async fn client_token(user: &Client) -> TestResponse {
    TestResponse::of(user.request(Method::POST, "/api/client-tokens")).await
}

#[tokio::test]
async fn client_tokens_of_page_and_api_share_a_rate_limit() {
    let few = |limits: &mut Limits| limits.rates.client_token = Rate::per_minute(3);
    let server = limited(Database::Sqlite, &[], few).await;
    let admin = server.admin().await;
    let mut browser = CookieClient::of(&server.url, &admin);
    let new = "/admin/tasks/tokens/new";
    assert_eq!(client_token(&admin).await.status, 201);
    assert_eq!(browser.submit(new, &[]).await.status, 200);
    let revoked = browser.submit("/admin/tasks/tokens/revoke", &[]).await;
    assert_eq!(revoked.status, 303, "{}", revoked.text);
    let refused = browser.submit(new, &[]).await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert!(refused.text.contains("Too many requests"));
    assert_too_many(&client_token(&admin).await);
    // Other changes by an administrator have a separate rate limit.
    let plan = json!({"name": "one"});
    let added = admin.post("/api/admin/models/plan", &plan).await;
    assert_eq!(added.status, 201, "{}", added.text);
}

async fn client_token_creation_is_limited_per_user(database: Database) {
    let few = |limits: &mut Limits| limits.rates.client_token = Rate::per_minute(3);
    let server = limited(database, &[], few).await;
    let (ann, bob) = (server.user().await, server.sign_in("bob@example.com").await);
    for _ in 0..3 {
        assert_eq!(client_token(&ann).await.status, 201);
    }
    assert_too_many(&client_token(&ann).await);
    // Another session of the same user counts toward the same limit.
    assert_too_many(&client_token(&server.user().await).await);
    assert_eq!(client_token(&bob).await.status, 201);
    assert_eq!(ann.get("/api/auth/me").await.status, 200);
    // A guest is counted by IP address and has to sign in first.
    let guest = server.guest();
    for _ in 0..8 {
        client_token(&guest).await.problem(401, "unauthorized");
    }
    while client_token(&guest).await.status == 401 {}
    assert_too_many(&client_token(&guest).await);
}

async fn task_starts_count_for_the_token_owner(database: Database) {
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
    // All of an owner's tokens share the owner's limit, no matter which caller uses them.
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

async fn admin_writes_are_limited_per_administrator(database: Database) {
    let few = |limits: &mut Limits| limits.rates.admin_write = Rate::per_minute(2);
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

fn unlimited() -> Page {
    Page::post("/admin/page", async || maud::html! { p { "saved" } })
}

#[tokio::test]
async fn path_does_not_determine_the_rate_class() {
    let mut limits = Limits::default();
    limits.rates.admin_write = Rate::per_minute(1);
    let server = TestServer::start_with(Database::Sqlite, &[ON], |portal| {
        let routes = Routes::new().post("/admin/x", Access::Public, async || "saved");
        app::build(portal)
            .limits(limits)
            .page(unlimited)
            .routes(routes)
    })
    .await;
    let admin = server.admin().await;
    for path in ["/admin/x", "/admin/page"] {
        for _ in 0..4 {
            let response = TestResponse::of(admin.request(Method::POST, path)).await;
            assert_eq!(response.status, 200, "{path}: {}", response.text);
        }
    }
}

#[tokio::test]
async fn routes_of_one_rate_class_share_a_limit() {
    let mut limits = Limits::default();
    limits.rates.own_write = Rate::per_minute(3);
    let server = TestServer::start_with(Database::Sqlite, &[ON], |portal| {
        let routes = Routes::new()
            .post("/api/x", Access::User, async || "saved")
            .rate_class(RateClass::OwnWrite)
            .get("/api/x", Access::User, async || "read");
        let limited = || unlimited().rate_class(RateClass::OwnWrite);
        app::build(portal)
            .limits(limits)
            .page(limited)
            .routes(routes)
    })
    .await;
    let user = server.user().await;
    let save = async |path: &str| TestResponse::of(user.request(Method::POST, path)).await;
    assert_eq!(save("/api/x").await.status, 200);
    assert_eq!(save("/admin/page").await.status, 200);
    // A request with an unsupported method does not count.
    let removed = TestResponse::of(user.request(Method::DELETE, "/api/x")).await;
    assert_eq!(removed.status, 405);
    assert_eq!(save("/api/x").await.status, 200);
    assert_too_many(&save("/api/x").await);
    assert_too_many(&save("/admin/page").await);
    assert_eq!(user.get("/api/x").await.status, 200);
}

#[tokio::test]
async fn development_can_disable_rate_limits() {
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
async fn form_selects_at_most_a_thousand_rows() {
    let server = TestServer::start(Database::Sqlite).await;
    let mut browser = CookieClient::of(&server.url, &server.admin().await);
    for (action, count, status) in [
        ("delete/confirm", 1000, 303),
        ("delete/confirm", 1001, 400),
        ("delete", 1001, 400),
    ] {
        let fields = vec![("id", "0"); count];
        let path = format!("/admin/settings/plan/actions/{action}");
        let response = browser.submit(&path, &fields).await;
        assert_eq!(response.status, status, "{action} of {count}");
    }
}
