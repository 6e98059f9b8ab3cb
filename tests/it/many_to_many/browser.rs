//! Form of a many-to-many relation in a browser.

use serde_json::json;

use super::{add, subject, volume};
use crate::support::{Chromium, Database, TestServer, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkboxes_change_the_list() {
    let mut server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let (art, law) = (subject(&admin, "Art").await, subject(&admin, "Law").await);
    let id = add(&admin, "volume", json!({"title": "A", "subjects": [art]})).await;
    let browser = Chromium::open(&server.url).await;
    browser
        .use_session(admin.token.as_deref().expect("client has a token"))
        .await;
    browser
        .goto(&format!("/admin/settings/volume?edit={id}"))
        .await;
    browser
        .find("head script[src*='/lists.'][data-loaded]")
        .await;
    for key in [&art, &law] {
        let checkbox = format!("#row [name='_listed.subjects.{key}']");
        browser.click(&checkbox).await;
    }
    browser
        .click("#row .pt-drawer-foot [data-kind=solid]")
        .await;
    eventually("the list is saved", async || {
        let stored = volume(&admin, &id).await.json();
        (stored["subjects"] == json!([law])).then_some(())
    })
    .await;
    browser.close().await;
    server.stop().await;
}
