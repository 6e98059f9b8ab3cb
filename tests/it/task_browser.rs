//! The task pages of the reference portal in a browser.

use serde_json::json;

use crate::support::{
    Chromium, Client, Database, ReferencePortal, TaskClient, TestServer, eventually,
};

const ADMIN: &str = "root@example.com";

async fn start() -> (ReferencePortal, TaskClient) {
    let portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let response = portal
        .guest()
        .post("/dev/token", &json!({"email": ADMIN}))
        .await;
    let session = response.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    let client = TaskClient::of(&Client::new(&portal.url, Some(session))).await;
    (portal, client)
}

async fn sign_in(browser: &Chromium, path: &str) {
    browser.goto(path).await;
    browser.fill("input[name=email]", ADMIN).await;
    browser
        .click("form[action$='/dev/sign-in'] button[type=submit]")
        .await;
    eventually("the browser is at the task pages", async || {
        browser
            .path()
            .await
            .starts_with("/admin/tasks")
            .then_some(())
    })
    .await;
}

async fn assert_quiet(browser: &Chromium) {
    let said = browser.console().await;
    assert!(said.is_empty(), "{said:#?}");
}

#[tokio::test]
async fn nested_form_is_corrected_and_its_task_followed() {
    let (portal, _) = start().await;
    let browser = Chromium::open(&portal.url).await;
    sign_in(&browser, "/admin/tasks?state=reports&task=write_report").await;
    browser.find("input[name='args.title']").await;
    // The page must not reload while rows are added and removed.
    browser.script("window.same = true").await;
    browser.click("button[value='add args.sections']").await;
    browser.find("input[name='args.sections/1/heading']").await;
    assert_eq!(browser.script("return window.same").await, true);
    browser
        .fill("input[name='args.sections/0/heading']", "First")
        .await;
    browser
        .fill("input[name='args.sections/0/rows']", "3")
        .await;
    browser
        .fill("input[name='args.sections/1/heading']", "Second")
        .await;
    browser
        .fill("input[name='args.sections/1/rows']", "900")
        .await;
    browser.choose("select[name='args.delivery']", "1").await;
    browser
        .fill("input[name='args.delivery/@1/to']", "team@example.com")
        .await;
    browser.click("#start-task button[data-kind=solid]").await;
    let wrong = "input[name='args.sections/1/rows'][aria-invalid=true]";
    browser.find(wrong).await;
    let focused = format!("return document.activeElement === document.querySelector(\"{wrong}\")");
    eventually("the first error has the focus", async || {
        (browser.script(&focused).await == true).then_some(())
    })
    .await;
    // The browser logs only the status of the rejected form.
    let said = browser.console().await;
    let expected = |line: &String| line.contains("422") || line.contains("Autofocus");
    assert!(said.iter().all(expected), "{said:#?}");
    browser
        .fill("input[name='args.sections/1/rows']", "9")
        .await;
    browser.click("#start-task button[data-kind=solid]").await;

    browser.click("li[data-status] [data-task-link]").await;
    browser.find("dialog.pt-task-drawer[open] pt-task").await;
    let hash = "return location.hash.startsWith('#task-')";
    assert_eq!(browser.script(hash).await, true);
    browser.see("wrote the section “Second”").await;
    browser
        .find("pt-task[data-status=COMPLETED] .pt-code")
        .await;
    browser.see("since 2026-01-01 with 2 sections").await;
    browser.see("this portal does not send e-mail").await;
    browser
        .script("document.querySelector('dialog.pt-task-drawer').close()")
        .await;
    eventually("the list is visible again", async || {
        (browser.script(hash).await == false).then_some(())
    })
    .await;
    browser.find("li[data-status=COMPLETED]").await;
    assert_quiet(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn log_is_filtered_and_its_task_cancelled_and_run_again() {
    let (portal, client) = start().await;
    let id = client.start_in("reports", "import_lines", &json!({})).await;
    let browser = Chromium::open(&portal.url).await;
    sign_in(&browser, &format!("/admin/tasks/{id}")).await;
    browser.find("[data-part=connection][data-live=on]").await;
    browser.script("window.same = true").await;
    browser.find(".pt-log li[data-level=WARN]").await;
    browser.fill("[data-log=text]", "column").await;
    let shown = "return [...document.querySelectorAll('.pt-log li:not([hidden])')].every(line => line.textContent.includes('column'))";
    assert_eq!(browser.script(shown).await, true);
    browser.script("document.activeElement.blur()").await;
    browser.click("[data-key=c]").await;
    browser.see("Cancel “Import a file”?").await;
    browser.click("dialog[open] button[data-kind=danger]").await;
    browser.find("pt-task[data-status=ERROR]").await;
    browser.see("Run again").await;
    assert_eq!(browser.script("return window.same").await, true);
    assert_eq!(client.ended_in("reports", &id).await["code"], "cancelled");
    browser.click("form[action$='/again'] button").await;
    browser.see("New task started").await;
    let new = browser.path().await;
    assert_ne!(
        new,
        format!("/admin/tasks/{id}"),
        "the page of the new task"
    );
    browser
        .find("pt-task[data-status=PROCESSING], pt-task[data-status=PENDING]")
        .await;
    browser.goto("/admin/tasks/all").await;
    browser
        .find("li[data-status=PROCESSING], li[data-status=PENDING]")
        .await;
    assert_quiet(&browser).await;
    browser.close().await;
}

/// Script that records fetched URLs, except live streams, and sends requests only with `?own`.
const WATCH: &str = "window.asked = []; const real = fetch; window.fetch = (to, ...more) => { \
    if (!String(to).includes('/api/live')) asked.push(String(to)); \
    return location.search === '?own' ? real(to, ...more) : new Promise(() => {}); };";

#[tokio::test]
async fn url_fragment_opens_only_a_task() {
    let server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let client = TaskClient::of(&admin).await;
    let id = client.start("fails_task").await;
    client.ended(&id).await;
    let browser = Chromium::open(&server.url).await;
    browser
        .use_session(&admin.token.expect("client has a token"))
        .await;
    browser.in_every_page(WATCH).await;
    let seen = "return customElements.get('pt-task') && document.querySelector('[data-task-link]') \
        && [...asked, ...document.querySelectorAll('dialog[open]')].map(String)";
    for (number, fragment) in [
        "task-\"]",
        "task-'],body,['",
        "task-../../../sign-out",
        "task-//evil.example/x",
        "task-https:evil.example",
        "task-%2e%2e%2fmembers",
        &format!("task-{id}/../../../members"),
        &format!("task-../{id}"),
        &format!("task-{id}?x"),
        &format!("x#task-{id}"),
    ]
    .into_iter()
    .enumerate()
    {
        // The browser loads the page again only because the query differs each time.
        let path = format!("/admin/tasks/all?n={number}#{fragment}");
        browser.goto(&path).await;
        let seen = eventually("the script has run", async || {
            browser.script(seen).await.as_array().cloned()
        })
        .await;
        assert!(seen.is_empty(), "{fragment}: {seen:?}");
        let path = browser.script("return location.pathname").await;
        assert_eq!(path, "/admin/tasks/all", "{fragment}");
    }
    browser
        .goto(&format!("/admin/tasks/all?own#task-{id}"))
        .await;
    browser.find("dialog.pt-task-drawer[open] pt-task").await;
    let asked = browser.script("return asked").await;
    assert_eq!(asked, json!([format!("{}/admin/tasks/{id}", server.url)]));
    browser.close().await;
}
