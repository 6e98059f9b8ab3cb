//! Forms, lists and record pages of many-to-many relations.

use serde_json::json;

use super::{add, change, hidden, member, models, subject, submit, volume};
use crate::support::{Database, TestServer, on_both};

on_both!(
    form_offers_rows_as_checkboxes_and_saves_the_list,
    form_with_many_rows_adds_one_by_key,
    list_and_record_link_to_related_rows,
);

const PAGE: &str = "/admin/settings/volume";

/// Returns the value of a hidden or text field of a page.
fn value_of(page: &str, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&marker).expect("the field is rendered");
    rest.split('"').next().unwrap_or_default().to_owned()
}

async fn form_offers_rows_as_checkboxes_and_saves_the_list(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let sales = member(&server, &admin, "SALES").await;
    let (art, law) = (subject(&admin, "Art").await, subject(&admin, "Law").await);
    let secret = hidden(&server).await;
    let id = add(&admin, "volume", json!({"title": "A"})).await;
    let stored = models(&server);
    let key = id.as_i64().expect("a number");
    let row = stored.get::<super::Volume>(key).await.expect("read");
    let mut row = row.expect("the row exists");
    row.subjects = vec![secret, law.as_i64().expect("a number")].into();
    stored.update(&row).await.expect("updated");

    let page = sales.page(&format!("{PAGE}?edit={id}")).await;
    assert!(
        page.text.contains("Law") && !page.text.contains("secret"),
        "{}",
        page.text
    );
    let (version, was) = (
        value_of(&page.text, "_version"),
        value_of(&page.text, "_was.subjects"),
    );
    let (art_name, secret_name) = (
        format!("_listed.subjects.{art}"),
        format!("_listed.subjects.{secret}"),
    );
    let fields = [
        ("_version", version.as_str()),
        ("_was.subjects", was.as_str()),
        ("title", "A"),
        (art_name.as_str(), "1"),
        (secret_name.as_str(), "1"),
    ];
    let path = format!("{PAGE}/rows/{id}/update");
    let saved = submit(&sales, &path, &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let stored = volume(&admin, &id).await.json();
    assert_eq!(stored["subjects"], json!([art, secret]));
    // A form with an old version reports the conflict.
    change(&admin, &id, json!({"subjects": [law]})).await;
    let stale = submit(&sales, &path, &fields).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    server.stop().await;
}

async fn form_with_many_rows_adds_one_by_key(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let art = subject(&admin, "Art").await;
    for number in 0..101 {
        subject(&admin, &format!("Subject {number:03}")).await;
    }
    let law = subject(&admin, "Law").await;
    let id = add(&admin, "volume", json!({"title": "A", "subjects": [art]})).await;
    let path = format!("{PAGE}/rows/{id}/update");
    let page = admin.page(&format!("{PAGE}?edit={id}")).await.text;
    assert!(
        page.contains("Art") && !page.contains("Subject 050"),
        "{page}"
    );
    assert!(page.contains("data-source=\"/api/admin/models/subject/options\""));
    let (version, was) = (
        value_of(&page, "_version"),
        value_of(&page, "_was.subjects"),
    );
    let (listed, added) = (format!("_listed.subjects.{art}"), law.to_string());
    let fields = [
        ("_version", version.as_str()),
        ("_was.subjects", was.as_str()),
        ("title", "A"),
        (listed.as_str(), "1"),
        ("subjects", added.as_str()),
    ];
    let saved = submit(&admin, &path, &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    assert_eq!(
        volume(&admin, &id).await.json()["subjects"],
        json!([art, law])
    );
    server.stop().await;
}

async fn list_and_record_link_to_related_rows(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let (art, law) = (subject(&admin, "Art").await, subject(&admin, "Law").await);
    let row = json!({"title": "Old book", "subjects": [art, law]});
    let id = add(&admin, "volume", row).await;
    let links = format!(
        "<a href=\"/admin/settings/subject/rows/{art}\">Art</a>, <a href=\"/admin/settings/subject/rows/{law}\">Law</a>"
    );
    let page = admin.page(PAGE).await;
    assert!(page.text.contains(&links), "{}", page.text);
    let record = admin.page(&format!("{PAGE}/rows/{id}")).await;
    assert!(record.text.contains("Art"), "{}", record.text);
    let target = format!("/admin/settings/subject/rows/{art}?tab=volume.subjects");
    let tab = admin.page(&target).await;
    assert!(tab.text.contains("Old book"), "{}", tab.text);
    let filtered = admin.page(&format!("{PAGE}?filter[subjects]={art}")).await;
    assert!(filtered.text.contains("Old book") && filtered.text.contains("Subjects: Art"));
    server.stop().await;
}
