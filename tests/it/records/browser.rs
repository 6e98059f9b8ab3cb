//! Page of a record in a browser: notices, conflicts, and new rows of a tab.

use reqwest::Method;
use serde_json::json;

use super::{add_office, add_region};
use crate::support::{Chromium, Client, Database, TestResponse, TestServer, eventually};

const REGION: &str = "/admin/settings/region/rows/north";

async fn start() -> (TestServer, Client, Chromium) {
    let server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    add_region(&admin, "north", "North").await;
    let browser = Chromium::open(&server.url).await;
    browser
        .use_session(admin.token.as_deref().expect("client has a token"))
        .await;
    browser.allow_console_message("status of 4");
    (server, admin, browser)
}

/// Opens a page and waits until the script for lists and forms has loaded.
async fn open(browser: &Chromium, path: &str) {
    browser.goto(path).await;
    browser
        .find("head script[src*='/lists.'][data-loaded]")
        .await;
    browser.script("window.same = true").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn form_reports_a_change_and_keeps_the_input() {
    let (mut server, admin, browser) = start().await;
    open(&browser, REGION).await;
    browser.fill("[data-record] [name=name]", "Mine").await;
    let path = "/api/admin/models/region/north";
    let request = admin.request(Method::PATCH, path).header("if-match", "*");
    let changed = TestResponse::of(request.json(&json!({"name": "Theirs"}))).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    browser
        .see("Test Person changed this record just now.")
        .await;
    let typed = "return document.querySelector('[data-record] [name=name]').value";
    assert_eq!(browser.script(typed).await, "Mine");
    browser.click("[data-record] [data-kind=solid]").await;
    browser.find(".pt-conflict").await;
    browser.click("[name='resolve.name'][value=mine]").await;
    browser.click("[data-record] [data-kind=solid]").await;
    browser.see("Saved “Mine”").await;
    assert_eq!(admin.get(path).await.json()["name"], "Mine");
    let heading = "return document.querySelector('h1').innerText";
    assert_eq!(browser.script(heading).await, "Mine");
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_is_added_in_a_tab_without_a_page_load() {
    let (mut server, admin, browser) = start().await;
    add_office(&admin, "Harbor", "north").await;
    open(&browser, &format!("{REGION}?tab=office.region")).await;
    browser.see("Harbor").await;
    browser.click("#rows .pt-toolbar a[href*='new=1']").await;
    browser.find("dialog#row[open]").await;
    browser.fill("#row [name=name]", "Pier").await;
    browser
        .click("#row .pt-drawer-foot [data-kind=solid]")
        .await;
    browser.see("Added “Pier”").await;
    let rows = "return document.querySelectorAll('#rows tbody tr').length";
    eventually("the tab shows both offices", async || {
        (browser.script(rows).await == 2).then_some(())
    })
    .await;
    let same = browser.script("return window.same").await;
    assert_eq!(same, true);
    // A change by someone else appears as well.
    add_office(&admin, "Quay", "north").await;
    eventually("the tab shows the new office", async || {
        (browser.script(rows).await == 3).then_some(())
    })
    .await;
    browser.click("#rows a.pt-row-link").await;
    browser.find("[data-record]").await;
    browser.click(".pt-crumbs a").await;
    let path = browser.path().await;
    assert!(path.starts_with("/admin/settings/office?filter"), "{path}");
    browser.close().await;
    server.stop().await;
}
