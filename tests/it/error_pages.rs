//! Error pages and maintenance mode.

use portal_core::Maintenance;
use portal_core::auth::{Actor, AuditFilter, AuditLog};
use portal_core::config::{Config, Settings};
use reqwest::Method;
use scraper::{Html, Selector};
use serde_json::json;

use crate::app;
use crate::support::{
    ADMIN, Client, Database, TestResponse, TestServer, attributes, eventually, on_both,
};

on_both!(
    not_found_page_suggests_pages,
    forbidden_page_names_the_signed_in_user,
    internal_error_page_has_an_id_but_no_details,
    maintenance_admits_administrators_only,
    maintenance_mode_applies_to_every_replica,
);

fn texts(page: &str, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).expect("selector is valid");
    let page = Html::parse_document(page);
    let found = page.select(&selector);
    found
        .map(|element| element.text().collect::<String>().trim().to_owned())
        .collect()
}

fn links(page: &str) -> Vec<String> {
    let selector = Selector::parse(".pt-error-page a[href]").expect("selector is valid");
    let page = Html::parse_document(page);
    let found = page.select(&selector);
    found
        .map(|link| link.attr("href").unwrap_or_default().to_owned())
        .collect()
}

fn assert_error(response: &TestResponse, status: u16, title: &str) {
    assert_eq!(response.status, status, "{}", response.text);
    assert_eq!(response.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(texts(&response.text, ".pt-error-page h1"), [title]);
    assert_eq!(
        texts(&response.text, ".pt-error-code"),
        [status.to_string()]
    );
}

async fn from(client: &Client, path: &str, referer: &str) -> TestResponse {
    let request = client.request(Method::GET, path);
    TestResponse::of(
        request
            .header("accept", "text/html")
            .header("referer", referer),
    )
    .await
}

async fn not_found_page_suggests_pages(database: Database) {
    let server = TestServer::start(database).await;
    let (guest, user) = (server.guest(), server.user().await);
    let page = user.page("/membres").await;
    assert_error(&page, 404, "Page not found");
    assert!(
        page.text
            .contains("Did you mean <a href=\"/members\">Members only</a>?"),
        "{}",
        page.text
    );
    let links_of_user = links(&page.text);
    assert!(links_of_user.contains(&"/members".to_owned()));
    assert!(
        !links_of_user.contains(&"/secret".to_owned()),
        "pages that the user may not open are not linked"
    );
    // Comparing paths takes quadratic time, so paths above a length limit are not compared.
    for (length, is_meant) in [(90, true), (120, false), (5000, false)] {
        let page = user.page(&format!("/{}/membres", "a".repeat(length))).await;
        assert_error(&page, 404, "Page not found");
        assert_eq!(page.text.contains("Did you mean"), is_meant, "{length}");
    }
    let page = guest.page("/wp-login.php?a=<b>").await;
    assert_error(&page, 404, "Page not found");
    assert!(!page.text.contains("Did you mean"));
    assert!(
        links(&page.text)
            .iter()
            .any(|link| link.starts_with("/sign-in?redirect_url=/wp-login.php")),
        "{:?}",
        links(&page.text)
    );
    let page = guest.page("/%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!page.text.contains("<script>alert"), "{}", page.text);
    // API clients get a problem document.
    guest.get("/api/nowhere").await.problem(404, "not_found");
}

async fn forbidden_page_names_the_signed_in_user(database: Database) {
    let server = TestServer::start(database).await;
    let user = server.user().await;
    let page = user.page("/secret").await;
    assert_error(&page, 403, "Access denied");
    assert!(texts(&page.text, ".pt-error-account")[0].contains("ann@example.com"));
    assert!(page.text.contains("Use another account"));
    assert!(
        page.text.contains("href=\"/members\""),
        "the navigation is shown"
    );
    let own = format!("{}/members?a=b", server.url);
    let back = from(&user, "/secret", &own).await;
    assert!(links(&back.text).contains(&"/members?a=b".to_owned()));
    for stranger in [
        "https://evil.example/x",
        "nonsense",
        &format!("{}/secret", server.url),
    ] {
        let page = from(&user, "/secret", stranger).await;
        assert!(!page.text.contains("Go back"), "{stranger}");
    }
    let admin = server.admin().await;
    let me = user.get("/api/auth/me").await.json();
    let path = format!(
        "/api/users/{}",
        me["id"].as_str().expect("response has an id")
    );
    admin.patch(&path, &json!({"is_active": false})).await;
    let page = eventually("the user is deactivated", async || {
        let page = user.page("/members").await;
        (page.status == 403).then_some(page)
    })
    .await;
    assert!(page.text.contains("Your account has been deactivated."));
    assert!(!page.text.contains("ann@example.com"));
}

async fn internal_error_page_has_an_id_but_no_details(database: Database) {
    let server = TestServer::start(database).await;
    for (client, path) in [
        (server.guest(), "/fails"),
        (server.user().await, "/fails"),
        (server.guest(), "/panics"),
    ] {
        let page = client.page(path).await;
        assert_error(&page, 500, "Something went wrong");
        let id = page.header("x-request-id").to_owned();
        assert_eq!(texts(&page.text, ".pt-error-id code"), [id]);
        assert!(
            links(&page.text).contains(&path.to_owned()),
            "the page links to a retry"
        );
        assert!(!page.text.contains("the secret inside"));
    }
    let sent = server.guest().request(Method::POST, "/members");
    let page = TestResponse::of(sent.header("accept", "text/html")).await;
    assert_error(&page, 405, "Request failed");
    assert!(page.text.contains("This URL does not support this method."));
}

async fn maintenance_admits_administrators_only(database: Database) {
    let server = TestServer::start_with(database, &[("MAINTENANCE", "on")], app::build).await;
    let (guest, user, admin) = (server.guest(), server.user().await, server.admin().await);
    for client in [&guest, &user] {
        for path in ["/", "/members", "/nowhere", "/sign-up"] {
            let page = client.page(path).await;
            assert_error(&page, 503, "Down for maintenance");
            assert_eq!(page.header("retry-after"), "30");
            assert!(
                page.text
                    .contains("<noscript><meta http-equiv=\"refresh\" content=\"30\">")
            );
            assert!(!page.text.contains("class=\"pt-nav\""));
        }
        for path in ["/api/auth/me", "/api/tasks", "/metrics"] {
            let response = client.get(path).await;
            response.problem(503, "maintenance");
            assert_eq!(response.header("retry-after"), "30");
        }
        assert_eq!(client.get("/healthz").await.status, 200);
        assert_eq!(client.get("/readyz").await.status, 200);
        let sign_in = client.page("/sign-in").await;
        assert!(sign_in.status == 200 || sign_in.status == 303);
        let sheet = sign_in
            .text
            .split("href=\"")
            .find(|it| it.starts_with("/_portal/assets/portal"));
        if let Some(sheet) = sheet.and_then(|it| it.split('"').next()) {
            assert_eq!(client.get(sheet).await.status, 200);
        }
    }
    let sent = user.request(Method::POST, "/members");
    let page = TestResponse::of(sent.header("accept", "text/html")).await;
    assert_error(&page, 503, "Down for maintenance");
    assert!(
        !page.text.contains("http-equiv"),
        "the form is not submitted again"
    );
    for path in ["/", "/members", "/secret", "/api/auth/me"] {
        assert_eq!(admin.page(path).await.status, 200, "{path}");
    }
    assert_eq!(admin.get("/api/auth/me").await.json()["email"], ADMIN);
}

async fn maintenance_mode_applies_to_every_replica(database: Database) {
    let server = TestServer::start(database).await;
    let (user, admin) = (server.user().await, server.admin().await);
    let switch = server
        .state
        .get::<Maintenance>()
        .expect("the service exists");
    let replica = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(server.replica_of_sessions().await),
    };
    let urls = [Some(&server), replica.as_ref()];
    let clients: Vec<Client> = urls
        .into_iter()
        .flatten()
        .map(|server| Client::new(&server.url, user.token.clone()))
        .collect();
    assert_eq!(user.page("/members").await.status, 200);
    for (on, status) in [(true, 503), (false, 200), (true, 503)] {
        switch
            .set(Actor::program("night shift"), on)
            .await
            .expect("maintenance mode can be changed");
        assert_eq!(switch.is_on(), on);
        for client in &clients {
            eventually("the replica has applied the change", async || {
                (client.page("/members").await.status == status).then_some(())
            })
            .await;
        }
        assert_eq!(admin.page("/secret").await.status, 200);
    }
    let page = admin.page("/members").await.text;
    assert!(page.contains("Maintenance is on."));
    let page = admin.page("/admin/maintenance").await.text;
    assert!(page.contains("Turn off"));
    // The confirmation opens without a script.
    assert!(page.contains("popovertarget=\"turn-on\"") && page.contains("name=\"message\""));
    let send = async |client: &Client, body: &'static str| {
        let request = client.request(Method::POST, "/admin/maintenance");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        TestResponse::of(request.body(body)).await.status.as_u16()
    };
    assert_eq!(send(&admin, "maintenance=off").await, 303);
    assert!(!switch.is_on());
    let page = admin.page("/members").await.text;
    assert!(!page.contains("Maintenance is on."));
    // Only the confirmation dialog turns maintenance mode on.
    let page = admin.page("/admin/maintenance").await.text;
    let forms = |css: &str| attributes(&page, css, "value").len();
    let turns_on = "input[name=maintenance][value=on]";
    assert_eq!(forms(turns_on), 1, "{page}");
    assert_eq!(forms(&format!("#turn-on {turns_on}")), 1, "{page}");
    assert!(page.contains("popovertarget=\"turn-on\""), "{page}");
    let notice = "maintenance=on&message=Moving+%3Chouse%3E&minutes=30";
    assert_eq!(send(&admin, notice).await, 303);
    for client in &clients {
        eventually("the replica shows the notice", async || {
            let page = client.page("/members").await.text;
            (page.contains("Moving &lt;house&gt;") && page.contains("Expected end")).then_some(())
        })
        .await;
    }
    let problem = user.get("/api/auth/me").await.problem(503, "maintenance");
    assert_eq!(problem["message"], "Moving <house>");
    assert_eq!(send(&admin, "maintenance=off").await, 303);
    assert_eq!(send(&user, "maintenance=on").await, 403);
    assert_eq!(send(&admin, "maintenance=x").await, 400);
    switch
        .set(Actor::application(), true)
        .await
        .expect("maintenance mode can be changed");
    let log = server.state.get::<AuditLog>().expect("the service exists");
    let filter = AuditFilter {
        target: Some("portal".to_owned()),
        ..AuditFilter::default()
    };
    let entries = log.list(&filter).await.expect("the entries can be listed");
    let actions: Vec<&str> = entries.iter().map(|entry| &*entry.action).collect();
    let (begin, end) = ("maintenance.begin", "maintenance.end");
    assert_eq!(actions, [begin, end, begin, end, begin, end, begin]);
    // Maintenance mode stays on after a restart.
    drop(replica);
    let server = server.start_again().await;
    let page = Client::new(&server.url, user.token.clone()).page("/").await;
    assert_error(&page, 503, "Down for maintenance");
}

#[tokio::test]
async fn pages_recover_after_a_database_outage() {
    let server = TestServer::start(Database::Postgres).await;
    let user = server.user().await;
    assert_eq!(user.page("/members").await.status, 200);
    server.cut_off(true).await;
    let page = eventually("the page is unavailable", async || {
        let page = server.guest().page("/admin/users").await;
        let asked = user.page("/members").await;
        assert_eq!(page.status, 303);
        (asked.status == 503).then_some(asked)
    })
    .await;
    assert_error(&page, 503, "Temporarily unavailable");
    assert!(
        page.text
            .contains("<noscript><meta http-equiv=\"refresh\" content=\"5\">")
    );
    assert!(!page.header("retry-after").is_empty());
    server.cut_off(false).await;
    eventually("the page is available again", async || {
        (user.page("/members").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn expired_session_returns_to_the_form_after_sign_in() {
    let server = TestServer::start(Database::Sqlite).await;
    let send = async |referer: String| {
        let request = server
            .guest()
            .request(Method::POST, "/admin/notifications/send");
        let request = request.header("accept", "text/html");
        TestResponse::of(request.header("referer", referer)).await
    };
    let sent = send(format!("{}/admin/notifications?send=1", server.url)).await;
    assert_eq!(sent.status, 303);
    let to = "/sign-in?redirect_url=/admin/notifications%3Fsend%3D1";
    assert_eq!(sent.location(), to);
    assert!(
        sent.header("set-cookie").contains("session%20has%20ended"),
        "{sent:?}"
    );
    let sent = send("https://evil.example/x".to_owned()).await;
    assert_eq!(sent.location(), "/sign-in");
}

#[test]
fn maintenance_setting_must_be_on_or_off() {
    let settings = Settings::from_pairs([("APP_ENV", "DEV"), ("MAINTENANCE", "maybe")]);
    let error = Config::from_settings(settings).expect_err("the value is neither `on` nor `off`");
    assert!(
        error.problems[0].starts_with("MAINTENANCE is `maybe`"),
        "{error}"
    );
    for (word, on) in [("ON", true), ("off", false), ("", false)] {
        let settings = Settings::from_pairs([("APP_ENV", "DEV"), ("MAINTENANCE", word)]);
        let config = Config::from_settings(settings).expect("the settings are valid");
        assert_eq!(config.maintenance, on);
    }
}
