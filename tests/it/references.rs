//! References in lists and forms: labels, choices, and the search of rows.

use serde_json::json;

use crate::support::{Chromium, Client, Database, TestServer, eventually, on_both};

on_both!(
    list_shows_the_label_of_a_visible_row,
    options_are_the_visible_rows_that_match,
);

async fn add(client: &Client, model: &str, row: serde_json::Value) -> String {
    let response = client
        .post(&format!("/api/admin/models/{model}"), &row)
        .await;
    assert_eq!(response.status, 201, "{}", response.text);
    response.json()["id"].to_string()
}

/// Adds more plans than a form lists as options.
async fn add_many_plans(admin: &Client) {
    for number in 0..101 {
        add(admin, "plan", json!({"name": format!("Plan {number:03}")})).await;
    }
}

/// Signs in a user who may view articles, but not plans.
async fn editor(server: &TestServer, admin: &Client) -> Client {
    let editor = server.sign_in("ed@example.com").await;
    let me = editor.get("/api/auth/me").await.json();
    let path = format!("/api/users/{}", me["id"].as_str().expect("an id"));
    let response = admin.patch(&path, &json!({"user_type": "EDITOR"})).await;
    assert_eq!(response.status, 200, "{}", response.text);
    editor
}

async fn list_shows_the_label_of_a_visible_row(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let editor = editor(&server, &admin).await;
    let plan = add(&admin, "plan", json!({"name": "Gold <plan>"})).await;
    let article =
        json!({"title": "One", "plan": plan.parse::<i64>().expect("a number"), "secret": "s"});
    let id = add(&admin, "article", article).await;

    let label = "Gold &lt;plan&gt;";
    for path in ["/admin/settings/article", "/admin/settings/article?edit="] {
        let path = match path.ends_with('=') {
            true => format!("{path}{id}"),
            false => path.to_owned(),
        };
        let page = admin.page(&path).await;
        assert!(page.text.contains(label), "{path}: {}", page.text);
        let page = editor.page(&path).await;
        assert_eq!(page.status, 200);
        assert!(
            page.text.contains("One") && !page.text.contains(label),
            "{path}"
        );
    }
    server.stop().await;
}

async fn options_are_the_visible_rows_that_match(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let editor = editor(&server, &admin).await;
    let plan = add(&admin, "plan", json!({"name": "Gold"})).await;
    add_many_plans(&admin).await;
    let path = "/api/admin/models/plan/options";
    let found = admin.get(&format!("{path}?q=GOL")).await.json();
    assert_eq!(found, json!([{"value": plan, "label": "Gold"}]));
    let all = admin.get(path).await.json();
    assert_eq!(all.as_array().map(Vec::len), Some(20));
    for text in ["%25", "_", "'", "Gold%27%20OR%201=1"] {
        let found = admin.get(&format!("{path}?q={text}")).await;
        assert_eq!(found.status, 200, "{text}: {}", found.text);
    }
    editor.get(path).await.problem(403, "forbidden");
    server.guest().get(path).await.problem(401, "unauthorized");
    // Without scripts, the field takes the key; the form shows the label of the current row.
    let article =
        json!({"title": "Two", "plan": plan.parse::<i64>().expect("a number"), "secret": "s"});
    let id = add(&admin, "article", article).await;
    let form = admin
        .page(&format!("/admin/settings/article?edit={id}"))
        .await;
    let source = "data-source=\"/api/admin/models/plan/options\"";
    assert!(
        form.text.contains(source) && form.text.contains("data-text=\"Gold\""),
        "{}",
        form.text
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_is_found_and_saved_by_keyboard() {
    let mut server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let plan = add(&admin, "plan", json!({"name": "Zephyr"})).await;
    let plan: i64 = plan.parse().expect("the key is a number");
    add_many_plans(&admin).await;
    let browser = Chromium::open(&server.url).await;
    browser
        .use_session(admin.token.as_deref().expect("client has a token"))
        .await;
    browser.goto("/admin/settings/article?new=1").await;
    browser
        .find("head script[src*='/lists.'][data-loaded]")
        .await;
    browser.fill("#row [name=title]", "Three").await;
    browser.fill("#row [name=secret]", "s").await;
    let field = "#row #f-plan[role=combobox]";
    browser.find(field).await;
    browser.fill(field, "zeph").await;
    browser.find("[role=option][aria-selected=true]").await;
    browser.press("Enter").await;
    browser
        .click("#row .pt-drawer-foot [data-kind=solid]")
        .await;
    eventually("the article refers to the plan", async || {
        let rows = admin.get("/api/admin/models/article").await.json();
        (rows["items"][0]["plan"] == plan).then_some(())
    })
    .await;
    eventually("the list shows the label", async || {
        let text = browser
            .script("return document.querySelector('#live-rows').innerText")
            .await;
        text.as_str()
            .is_some_and(|it| it.contains("Zephyr"))
            .then_some(())
    })
    .await;
    browser.close().await;
    server.stop().await;
}
