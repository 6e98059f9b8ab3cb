//! Browser tests for record forms: JSON and YAML fields, edit conflicts, focus.

use serde_json::{Value, json};

use crate::support::{ADMIN, Chromium, Client, Database, TestResponse, TestServer, eventually};

const PLANS: &str = "/admin/settings/plan";
const SAVE: &str = "#row .pt-drawer-foot [data-kind=solid]";

async fn start() -> (TestServer, Client, Chromium, String) {
    let server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let plan = json!({"name": "Basic", "price": 3, "settings": {"a": 1}});
    let response = admin.post("/api/admin/models/plan", &plan).await;
    assert_eq!(response.status, 201, "{}", response.text);
    let id = response.json()["id"].to_string();
    let browser = Chromium::open(&server.url).await;
    browser
        .use_session(admin.token.as_deref().expect("client has a token"))
        .await;
    // The browser logs the 4xx response to a rejected form.
    browser.allow_console_message("status of 4");
    browser.allow_console_message("Autofocus");
    (server, admin, browser, id)
}

/// Opens a page and waits until the script for lists and drawers has loaded.
async fn open(browser: &Chromium, path: &str) {
    browser.goto(path).await;
    browser
        .find("head script[src*='/lists.'][data-loaded]")
        .await;
    browser.script("window.same = true").await;
}

async fn becomes(browser: &Chromium, script: &str, expected: Value) {
    eventually(&format!("{script} returns {expected}"), async || {
        (browser.script(script).await == expected).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_is_converted_at_once_and_errors_name_the_line() {
    let (mut server, admin, browser, id) = start().await;
    open(&browser, &format!("{PLANS}?edit={id}")).await;
    let text = "return document.querySelector('#row [name=settings]').value.trim()";
    assert_eq!(browser.script(text).await, "a: 1");
    browser.click("#format-settings-json").await;
    becomes(&browser, text, json!("{\n  \"a\": 1\n}")).await;
    let pressed = "return document.querySelector('#row [aria-pressed=true]').textContent";
    assert_eq!(browser.script(pressed).await, "JSON");

    let write = async |text: &str| {
        let field = "document.querySelector('#row [name=settings]')";
        let text = json!(text);
        let script = format!("{field}.focus(); {field}.value = {text}");
        browser.script(&script).await;
    };
    write("{\"a\": ").await;
    browser.click(SAVE).await;
    browser
        .see("Invalid JSON at line 1, column 6: unexpected end.")
        .await;
    write("{\"a\": 1}").await;
    browser.click("#format-settings-yaml").await;
    becomes(&browser, text, json!("a: 1")).await;
    write("enabled: true\nenabled: false").await;
    browser.click("#format-settings-json").await;
    browser.see("Line 2: “enabled” appears twice.").await;
    assert_eq!(browser.script(pressed).await, "YAML");
    becomes(&browser, text, json!("enabled: true\nenabled: false")).await;
    write("enabled: false").await;
    browser.click(SAVE).await;
    browser.see("Saved “").await;
    assert_eq!(browser.script("return window.same").await, true);
    let stored = admin.get(&format!("/api/admin/models/plan/{id}")).await;
    assert_eq!(stored.json()["settings"], json!({"enabled": false}));
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflict_names_the_user_and_offers_both_values() {
    let (mut server, admin, browser, id) = start().await;
    let other = server.sign_in(ADMIN).await;
    open(&browser, &format!("{PLANS}?edit={id}")).await;
    browser.fill("#row [name=price]", "7").await;
    browser.fill("#row [name=note]", "mine").await;
    let path = format!("/api/admin/models/plan/{id}");
    let request = other
        .request(reqwest::Method::PATCH, &path)
        .header("if-match", "*")
        .json(&json!({"price": 5, "name": "Renamed"}));
    assert_eq!(TestResponse::of(request).await.status, 200);
    // The notice appears before the form is submitted.
    browser
        .see("Test Person changed this record just now.")
        .await;
    let typed =
        "return ['price', 'note'].map((it) => document.querySelector(`#row [name=${it}]`).value)";
    assert_eq!(browser.script(typed).await, json!(["7", "mine"]));
    browser.click(SAVE).await;
    browser.find(".pt-conflict").await;
    let panel = browser
        .script("return document.querySelector('.pt-conflict').innerText")
        .await;
    for text in [
        "Test Person changed this record",
        "Keep mine",
        "Use theirs",
        "7",
        "5",
    ] {
        let panel = panel.as_str().unwrap_or_default();
        assert!(panel.contains(text), "{panel}");
    }
    assert_eq!(browser.script(typed).await, json!(["7", "mine"]));
    browser.click("[name='resolve.price'][value=theirs]").await;
    browser.click(SAVE).await;
    browser.see("Saved “").await;
    let stored = admin.get(&path).await.json();
    assert_eq!(
        (&stored["price"], &stored["note"], &stored["name"]),
        (&json!(5), &json!("mine"), &json!("Renamed"))
    );
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn focus_moves_to_a_new_row_without_a_page_load() {
    let (mut server, _, browser, _) = start().await;
    open(&browser, &format!("{PLANS}?new=1")).await;
    browser.fill("#row [name=name]", "Fresh").await;
    browser.click(SAVE).await;
    let row = "return document.activeElement.closest('tr')?.innerText.includes('Fresh') ?? false";
    becomes(&browser, row, json!(true)).await;
    assert_eq!(browser.script("return window.same").await, true);
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn toast_of_a_new_row_links_to_its_drawer() {
    let (mut server, _, browser, _) = start().await;
    open(&browser, &format!("{PLANS}?new=1")).await;
    browser.fill("#row [name=name]", "Fresh").await;
    browser.click(SAVE).await;
    browser.see("Added “Fresh”").await;
    let link = browser.find("pt-toast a").await;
    assert_eq!(link.text().await.expect("the link has text"), "View");
    browser.click("pt-toast a").await;
    browser.find("dialog#row[open]").await;
    let name = "return document.querySelector('#row [name=name]')?.value ?? ''";
    becomes(&browser, name, json!("Fresh")).await;
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn focus_moves_to_the_heading_after_a_deletion() {
    let (mut server, admin, browser, id) = start().await;
    let other = json!({"name": "Other", "price": 3});
    let other = admin.post("/api/admin/models/plan", &other).await.json()["id"].to_string();
    for (id, from_list) in [(id, true), (other, false)] {
        if from_list {
            open(&browser, PLANS).await;
            browser
                .click(&format!("[id='plans-{id}'] .pt-row-link"))
                .await;
        } else {
            open(&browser, &format!("{PLANS}?edit={id}")).await;
        }
        browser
            .click("#row .pt-drawer-foot .pt-push-end button")
            .await;
        browser.click("#delete-row[open] [data-kind=danger]").await;
        browser.see("Deleted “").await;
        let focused = "return document.activeElement.tagName";
        becomes(&browser, focused, json!("H1")).await;
        // The list is fetched again once the change is published.
        tokio::time::sleep(std::time::Duration::from_millis(800)).await;
        assert_eq!(
            browser.script(focused).await,
            "H1",
            "from the list: {from_list}"
        );
        assert_eq!(browser.script("return window.same").await, true);
    }
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_button_is_separate_from_cancel_and_save() {
    let (mut server, _, browser, id) = start().await;
    for (query, expected) in [
        (format!("?edit={id}"), json!(["Delete…", "Cancel", "Save"])),
        ("?new=1".to_owned(), json!(["Cancel", "Add"])),
    ] {
        open(&browser, &format!("{PLANS}{query}")).await;
        let buttons = "[...document.querySelectorAll('#row .pt-drawer-foot .pt-btn')]\
            .map((it) => [it.innerText.trim(), it.getBoundingClientRect()])\
            .sort(([, one], [, other]) => one.left - other.left)";
        let labels = format!("return {buttons}.map(([label]) => label)");
        assert_eq!(browser.script(&labels).await, expected);
        if query.contains("edit") {
            let gap = format!(
                "const [[, one], [, other]] = {buttons}; return other.left - one.right > 40"
            );
            assert_eq!(browser.script(&gap).await, true);
        }
    }
    browser.close().await;
    server.stop().await;
}
