//! The reference portal in a browser.

use serde_json::json;

use crate::support::{Chromium, Client, Database, ReferencePortal, TaskClient, eventually};

const ADMIN: &str = "root@example.com";

const PAGES: [&str; 11] = [
    "/",
    "/sign-in",
    "/sign-up",
    "/admin/overview",
    "/admin/about",
    "/admin/profile",
    "/admin/app-settings",
    "/admin/settings",
    "/admin/users",
    "/admin/tasks",
    "/protected/route",
];

async fn start() -> ReferencePortal {
    ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await
}

async fn admin(portal: &ReferencePortal) -> Client {
    let response = portal
        .guest()
        .post("/dev/token", &json!({"email": ADMIN}))
        .await;
    let session = response.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    Client::new(&portal.url, Some(session))
}

async fn sign_in(browser: &Chromium) {
    browser.fill("input[name=email]", ADMIN).await;
    browser.fill("input[name=first_name]", "Ruth").await;
    browser.fill("input[name=last_name]", "Root").await;
    browser
        .click("form[action$='/dev/sign-in'] button[type=submit]")
        .await;
}

async fn wait_for_path(browser: &Chromium, start: &str) {
    eventually(&format!("the browser is at {start}"), async || {
        browser.path().await.starts_with(start).then_some(())
    })
    .await;
}

/// Asserts that the console is empty: no errors and no violations of the content security policy.
async fn assert_quiet(browser: &Chromium) {
    let said = browser.console().await;
    assert!(said.is_empty(), "{said:#?}");
}

#[tokio::test]
async fn administrator_starts_a_task_edits_a_setting_and_signs_out() {
    let portal = start().await;
    let defaults = admin(&portal)
        .await
        .post("/api/admin/defaults", &json!({}))
        .await;
    assert_eq!(defaults.status, 200, "{}", defaults.text);
    let browser = Chromium::open(&portal.url).await;

    browser.goto("/admin/tasks").await;
    assert!(browser.path().await.starts_with("/sign-in?redirect_url="));
    sign_in(&browser).await;
    wait_for_path(&browser, "/admin/tasks").await;

    browser.choose("select[name=state]", "example_task2").await;
    wait_for_path(&browser, "/admin/tasks?state=example_task2").await;
    browser.choose("select[name=task]", "loaded_task").await;
    browser.find("input[name='args.name']").await;
    browser.fill("input[name='args.name']", "bob").await;
    browser.fill("input[name='args.age']", "6").await;
    browser
        .click("form[action$='/admin/tasks/start'] button[type=submit]")
        .await;
    browser.find("li[data-task-id]").await;
    // A page reload would discard this variable.
    browser.script("window.same = true").await;
    browser.find("li[data-status=COMPLETED]").await;
    browser.see("Completed task for bob, age 6").await;
    assert_eq!(browser.script("return window.same").await, true);
    assert_quiet(&browser).await;

    browser.goto("/admin/settings/custom_config").await;
    browser.see("greeting").await;
    browser.click("a[href*='edit=']").await;
    browser
        .fill("textarea[name=configuration]", "text: Welcome to all\n")
        .await;
    browser.click("dialog[open] button[data-kind=solid]").await;
    browser.see("Saved “greeting”").await;
    let saved = admin(&portal)
        .await
        .get("/api/admin/models/custom_config")
        .await;
    assert_eq!(
        saved.json()["items"][0]["configuration"],
        json!({"text": "Welcome to all"})
    );
    browser.click("a[href*='edit=']").await;
    let shown = browser.find("textarea[name=configuration]").await;
    let shown = shown.prop("value").await.expect("the field has a value");
    assert!(shown.is_some_and(|text| text.contains("Welcome to all")));
    assert_quiet(&browser).await;

    browser.goto("/admin/overview").await;
    browser.see("Hello, Ruth").await;
    browser.click("button.pt-user").await;
    browser.click("form[action='/sign-out'] button").await;
    eventually("the browser is at the home page", async || {
        (browser.path().await == "/").then_some(())
    })
    .await;
    browser.goto("/admin/overview").await;
    browser.see("Welcome").await;
    browser.goto("/admin/settings").await;
    assert!(browser.path().await.starts_with("/sign-in?redirect_url="));
    assert_quiet(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn task_on_one_replica_is_monitored_on_another() {
    let directory = tempfile::tempdir().expect("the directory can be created");
    let uri = Database::Postgres.create(&directory).await;
    let variables = [("ADMIN_USER_EMAILS", ADMIN), ("DB_LOCAL_URI", uri.as_str())];
    let first = ReferencePortal::start(&variables).await;
    let second = ReferencePortal::start(&variables).await;
    let client = TaskClient::of(&admin(&first).await).await;

    let browser = Chromium::open(&second.url).await;
    browser.goto("/sign-in").await;
    sign_in(&browser).await;
    wait_for_path(&browser, "/admin/overview").await;
    browser
        .goto("/admin/tasks?state=example_task&task=task1")
        .await;
    // A page reload would discard this variable.
    browser.script("window.same = true").await;
    let id = client.start_in("example_task", "task1", &json!({})).await;
    let row = format!("li[data-task-id='{id}']");
    browser
        .find(&format!("{row}[data-status=PROCESSING]"))
        .await;
    browser.find(&format!("{row}[data-status=COMPLETED]")).await;
    browser.see("<My Task Result>").await;
    assert_eq!(browser.script("return window.same").await, true);
    assert_quiet(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn no_page_scrolls_sideways_on_a_phone() {
    let portal = start().await;
    let browser = Chromium::open(&portal.url).await;
    browser.resize(390, 844).await;
    browser.goto("/sign-in").await;
    sign_in(&browser).await;
    wait_for_path(&browser, "/admin/overview").await;
    let admin = admin(&portal).await;
    admin.post("/api/admin/defaults", &json!({})).await;
    for page in PAGES {
        browser.goto(page).await;
        let width = browser.script("return window.innerWidth").await;
        assert_eq!(width, 390, "{page}");
        let fits =
            "const page = document.scrollingElement; return page.scrollWidth <= page.clientWidth";
        assert_eq!(browser.script(fits).await, true, "{page} is too wide");
    }
    assert_quiet(&browser).await;
    browser.close().await;
}
