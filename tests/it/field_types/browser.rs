//! Browser test of a form with every field type.

use serde_json::json;

use crate::support::{Chromium, Database, TestServer, eventually};

const SAVE: &str = "#row .pt-drawer-foot [data-kind=solid]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_with_every_type_is_added_and_edited() {
    let mut server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let browser = Chromium::open(&server.url).await;
    let token = admin.token.as_deref().expect("client has a token");
    browser.use_session(token).await;
    browser.allow_console_message("status of 4");
    browser.allow_console_message("Autofocus");
    browser.goto("/admin/settings/specimen?new=1").await;
    browser
        .find("head script[src*='/lists.'][data-loaded]")
        .await;
    for (field, text) in [
        ("name", "Basket"),
        ("price", "1200.50"),
        ("took", "2h"),
        ("email", "ada@example.com"),
        ("notes", "**bold** text"),
        ("tags", "red\nblue"),
        ("weight", "250 g"),
    ] {
        browser.fill(&format!("#row [name={field}]"), text).await;
    }
    browser.choose("#row [name=stage]", "in_review").await;
    browser.click("#preview-notes").await;
    browser
        .find("#row [role=region][aria-label='Preview of Notes'] strong")
        .await;
    let price = browser
        .script("return document.querySelector('#row [name=price]').value")
        .await;
    assert_eq!(price, "1200.50", "the preview keeps the input");
    let write = "document.querySelector('#row [name=size]').value = 'width: 3\\nheight: 4'";
    browser.script(write).await;
    browser.click(SAVE).await;
    browser.see("Added “Basket”").await;
    browser.see("In review").await;
    browser.see("1,200.50").await;

    let rows = admin.get("/api/admin/models/specimen").await.json();
    let row = &rows["items"][0];
    assert_eq!(row["tags"], json!(["red", "blue"]));
    assert_eq!(row["size"], json!({"width": 3, "height": 4}));
    browser
        .goto(&format!("/admin/settings/specimen?edit={}", row["id"]))
        .await;
    browser.fill("#row [name=ratings]", "1\nmany").await;
    browser.click(SAVE).await;
    browser.see("item 2: must be a whole number").await;
    browser.fill("#row [name=ratings]", "1\n2").await;
    browser.fill("#row [name=price]", "0.3").await;
    browser.click(SAVE).await;
    browser.see("Saved “").await;
    let path = format!("/api/admin/models/specimen/{}", row["id"]);
    eventually("the row is changed", async || {
        let row = admin.get(&path).await.json();
        (row["price"] == "0.3" && row["ratings"] == json!([1, 2])).then_some(())
    })
    .await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
    browser.close().await;
    server.stop().await;
}
