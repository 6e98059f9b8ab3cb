//! User preferences: stored with the user, limited in size, and applied in every browser.

use portal_core::auth::{Accounts, Users};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Database, TestResponse, TestServer, on_both};

on_both!(
    theme_is_stored_with_the_user_for_every_browser,
    theme_of_a_guest_is_stored_in_a_cookie,
    preferences_are_merged_bounded_and_validated,
    concurrent_preference_changes_are_all_stored,
    application_stores_its_own_preferences,
    provider_profile_can_be_read,
);

fn theme(client: &Client, body: &'static str) -> reqwest::RequestBuilder {
    client
        .request(Method::POST, "/theme")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}

fn shows(page: &TestResponse, accent: &str) -> bool {
    page.text.contains(&format!("data-accent=\"{accent}\""))
}

async fn theme_is_stored_with_the_user_for_every_browser(database: Database) {
    let server = TestServer::start(database).await;
    let user = server.user().await;
    assert!(shows(&user.page("/members").await, "indigo"));
    let saved = TestResponse::of(theme(&user, "accent=jade&appearance=dark&radius=bogus")).await;
    assert_eq!(saved.status, 204, "{}", saved.text);
    assert_eq!(
        saved.header("set-cookie"),
        "",
        "no cookie is set, which the browser's next user would get"
    );

    // The server renders the theme without scripts, even in another browser with another session.
    let elsewhere = server.user().await;
    for client in [&user, &elsewhere] {
        let page = client.page("/members").await;
        assert!(shows(&page, "jade"), "{}", page.text);
        assert!(page.text.contains("data-appearance=\"dark\""));
        assert!(page.text.contains("data-radius=\"medium\""));
        let missing = client.page("/nowhere").await;
        assert!(shows(&missing, "jade"), "error pages have the theme too");
    }
    // The user's theme takes precedence over the browser's cookie.
    let page = elsewhere
        .request(Method::GET, "/members")
        .header("accept", "text/html")
        .header("cookie", "portal_theme=ruby");
    assert!(shows(&TestResponse::of(page).await, "jade"));
    let stored = elsewhere.get("/api/auth/me/preferences").await.json();
    assert_eq!(stored["preferences"]["theme"]["accent"], "jade");

    let body = json!({"preferences": {"theme": {"accent": "ruby"}}});
    assert_eq!(user.patch("/api/auth/me", &body).await.status, 200);
    assert!(shows(&elsewhere.page("/members").await, "ruby"));
    let other = server.sign_in("bob@example.com").await;
    assert!(
        shows(&other.page("/members").await, "indigo"),
        "another user is not affected"
    );
    assert!(shows(&server.guest().page("/").await, "indigo"));
}

async fn theme_of_a_guest_is_stored_in_a_cookie(database: Database) {
    let server = TestServer::start(database).await;
    let saved = TestResponse::of(theme(&server.guest(), "accent=jade")).await;
    assert_eq!(saved.status, 204);
    let cookie = saved.header("set-cookie");
    assert!(cookie.starts_with("portal_theme=jade."), "{cookie}");
    let cookie = cookie
        .split(';')
        .next()
        .expect("the cookie has a value")
        .to_owned();
    let page = |client: &Client| {
        client
            .request(Method::GET, "/")
            .header("accept", "text/html")
            .header("cookie", &cookie)
    };
    assert!(shows(
        &TestResponse::of(page(&server.guest())).await,
        "jade"
    ));
    let user = server.user().await;
    assert!(
        shows(&TestResponse::of(page(&user)).await, "jade"),
        "the cookie applies until the user chooses a theme"
    );
}

async fn preferences_are_merged_bounded_and_validated(database: Database) {
    let server = TestServer::start(database).await;
    let user = server.user().await;
    let empty = user.get("/api/auth/me/preferences").await;
    assert_eq!(empty.json(), json!({"preferences": {}}));
    let change = async |preferences: Value| {
        let body = json!({ "preferences": preferences });
        user.patch("/api/auth/me", &body).await
    };
    assert_eq!(
        change(json!({"a": {"x": 1}, "b": [1, "ü"]})).await.status,
        200
    );
    let response = change(json!({"a": {"y": 2}, "b": null, "c": true})).await;
    let expected = json!({"preferences": {"a": {"y": 2}, "c": true}});
    assert_eq!(response.json(), expected);
    assert_eq!(user.get("/api/auth/me/preferences").await.json(), expected);
    assert_eq!(change(json!({})).await.json(), expected);

    let error = |response: &TestResponse| {
        let problem = response.problem(422, "invalid_parameters");
        let error = &problem["errors"][0];
        format!("{} {}", error["pointer"], error["code"]).replace('"', "")
    };
    let large = change(json!({"large": "x".repeat(16 * 1024)})).await;
    assert_eq!(error(&large), "/preferences too_long");
    let long = change(json!({"n".repeat(101): 1})).await;
    assert!(error(&long).ends_with("invalid_name"));
    let theme = change(json!({"theme": {"accent": "pearl"}})).await;
    assert_eq!(error(&theme), "/preferences/theme/accent not_allowed");
    let theme = change(json!({"theme": "dark"})).await;
    assert_eq!(error(&theme), "/preferences/theme invalid_type");
    assert_eq!(
        error(&change(json!({"a": "\u{0}"})).await),
        "/preferences/a invalid_value"
    );
    assert_eq!(error(&change(json!([])).await), "/preferences invalid_type");
    for (body, found) in [
        (json!({"user_type": "ADMIN"}), "/user_type unknown_field"),
        (json!({"is_active": false}), "/is_active unknown_field"),
        (json!([]), " invalid_type"),
    ] {
        assert_eq!(error(&user.patch("/api/auth/me", &body).await), found);
    }
    assert_eq!(user.get("/api/auth/me/preferences").await.json(), expected);
    let me = user.get("/api/auth/me").await.json();
    assert_eq!(me["user_type"], "USER");
    let guest = server.guest();
    guest
        .get("/api/auth/me/preferences")
        .await
        .problem(401, "unauthorized");
    guest
        .patch("/api/auth/me", &json!({}))
        .await
        .problem(401, "unauthorized");
}

async fn concurrent_preference_changes_are_all_stored(database: Database) {
    let server = TestServer::start(database).await;
    let user = server.user().await;
    user.get("/api/auth/me").await;
    let changes = (0..8).map(|number| {
        let body = json!({"preferences": {format!("p{number}"): number}});
        let user = user.clone();
        async move { user.patch("/api/auth/me", &body).await.status }
    });
    for status in futures_util::future::join_all(changes).await {
        assert_eq!(status, 200);
    }
    let stored = user.get("/api/auth/me/preferences").await.json();
    let stored = stored["preferences"]
        .as_object()
        .expect("value is an object");
    assert_eq!(stored.len(), 8, "{stored:?}");
}

async fn application_stores_its_own_preferences(database: Database) {
    let server = TestServer::start(database).await;
    let user = server.user().await;
    let me = user.get("/api/auth/me").await.json();
    let id = me["id"]
        .as_str()
        .expect("response has an id")
        .parse()
        .expect("id is a UUID");
    let users = server.state.get::<Users>().expect("the service exists");
    users
        .set_preference(id, "rows", &vec![10_u32, 20])
        .await
        .expect("the preference is stored");
    let read = users
        .get(id)
        .await
        .expect("the database responds")
        .expect("user exists");
    assert_eq!(read.preference::<Vec<u32>>("rows"), Some(vec![10, 20]));
    assert_eq!(
        read.preference::<String>("rows"),
        None,
        "the value has another type"
    );
    assert_eq!(read.preference::<u32>("columns"), None);
    let too_large = users.set_preference(id, "large", &"x".repeat(20_000)).await;
    let too_large = too_large.expect_err("the value is too large");
    assert_eq!(too_large.code(), "invalid_parameters");
    let nobody = uuid::Uuid::now_v7();
    let missing = users.set_preference(nobody, "rows", &1).await;
    assert_eq!(
        missing.expect_err("the user is unknown").code(),
        "user_not_found"
    );
}

async fn provider_profile_can_be_read(database: Database) {
    let server = TestServer::start(database).await;
    let user = server.user().await;
    user.get("/api/auth/me").await;
    let users = server.state.get::<Users>().expect("the service exists");
    let found = users
        .find_by_email("ANN@example.com")
        .await
        .expect("the database responds");
    let accounts = server.state.get::<Accounts>().expect("the service exists");
    let profile = accounts
        .profile_of(&found[0])
        .await
        .expect("the user has a profile");
    assert_eq!(profile.email, "ann@example.com");
    let mut stranger = found[0].clone();
    stranger.subject = "user_nobody".to_owned();
    let missing = accounts.profile_of(&stranger).await;
    assert_eq!(missing.expect_err("the user is unknown").status(), 404);
}
