//! Search: `/search`, `/palette`, and the command palette in a browser.

use portal_core::pages::{SearchGroup, SearchHit, SearchQuery, SearchSource};
use portal_core::prelude::*;
use serde_json::json;
use sqlx::Connection as _;

use crate::app;
use crate::support::{Chromium, Database, TaskClient, TestServer, attributes, eventually, on_both};

on_both!(
    search_results_depend_on_the_caller,
    failing_model_does_not_hide_other_results,
);

struct Help;

impl SearchSource for Help {
    async fn search(&self, query: SearchQuery<'_>) -> Result<Vec<SearchGroup>> {
        let found = query.rank("Proration explained").is_some() && query.user.is_some();
        let hit = found.then(|| SearchHit::link("Proration explained", "/help"));
        Ok(vec![SearchGroup::new("Help").hits(hit)])
    }
}

struct Broken;

impl SearchSource for Broken {
    async fn search(&self, _: SearchQuery<'_>) -> Result<Vec<SearchGroup>> {
        Err(Error::internal("the secret inside"))
    }
}

async fn start(database: Database) -> TestServer {
    let build = |portal| app::build(portal).search(Broken).search(Help);
    let server = TestServer::start_with(database, &[], build).await;
    let admin = server.admin().await;
    let defaults = admin.post("/api/admin/defaults", &json!({})).await;
    assert_eq!(defaults.status, 200);
    server
}

async fn search_results_depend_on_the_caller(database: Database) {
    let mut server = start(database).await;
    let (guest, user, admin) = (server.guest(), server.user().await, server.admin().await);
    let task = TaskClient::of(&admin)
        .await
        .start_in("probe", "echo", &json!({"name": "bob", "age": 6}))
        .await;
    let task_page = format!("href=\"/admin/tasks/{task}\"");
    for (text, word, seen) in [
        ("members", "href=\"/members\"", [false, true, true]),
        ("admins", "href=\"/secret\"", [false, false, true]),
        ("pro", "/admin/settings/plan/rows/", [false, false, true]),
        ("plan", "/admin/settings/plan?new=1", [false, false, true]),
        ("root@", "/admin/users/rows/", [false, false, true]),
        (
            "echo",
            "/tasks?state=probe&amp;task=echo",
            [false, true, true],
        ),
        ("proration", "href=\"/help\"", [false, true, true]),
        ("sign in", "href=\"/sign-in\"", [true, false, false]),
        ("sign out", "action=\"/sign-out\"", [false, true, true]),
        ("dark", "value=\"dark\"", [true, true, true]),
        ("appearance", "value=\"dark\"", [true, true, true]),
        (
            "maintenance",
            "href=\"/admin/maintenance\"",
            [false, false, true],
        ),
        (
            "notifications",
            "href=\"/admin/notifications\"",
            [false, true, true],
        ),
        ("failed", "status=ERROR", [false, true, true]),
        (task.as_str(), task_page.as_str(), [false, false, true]),
    ] {
        for (client, seen) in [&guest, &user, &admin].into_iter().zip(seen) {
            for path in ["/palette", "/search"] {
                let response = client.page(&format!("{path}?q={text}")).await;
                assert_eq!(response.status, 200, "{path} {text}");
                let main = response.text.split("<main").last().unwrap_or_default();
                let main = main.split("</main>").next().unwrap_or_default();
                assert_eq!(main.contains(word), seen, "{path} {text}: {main}");
                assert!(!main.contains("the secret inside"), "{main}");
            }
        }
    }
    let strange = admin.page("/search?q=%3Cscript%3E%25'%22").await;
    assert_eq!(strange.status, 200);
    assert!(!strange.text.contains("<script>%"), "{}", strange.text);
    server.stop().await;
}

async fn failing_model_does_not_hide_other_results(database: Database) {
    let mut server = start(database).await;
    let admin = server.admin().await;
    for (model, row) in [
        ("plan", json!({"name": "Common plan"})),
        (
            "plan_order",
            json!({"plan_id": 1, "customer": "Common Ltd"}),
        ),
    ] {
        let path = format!("/api/admin/models/{model}");
        let added = admin.post(&path, &row).await;
        assert_eq!(added.status, 201, "{}", added.text);
    }
    let user = server.sign_in("common@example.com").await;
    assert_eq!(user.get("/api/auth/me").await.status, 200);
    let groups = async || {
        let page = admin.page("/palette?q=common").await;
        assert_eq!(page.status, 200);
        attributes(&page.text, ".pt-hits", "aria-label")
    };
    assert_eq!(groups().await, ["Users", "Orders", "Plans"]);
    if database == Database::Postgres {
        // Queries for orders wait for the lock.
        let mut other = sqlx::PgConnection::connect(&server.uri)
            .await
            .expect("the database responds");
        let lock = "BEGIN; LOCK TABLE plan_order IN ACCESS EXCLUSIVE MODE";
        sqlx::raw_sql(lock)
            .execute(&mut other)
            .await
            .expect("the table can be locked");
        assert_eq!(groups().await, ["Users", "Plans"]);
        other.close().await.expect("the connection closes");
        assert_eq!(groups().await, ["Users", "Orders", "Plans"]);
    }
    server
        .sql("ALTER TABLE plan_order RENAME TO gone".to_owned())
        .await;
    assert_eq!(groups().await, ["Users", "Plans"]);
    server.stop().await;
}

async fn key(browser: &Chromium, css: &str, keys: &str) {
    let element = browser.find(css).await;
    element
        .send_keys(keys)
        .await
        .expect("the element accepts keys");
}

#[tokio::test]
async fn palette_opens_pages_and_restores_the_focus() {
    let mut server = start(Database::Sqlite).await;
    let admin = server.admin().await;
    let browser = Chromium::open(&server.url).await;
    browser.goto("/sign-in").await;
    let token = admin.token.clone().unwrap_or_default();
    browser
        .script(&format!("document.cookie = '__session={token}; path=/'"))
        .await;
    browser.goto("/admin/users").await;

    browser
        .script("document.querySelector('main [type=search]').focus()")
        .await;
    key(&browser, ":focus", "\u{E009}k").await;
    browser
        .find(".pt-palette[open] [role=option][aria-selected=true]")
        .await;
    let role = browser
        .script("return document.activeElement.getAttribute('role')")
        .await;
    assert_eq!(role, "combobox");
    key(&browser, ":focus", "\u{E00C}").await;
    eventually("the focus is back", async || {
        let at = browser.script("return document.activeElement.type").await;
        (at == "search").then_some(())
    })
    .await;

    browser.click(".pt-side a.pt-palette-btn").await;
    key(&browser, ".pt-palette input", "members").await;
    browser
        .find(".pt-palette a[href='/members'][aria-selected=true]")
        .await;
    let named = "const i = document.querySelector('.pt-palette input'); \
        return document.getElementById(i.getAttribute('aria-activedescendant')).innerText";
    assert_eq!(browser.script(named).await, "Members only");
    key(&browser, ".pt-palette input", "\u{E007}").await;
    eventually("the page is open", async || {
        (browser.path().await == "/members").then_some(())
    })
    .await;

    // Recent choices come first.
    key(&browser, "body", "\u{E009}k").await;
    browser
        .find(".pt-palette [aria-label=Recent] a[href='/members']")
        .await;
    key(&browser, ".pt-palette input", "\u{E00C}").await;

    // One keyboard shortcut opens the list of shortcuts; another opens a page.
    key(&browser, "body", "?").await;
    browser.find("dialog.pt-sheet[open]").await;
    key(&browser, "dialog.pt-sheet", "\u{E00C}").await;
    key(&browser, "body", "gu").await;
    eventually("the users page is open", async || {
        (browser.path().await == "/admin/users").then_some(())
    })
    .await;
    let said = browser.console().await;
    assert!(said.is_empty(), "{said:#?}");
    browser.close().await;
    server.stop().await;
}
