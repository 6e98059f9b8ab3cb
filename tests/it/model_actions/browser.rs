//! Actions in a browser with scripts.

use serde_json::{Value, json};

use super::{invoice, numbered, stored};
use crate::axe::{AXE, CHECK};
use crate::support::{Chromium, Database, TestServer, eventually};

const LIST: &str = "/admin/settings/invoice";
const RUN: &str = "#action .pt-drawer-foot [data-kind=solid]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_action_shows_arguments_and_reports_failures() {
    let mut server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let first = numbered(&admin, "A1").await;
    let small = invoice(&admin, json!({"number": "A2", "amount": 0})).await;
    let browser = Chromium::open(&server.url).await;
    let token = admin.token.as_deref().expect("client has a token");
    browser.use_session(token).await;
    browser.allow_console_message("status of 4");
    browser.allow_console_message("Autofocus");
    browser.in_every_page(AXE).await;
    browser.hold_still().await;
    browser.goto(LIST).await;
    browser
        .find("head script[src*='/lists.'][data-loaded]")
        .await;
    axe(&browser).await;

    browser.click("[data-select-all]").await;
    browser.see("2 selected").await;
    browser.click("#bulk [formaction*=mark_paid]").await;
    browser.see("Mark 2 invoices as paid?").await;
    browser
        .find("head script[src*='/lists.'][data-loaded]")
        .await;
    browser.script("window.same = true").await;
    axe(&browser).await;
    // The arguments are checked by the server, and the drawer stays open.
    let year = "document.querySelector('#action [name=\"args.paid_on\"]').value = '1999-12-31'";
    browser.script(year).await;
    browser.click(RUN).await;
    browser.see("ust be after 1999").await;
    let day = "document.querySelector('#action [name=\"args.paid_on\"]').value = '2026-05-01'";
    browser.script(day).await;
    browser.click(RUN).await;
    browser.see("1 invoice changed, 1 failed.").await;
    browser.see("the amount is too small").await;
    assert_eq!(browser.script("return window.same").await, true);
    axe(&browser).await;
    let link = format!("#action a[href='{LIST}?edit={small}']");
    browser.find(&link).await;
    assert_eq!(stored(&admin, first).await["state"], "paid");

    // The menu of a record starts an action on it; success is a message.
    let third = numbered(&admin, "A3").await;
    browser.goto(&format!("{LIST}?edit={third}")).await;
    browser
        .find("head script[src*='/lists.'][data-loaded]")
        .await;
    browser.click("[popovertarget=record-actions]").await;
    browser
        .click("#record-actions [formaction*=mark_paid]")
        .await;
    browser.see("Mark 1 invoices as paid?").await;
    browser
        .find("head script[src*='/lists.'][data-loaded]")
        .await;
    browser.script(day).await;
    browser.click(RUN).await;
    browser.see("Mark as paid: 1 invoice changed").await;
    eventually("the drawer is closed", async || {
        let open = "return document.querySelector('#action[open]')";
        (browser.script(open).await == Value::Null).then_some(())
    })
    .await;
    assert_eq!(stored(&admin, third).await["state"], "paid");
    browser.close().await;
    server.stop().await;
}

/// Asserts that axe finds nothing on the page and in its menus.
async fn axe(browser: &Chromium) {
    let themes = json!([
        ["light", "indigo", "everything"],
        ["dark", "amber", "colors"]
    ]);
    let found = browser.script_that_waits(CHECK, vec![themes]).await;
    assert_eq!(found, json!([]));
}
