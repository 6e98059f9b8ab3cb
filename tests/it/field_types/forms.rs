//! Forms with a field of every type, on both databases.

use serde_json::json;

use super::PATH;
use crate::support::{CookieClient, Database, TestServer, on_both};

on_both!(form_accepts_every_type, markdown_preview_keeps_the_input);

/// Returns the fields that a browser submits for a valid row.
fn submitted(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut fields = vec![
        ("name", "A"),
        ("stage", "live"),
        ("price", "1200.50"),
        ("discount", ""),
        ("took", "90m"),
        ("shift", ""),
        ("email", "ada@example.com"),
        ("website", ""),
        ("notes", "*hi* <b>"),
        ("tags", "red\r\n\r\n blue \r\n"),
        ("ratings", "1\r\n2"),
        ("stages", ""),
        ("size", "width: 5\r\nheight: 6"),
        ("_format.size", "yaml"),
        ("weight", "12 g"),
        ("tiny", "1"),
        ("small", "1"),
        ("big", "1"),
        ("ratio", "0.5"),
        ("share", "0.5"),
        ("active", ""),
        ("day", ""),
        ("at", ""),
        ("token", ""),
        ("data", ""),
    ];
    for (name, text) in changes {
        for field in fields.iter_mut().filter(|field| field.0 == *name) {
            field.1 = text;
        }
    }
    fields
}

async fn form_accepts_every_type(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let mut browser = CookieClient::of(&server.url, &admin);
    let path = "/admin/settings/specimen/create";
    for (change, message) in [
        (("price", "12,50"), "must be a decimal number"),
        (("took", "soon"), "must be a duration"),
        (("email", "ada"), "must be an e-mail address"),
        (("website", "example"), "must be a URL"),
        (("ratings", "1\nx"), "item 2: must be a whole number"),
        (("stages", "live\ngone"), "item 2: must be one of"),
        (("size", "width: x\nheight: 1"), "width: "),
        (("weight", "x"), "must be a weight"),
    ] {
        let response = browser.submit(path, &submitted(&[change])).await;
        assert_eq!(response.status, 422, "{change:?}: {}", response.text);
        assert!(
            response.text.contains(message),
            "{change:?}: {}",
            response.text
        );
    }
    let response = browser.submit(path, &submitted(&[])).await;
    assert_eq!(response.status, 303, "{}", response.text);
    let rows = admin.get(PATH).await.json();
    let row = &rows["items"][0];
    assert_eq!(row["tags"], json!(["red", "blue"]));
    assert_eq!(
        (&row["ratings"], &row["stages"]),
        (&json!([1, 2]), &json!([]))
    );
    assert_eq!(
        (&row["took"], &row["price"]),
        (&json!("1h 30m"), &json!("1200.50"))
    );
    assert_eq!(row["size"], json!({"width": 5, "height": 6}));
    let form = format!("/admin/settings/specimen?edit={}", row["id"]);
    let form = browser.page(&form).await.text;
    assert!(
        form.contains("red\nblue") && form.contains(">Published<"),
        "{form}"
    );
}

async fn markdown_preview_keeps_the_input(database: Database) {
    let server = TestServer::start(database).await;
    let mut browser = CookieClient::of(&server.url, &server.admin().await);
    let mut fields = submitted(&[("notes", "*hi* <b> [x](javascript:y)"), ("price", "bad")]);
    fields.push(("_preview", "notes"));
    let response = browser
        .submit("/admin/settings/specimen/convert", &fields)
        .await;
    assert_eq!(response.status, 200, "{}", response.text);
    assert!(
        response
            .text
            .contains("<em>hi</em> &lt;b&gt; <a href=\"\">x</a>"),
        "{}",
        response.text
    );
    assert!(response.text.contains("value=\"bad\""), "{}", response.text);
    assert!(
        response.text.contains("aria-label=\"Preview of Notes\""),
        "{}",
        response.text
    );
}
