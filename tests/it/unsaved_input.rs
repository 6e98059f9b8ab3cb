//! Unsaved input while other clients change or delete the record being edited.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::State;
use portal_core::PortalBuilder;
use portal_core::live::{self, Live};
use portal_core::prelude::*;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::app;
use crate::support::{
    ADMIN, Chromium, Client, Database, ReferencePortal, TestResponse, TestServer, eventually,
};

const PLANS: &str = "/admin/settings/plan";

async fn add_plan(client: &Client, name: &str) -> String {
    let response = client
        .post("/api/admin/models/plan", &json!({"name": name}))
        .await;
    assert_eq!(response.status, 201, "{}", response.text);
    response.json()["id"].to_string()
}

/// Sends a request for a plan with its current version.
async fn write_plan(client: &Client, method: reqwest::Method, id: &str, body: &str) {
    let path = format!("/api/admin/models/plan/{id}");
    let etag = client.get(&path).await.header("etag").to_owned();
    let request = client.request(method, &path).header("if-match", etag);
    let request = request.header("content-type", "application/json");
    let response = TestResponse::of(request.body(body.to_owned())).await;
    assert!(response.status.is_success(), "{}", response.text);
}

async fn browser_of(server: &TestServer, client: &Client) -> Chromium {
    let browser = Chromium::open(&server.url).await;
    browser
        .use_session(client.token.as_deref().expect("client has a token"))
        .await;
    // This variable is set as soon as the page's live stream is open.
    browser
        .in_every_page(
            "const real = fetch; window.fetch = async (to, ...more) => { \
             const answer = await real(to, ...more); \
             if (String(to).includes('/api/live?')) window.isLive = true; return answer; };",
        )
        .await;
    browser
}

async fn is_live(browser: &Chromium) {
    eventually("the stream is open", async || {
        (browser.script("return window.isLive === true").await == true).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_a_record_leads_to_the_list_while_others_change_rows() {
    const TRIES: usize = 200;
    let mut server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let busy = add_plan(&admin, "Busy").await;
    let mut ids = Vec::new();
    for number in 0..TRIES {
        ids.push(add_plan(&admin, &format!("Plan {number}")).await);
    }
    let stop = CancellationToken::new();
    let load = tokio::spawn({
        let (admin, stop) = (admin.clone(), stop.clone());
        async move {
            let mut price = 0;
            while !stop.is_cancelled() {
                price += 1;
                let body = json!({"price": price}).to_string();
                write_plan(&admin, reqwest::Method::PATCH, &busy, &body).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    let browser = browser_of(&server, &admin).await;
    // A live update can request the record between its deletion and the response to the form.
    browser.allow_console_message("status of 404");
    for (attempt, id) in ids.iter().enumerate() {
        browser.goto(&format!("{PLANS}?edit={id}")).await;
        is_live(&browser).await;
        browser
            .script("document.querySelector('#delete-row form').requestSubmit()")
            .await;
        let shown = "return document.readyState === 'complete' \
            && !document.querySelector('dialog[open]') \
            && [location.pathname + location.search, document.querySelector('h1').innerText]";
        let page = eventually("the drawer is closed", async || {
            let page = browser.script(shown).await;
            page.is_array().then_some(page)
        })
        .await;
        assert_eq!(page, json!([PLANS, "Settings"]), "try {attempt}");
    }
    stop.cancel();
    load.await.expect("the other client has no errors");
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_record_keeps_its_form_and_can_be_created_again() {
    let mut server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let id = add_plan(&admin, "Basic").await;
    let browser = browser_of(&server, &admin).await;
    // A form for a deleted record gets a response with this status.
    browser.allow_console_message("status of 404");
    browser.goto(&format!("{PLANS}?edit={id}")).await;
    is_live(&browser).await;
    browser.script("window.same = true").await;
    browser.fill("#row [name=note]", "typed for an hour").await;
    write_plan(&admin, reqwest::Method::DELETE, &id, "").await;
    eventually("the list shows that it was deleted", async || {
        let rows = "return document.querySelectorAll('#rows tbody tr td').length";
        (browser.script(rows).await.as_u64() < Some(3)).then_some(())
    })
    .await;
    let typed = "return window.same && document.querySelector('#row [name=note]').value";
    assert_eq!(browser.script(typed).await, "typed for an hour");
    browser
        .click("#row .pt-drawer-foot [data-kind=solid]")
        .await;
    browser.see("was deleted").await;
    assert_eq!(browser.script(typed).await, "typed for an hour");
    browser
        .click("#row .pt-drawer-foot [data-kind=solid]")
        .await;
    browser.see("Added “").await;
    assert_eq!(browser.script("return window.same").await, true);
    let rows = admin.get("/api/admin/models/plan").await.json();
    assert_eq!(rows["total"], 1, "{rows}");
    assert_eq!(rows["items"][0]["note"], "typed for an hour");
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connection_keeps_a_form_until_it_can_be_saved() {
    let mut portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let response = portal
        .guest()
        .post("/dev/token", &json!({"email": ADMIN}))
        .await;
    let token = response.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    let browser = Chromium::open(&portal.url).await;
    browser.use_session(&token).await;
    browser.allow_console_message("net::ERR_");
    browser.allow_console_message("htmx");
    browser.goto("/admin/settings/custom_config?new=1").await;
    browser.script("window.same = true").await;
    browser.fill("#row [name=name]", "kept").await;
    portal.kill().await;
    browser
        .click("#row .pt-drawer-foot [data-kind=solid]")
        .await;
    browser.see("Can't reach the server").await;
    browser.see("Connection lost").await;
    let typed = "return window.same && document.querySelector('#row [name=name]').value";
    assert_eq!(browser.script(typed).await, "kept");
    // Discarding the input requires confirmation.
    browser.press("Escape").await;
    browser.see("Discard changes?").await;
    browser
        .script("document.querySelector('dialog:has(#pt-confirm-title)').close()")
        .await;
    portal.start_again().await;
    browser.see("Back online").await;
    assert_eq!(browser.script(typed).await, "kept");
    browser
        .click("#row .pt-drawer-foot [data-kind=solid]")
        .await;
    browser.see("Added “").await;
    assert_eq!(browser.script("return window.same").await, true);
    browser.close().await;
}

/// Guest book
#[page("/guest-book")]
async fn guest_book(State(state): State<PortalState>) -> Markup {
    let entries = state
        .get::<Entries>()
        .map_or(0, |it| it.0.load(Ordering::SeqCst));
    let form = html! {
        p { (entries) " entries" }
        form method="post" action="/guest-book" {
            input name="text" value="" aria-label="Text";
            input name="seen" type="hidden" value=(entries);
            button { "Sign" }
        }
    };
    live::region("guest-book", form)
}

#[derive(Default)]
struct Entries(AtomicU32);

fn with_guest_book(portal: PortalBuilder) -> PortalBuilder {
    app::build(portal)
        .topic("guest-book", Access::Public)
        .data(Entries::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn region_with_a_changed_form_waits_until_it_is_clean() {
    let mut server = TestServer::start_with(Database::Sqlite, &[], with_guest_book).await;
    let live = server.state.get::<Live>().expect("the service exists");
    let add = || {
        let entries = server.state.get::<Entries>().expect("the service exists");
        entries.0.fetch_add(1, Ordering::SeqCst);
        live.notify("guest-book");
    };
    let admin = server.admin().await;
    let browser = browser_of(&server, &admin).await;
    browser.goto("/guest-book").await;
    is_live(&browser).await;
    add();
    browser.see("1 entries").await;
    browser.fill("[name=text]", "Dear").await;
    browser.script("document.activeElement.blur()").await;
    add();
    // Another browser shows that the change has arrived.
    let other = browser_of(&server, &admin).await;
    other.goto("/guest-book").await;
    is_live(&other).await;
    add();
    other.see("3 entries").await;
    let form =
        "return [...document.querySelectorAll('[name=text],[name=seen]')].map((it) => it.value)";
    assert_eq!(browser.script(form).await, json!(["Dear", "1"]));
    browser
        .find("[name=text]")
        .await
        .clear()
        .await
        .expect("the field can be cleared");
    browser.script("document.activeElement.blur()").await;
    browser.see("3 entries").await;
    assert_eq!(browser.script(form).await, json!(["", "3"]));
    other.close().await;
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_page_informs_a_deactivated_user() {
    let portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let sign_in = async |email: &str| {
        let response = portal
            .guest()
            .post("/dev/token", &json!({"email": email}))
            .await;
        let token = response.json()["token"]
            .as_str()
            .expect("response has a token")
            .to_owned();
        Client::new(&portal.url, Some(token))
    };
    let (admin, fred) = (sign_in(ADMIN).await, sign_in("fred@example.com").await);
    let me = fred.get("/api/auth/me").await.json();
    let id = me["id"].as_str().expect("response has an id").to_owned();
    let browser = Chromium::open(&portal.url).await;
    browser.allow_console_message("status of 40");
    browser
        .use_session(fred.token.as_deref().expect("client has a token"))
        .await;
    browser.goto("/admin/overview").await;
    browser.see("Hello").await;
    let path = format!("/api/users/{id}");
    let response = admin.patch(&path, &json!({"is_active": false})).await;
    assert_eq!(response.status, 200, "{}", response.text);
    browser.see("Your account is deactivated.").await;
    assert!(!browser.text().await.contains("Hello"));
    browser.close().await;
}
