//! Live regions in a browser.

use portal_core::auth::{Role, UserChange, Users};
use serde_json::{Value, json};

use crate::support::{ADMIN, Chromium, Client, Database, ReferencePortal, TestServer, eventually};

async fn sign_in(browser: &Chromium, email: &str, path: &str) {
    browser.goto(path).await;
    browser.fill("input[name=email]", email).await;
    browser.fill("input[name=first_name]", "Ruth").await;
    browser.fill("input[name=last_name]", "Root").await;
    browser
        .click("form[action$='/dev/sign-in'] button[type=submit]")
        .await;
    eventually("the browser is at the requested page", async || {
        (browser.path().await == path).then_some(())
    })
    .await;
    // A page reload would discard this variable.
    browser.script("window.same = true").await;
}

async fn is_same(browser: &Chromium) -> bool {
    browser.script("return window.same === true").await == true
}

/// Waits until a script returns `true`.
async fn until(browser: &Chromium, what: &str, script: &str) {
    eventually(what, async || {
        (browser.script(script).await == true).then_some(())
    })
    .await;
}

async fn add_plan(client: &Client, name: &str) {
    let response = client
        .post("/api/admin/models/plan", &json!({"name": name}))
        .await;
    assert_eq!(response.status, 201, "{}", response.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_on_one_replica_appear_in_a_browser_on_another() {
    let mut server = TestServer::start(Database::Postgres).await;
    let mut there = server.replica().await;
    let admin = server.admin().await;
    admin.post("/api/client-tokens", &json!({})).await;
    let browser = Chromium::open(&there.url).await;
    sign_in(&browser, ADMIN, "/admin/users").await;
    let ann = server.user().await;
    ann.client_token().await;
    browser.see("ann@example.com").await;
    let users = server.state.get::<Users>().expect("the service exists");
    let found = users
        .find_by_email("ann@example.com")
        .await
        .expect("the database responds");
    let change = UserChange {
        role: Some(Role::custom("editor")),
        ..UserChange::default()
    };
    users
        .update(found[0].id, &change)
        .await
        .expect("the user is updated");
    browser.see("Editor").await;
    // Times are shown in the browser's time zone, in initial and in re-rendered rows.
    let times = "return [...document.querySelectorAll('tbody time')].map((it) => it.textContent)";
    let times = browser.script(times).await;
    assert!(times.as_array().is_some_and(|it| it.len() >= 3), "{times}");
    assert!(!times.to_string().contains("UTC"), "{times}");
    assert!(is_same(&browser).await);
    assert_eq!(browser.console().await, Vec::<String>::new());
    browser.close().await;
    there.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_input_survives_changes_by_others() {
    let mut server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    for name in ["Basic", "Pro"] {
        add_plan(&admin, name).await;
    }
    let browser = Chromium::open(&server.url).await;
    sign_in(&browser, ADMIN, "/admin/settings/plan").await;

    // A row stays selected when it moves.
    browser.click("tbody tr:last-child [data-select]").await;
    add_plan(&admin, "Aaa").await;
    browser.see("Aaa").await;
    let selected = "const rows = document.querySelectorAll('tr:has([data-select]:checked)'); \
                    return [...rows].map((row) => row.innerText).join('|')";
    let shown = browser.script(selected).await;
    assert!(
        shown
            .as_str()
            .is_some_and(|it| it.contains("Pro") && !it.contains('|')),
        "{shown}"
    );
    browser.see("1 selected").await;

    // A focused link in a row keeps the focus.
    browser
        .script("document.querySelector('tbody tr:last-child a').focus()")
        .await;
    browser.script("window.row = document.activeElement").await;
    add_plan(&admin, "Bbb").await;
    browser.see("Bbb").await;
    assert_eq!(
        browser
            .script("return document.activeElement === window.row")
            .await,
        true
    );

    // A focused field is not updated until it loses the focus.
    let search = browser.find("input[name=search]").await;
    search.send_keys("d").await.expect("the field accepts keys");
    add_plan(&admin, "Ccc").await;
    // Once another page shows the change, this page has been notified as well.
    let other = Chromium::open(&server.url).await;
    sign_in(&other, ADMIN, "/admin/settings/plan").await;
    add_plan(&admin, "Ddd").await;
    other.see("Ddd").await;
    let typed = "const field = document.activeElement; return [field.name, field.value]";
    assert_eq!(browser.script(typed).await, json!(["search", "d"]));
    browser.script("document.activeElement.blur()").await;
    browser.see("Ddd").await;
    let kept = "return document.querySelector('input[name=search]').value";
    assert_eq!(browser.script(kept).await, "d");
    assert!(is_same(&browser).await);
    assert_eq!(browser.console().await, Vec::<String>::new());
    other.close().await;
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_disappears_when_access_is_revoked() {
    let mut server = TestServer::start(Database::Sqlite).await;
    server.admin().await.client_token().await;
    let ann = server.user().await;
    ann.client_token().await;
    let users = server.state.get::<Users>().expect("the service exists");
    let id = users
        .find_by_email("ann@example.com")
        .await
        .expect("the database responds")[0]
        .id;
    let change = async |user_type: Role| {
        let change = UserChange {
            role: Some(user_type),
            ..UserChange::default()
        };
        users
            .update(id, &change)
            .await
            .expect("the user is updated");
    };
    change(Role::Admin).await;
    let browser = Chromium::open(&server.url).await;
    // The test causes these rejections on purpose.
    browser.allow_console_message("status of 403");
    browser.allow_console_message("status of 401");
    sign_in(&browser, "ann@example.com", "/admin/users").await;
    browser.see(ADMIN).await;
    change(Role::User).await;
    eventually("the list of users is removed", async || {
        let text = browser.text().await;
        (!text.contains(ADMIN) && text.contains("Access denied")).then_some(())
    })
    .await;
    change(Role::Admin).await;
    eventually("the list of users is shown again", async || {
        browser.goto("/admin/users").await;
        browser.text().await.contains(ADMIN).then_some(())
    })
    .await;
    browser.script("window.same = true").await;
    // The session ends as if the user signed out in another tab.
    let out = "return fetch('/sign-out', {method: 'POST'}).then(() => true)";
    assert_eq!(browser.script(out).await, Value::Bool(true));
    browser.see("You are signed out.").await;
    assert!(!browser.text().await.contains(ADMIN));
    assert!(is_same(&browser).await);
    let link = "return document.querySelector('.pt-connection-status a').pathname";
    assert_eq!(browser.script(link).await, "/admin/users");
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connection_is_reported_and_restored_automatically() {
    let mut portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let browser = Chromium::open(&portal.url).await;
    browser.allow_console_message("net::ERR_");
    sign_in(&browser, ADMIN, "/admin/users").await;
    browser.see(ADMIN).await;
    let height = "return document.querySelector('main').getBoundingClientRect().height";
    let before = browser.script(height).await;
    portal.kill().await;
    browser.see("Connection lost.").await;
    let word = "return document.querySelector('.pt-connection-status').getAttribute('role')";
    assert_eq!(browser.script(word).await, "status");
    assert_eq!(
        browser.script(height).await,
        before,
        "the content has not moved"
    );

    portal.start_again().await;
    // A change is made while the browser is disconnected.
    let token = portal
        .guest()
        .post("/dev/token", &json!({"email": "ann@example.com"}))
        .await;
    let token = token.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    Client::new(&portal.url, Some(token)).client_token().await;
    browser.see("ann@example.com").await;
    until(
        &browser,
        "the connection status disappears",
        "return !document.querySelector('.pt-connection-status p')",
    )
    .await;
    assert!(is_same(&browser).await);
    browser.close().await;
}
