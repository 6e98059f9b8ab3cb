//! Signing in and out, and the effects on the user and the session.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    ADMIN, Client, CookieClient, Database, TestResponse, TestServer, attributes, form, on_both,
};

on_both!(
    signing_in_opens_a_session_in_the_browser,
    signing_out_ends_only_this_session,
    deactivated_user_can_still_sign_out,
    last_login_is_set_once_per_session,
    first_request_creates_the_user,
    only_verified_addresses_make_administrators,
    portal_and_provider_return_the_signed_in_user,
);

async fn me(client: &Client) -> Value {
    let response = client.get("/api/auth/me").await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()
}

async fn signing_in_opens_a_session_in_the_browser(database: Database) {
    let server = TestServer::start(database).await;
    let mut browser = CookieClient::new(&server.url);
    let page = browser.page("/sign-in").await;
    assert!(page.text.contains("For development only"));
    let fields = [
        ("email", "Ann@Example.com"),
        ("first_name", "Ann"),
        ("last_name", "Lee"),
    ];
    let response = browser.submit("/dev/sign-in", &fields).await;
    assert_eq!(response.status, 303, "{}", response.text);
    assert_eq!(response.location(), "/members");
    let cookie = response.header("set-cookie");
    for part in ["__session=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(
        browser
            .page("/members")
            .await
            .text
            .contains("ann@example.com")
    );
    let again = browser.page("/sign-in?redirect_url=/members").await;
    assert_eq!(again.status, 303, "a signed-in user gets no form");
    assert_eq!(again.location(), "/members");
}

#[tokio::test]
async fn sign_in_redirect_rejects_other_sites_and_the_form() {
    let server = TestServer::start(Database::Sqlite).await;
    for requested in [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%5cevil.example",
        "/%2f/evil.example",
        "/%09/evil.example",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: x=y",
        "/%0d%0aSet-Cookie:x=y",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "@evil.example",
        ".evil.example",
        " //evil.example",
        "/..//evil.example",
        "/sign-in",
        "/sign-up?x=1",
        "/sign-out",
        "",
    ] {
        let mut browser = CookieClient::new(&server.url);
        let fields = [("email", "ann@example.com"), ("redirect_url", requested)];
        let response = browser.submit("/dev/sign-in", &fields).await;
        assert_eq!(response.status, 303, "{requested:?}");
        assert_eq!(response.location(), "/members", "{requested:?}");

        let query = crate::support::form(&[("redirect_url", requested)]);
        let page = CookieClient::new(&server.url)
            .page(&format!("/sign-in?{query}"))
            .await;
        let offered = attributes(&page.text, "input[name=redirect_url]", "value");
        assert_eq!(offered, ["/members"], "{requested:?}");
        let signed_in = browser.page(&format!("/sign-in?{query}")).await;
        assert_eq!(signed_in.location(), "/members", "{requested:?}");
    }
}

#[tokio::test]
async fn invalid_sign_in_lists_every_error() {
    let server = TestServer::start(Database::Sqlite).await;
    let guest = server.guest();
    let body = json!({"email": "nobody", "first_name": 5, "surprise": 1});
    let problem = guest.post("/dev/token", &body).await;
    let problem = problem.problem(422, "invalid_parameters");
    let mut pointers: Vec<_> = problem["errors"]
        .as_array()
        .expect("value is a list")
        .iter()
        .map(|error| error["pointer"].as_str().unwrap_or_default())
        .collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/email", "/first_name", "/surprise"]);
    let mut browser = CookieClient::new(&server.url);
    // A browser gets the form again, with the submitted values and their errors.
    let fields = [
        ("email", "ann@@"),
        ("first_name", "Ann"),
        ("redirect_url", "/members"),
    ];
    let response = browser.submit("/dev/sign-in", &fields).await;
    assert_eq!(response.status, 303);
    assert!(browser.cookies.is_empty(), "no session was opened");
    let page = browser.page(response.location()).await;
    assert!(
        page.text.contains("Must be a valid e-mail address."),
        "{}",
        page.text
    );
    let value = |name: &str| attributes(&page.text, &format!("input[name={name}]"), "value");
    assert_eq!(value("email"), ["ann@@"]);
    assert_eq!(value("first_name"), ["Ann"]);
    assert_eq!(value("redirect_url"), ["/members"]);
    assert_eq!(attributes(&page.text, "#f-email", "aria-invalid"), ["true"]);
    let body = [("email", "")];
    let program = guest
        .request(Method::POST, "/dev/sign-in")
        .body(form(&body));
    let program = program.header("content-type", "application/x-www-form-urlencoded");
    TestResponse::of(program)
        .await
        .problem(422, "invalid_parameters");
}

async fn signing_out_ends_only_this_session(database: Database) {
    let server = TestServer::start(database).await;
    let (one, other) = (server.user().await, server.user().await);
    let mut browser = CookieClient::of(&server.url, &one);
    assert_eq!(browser.page("/members").await.status, 200);

    let response = browser.submit("/sign-out", &[]).await;
    assert_eq!(response.status, 303, "{}", response.text);
    assert_eq!(response.location(), "/");
    assert!(browser.cookies.is_empty(), "the cookie is cleared");
    one.get("/api/auth/me").await.problem(401, "unauthorized");
    let mut thief = CookieClient::of(&server.url, &one);
    assert_eq!(thief.page("/members").await.status, 303);
    assert_eq!(other.get("/api/auth/me").await.status, 200);

    let unused = server.user().await;
    let by_header = TestResponse::of(unused.request(Method::POST, "/sign-out")).await;
    assert_eq!(by_header.status, 303);
    unused
        .get("/api/auth/me")
        .await
        .problem(401, "unauthorized");
    let nobody = TestResponse::of(server.guest().request(Method::POST, "/sign-out")).await;
    assert_eq!((nobody.status.as_u16(), nobody.location()), (303, "/"));
    let by_link = server.user().await.page("/sign-out").await;
    assert_eq!(
        by_link.status, 405,
        "a link or an image does not sign the user out"
    );
}

async fn deactivated_user_can_still_sign_out(database: Database) {
    let server = TestServer::start(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    let path = format!(
        "/api/users/{}",
        me(&user).await["id"].as_str().expect("response has an id")
    );
    admin.patch(&path, &json!({"is_active": false})).await;
    let mut browser = CookieClient::of(&server.url, &user);
    assert_eq!(browser.submit("/sign-out", &[]).await.status, 303);
    admin.patch(&path, &json!({"is_active": true})).await;
    user.get("/api/auth/me").await.problem(401, "unauthorized");
}

async fn last_login_is_set_once_per_session(database: Database) {
    let server = TestServer::start(database).await;
    let client = server.user().await;
    let first = me(&client).await["last_login"].clone();
    assert!(first.is_string());
    assert_eq!(me(&client).await["last_login"], first);
    client.page("/members").await;
    assert_eq!(me(&client).await["last_login"], first);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let next = me(&server.user().await).await["last_login"].clone();
    assert!(next.as_str() > first.as_str(), "{first} then {next}");
    assert_eq!(
        me(&client).await["last_login"],
        next,
        "one user, two sessions"
    );
}

async fn first_request_creates_the_user(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let total = async || admin.get("/api/users").await.json()["total"].clone();
    assert_eq!(total().await, 1);
    let user = server.user().await;
    assert_eq!(total().await, 1, "a token alone creates no user");
    let requests = (0..8).map(|_| me(&user));
    let seen = futures_util::future::join_all(requests).await;
    assert!(seen.iter().all(|one| one["id"] == seen[0]["id"]));
    assert_eq!(total().await, 2, "concurrent requests create one user");
    assert_eq!(me(&user).await["user_type"], "USER");
    assert_eq!(me(&admin).await["user_type"], "ADMIN");
}

async fn only_verified_addresses_make_administrators(database: Database) {
    let emails = " , Root@EXAMPLE.com ,,boss@example.com";
    let settings = [("ADMIN_USER_EMAILS", emails)];
    let server = TestServer::start_with(database, &settings, crate::app::build).await;
    let sign_in = async |email: &str, verified: bool| {
        let body = json!({"email": email, "email_verified": verified});
        let response = server.guest().post("/dev/token", &body).await.json();
        let token = response["token"]
            .as_str()
            .expect("response has a token")
            .to_owned();
        Client::new(&server.url, Some(token))
    };
    for (email, verified, role) in [
        ("root@example.com", false, "USER"),
        ("ROOT@example.COM", true, "ADMIN"),
        ("boss@example.com", true, "ADMIN"),
        ("boss@example.com.evil.example", true, "USER"),
        ("ann@example.com", true, "USER"),
    ] {
        let client = sign_in(email, verified).await;
        assert_eq!(me(&client).await["user_type"], role, "{email} {verified}");
    }
}

async fn portal_and_provider_return_the_signed_in_user(database: Database) {
    let server = TestServer::start(database).await;
    let client = server.user().await;
    let record = me(&client).await;
    let mut names: Vec<_> = record
        .as_object()
        .expect("value is an object")
        .keys()
        .collect();
    names.sort();
    let expected = "avatar_url clerk_id created_at email first_name full_name id is_active last_login last_name user_attribute user_type";
    assert_eq!(names, expected.split(' ').collect::<Vec<_>>());
    assert_eq!(record["full_name"], "Test Person");
    assert_eq!(record["is_active"], true);
    let clerk = client.get("/api/auth/clerk/me").await;
    assert_eq!(clerk.status, 200);
    let clerk = clerk.json();
    assert_eq!(clerk["id"], record["clerk_id"]);
    assert_eq!(
        clerk["email_addresses"][0]["email_address"],
        record["email"]
    );
    assert!(clerk.get("private_metadata").is_none());
    assert_eq!(me(&server.admin().await).await["email"], ADMIN);
}
