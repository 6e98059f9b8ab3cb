//! All rows that match a list, as the target of an action.

use serde_json::json;

use super::{API, PAGE, total, with_measurements};
use crate::support::{Chromium, CookieClient, Database, eventually, on_both};

on_both!(
    all_matching_rows_are_deleted,
    invalid_selection_names_its_cause,
    too_many_matching_rows_are_not_deleted,
    form_deletes_all_rows_that_match_the_list,
);

async fn all_matching_rows_are_deleted(database: Database) {
    let (server, admin) = with_measurements(database, 30).await;
    let path = format!("{API}/actions/delete");
    let body = json!({"all": true, "filter": {"level": {"gt": 10, "lte": "25"}}});
    let mut wrong = body.clone();
    wrong["confirm"] = json!(14);
    let changed = admin.post(&path, &wrong).await;
    assert_eq!(changed.problem(409, "count_changed")["total"], 15);
    assert_eq!(total(&admin).await, 30);

    let deleted = admin.post(&path, &body).await;
    assert_eq!(deleted.json(), json!({"deleted": 15}), "{}", deleted.text);
    let by_text = json!({"all": true, "search": "s2", "filter": {"level": [2, 26, 3]}});
    let deleted = admin.post(&path, &by_text).await;
    assert_eq!(deleted.json(), json!({"deleted": 2}), "{}", deleted.text);
    let empty =
        json!({"all": true, "filter": {"value": null, "note": {"empty": true}}, "confirm": 13});
    let deleted = admin.post(&path, &empty).await;
    assert_eq!(deleted.json(), json!({"deleted": 13}), "{}", deleted.text);
    drop(server);
}

async fn invalid_selection_names_its_cause(database: Database) {
    let (server, admin) = with_measurements(database, 3).await;
    for (body, code, pointer) in [
        (json!({}), "missing", "/ids"),
        (json!({"all": true}), "missing", "/confirm"),
        (json!({"all": true, "confirm": null}), "missing", "/confirm"),
        (json!({"all": true, "filter": {}}), "missing", "/confirm"),
        (json!({"all": false, "confirm": 3}), "invalid_value", "/all"),
        (json!({"filter": {"level": 1}}), "invalid_value", "/all"),
        (json!({"ids": [1], "all": true}), "not_allowed", "/all"),
        (
            json!({"all": true, "confirm": "3"}),
            "invalid_type",
            "/confirm",
        ),
        (
            json!({"all": true, "filter": []}),
            "invalid_type",
            "/filter",
        ),
        (
            json!({"all": true, "filter": {"nope": 1}}),
            "unknown_field",
            "/filter/nope",
        ),
        (
            json!({"all": true, "filter": {"level": {"like": 1}}}),
            "unknown_operator",
            "/filter/level/like",
        ),
        (
            json!({"all": true, "filter": {"level": {"gt": "1 OR 1=1"}}}),
            "invalid_type",
            "/filter/level/gt",
        ),
        (
            json!({"all": true, "filter": {"level": {"gt": [1, 2]}}}),
            "invalid_type",
            "/filter/level/gt",
        ),
        (
            json!({"all": true, "filter": {"note": {"empty": "maybe"}}}),
            "invalid_value",
            "/filter/note/empty",
        ),
        (
            json!({"ids": [1], "sort": "level"}),
            "unknown_field",
            "/sort",
        ),
    ] {
        let response = admin.post(&format!("{API}/actions/delete"), &body).await;
        let problem = response.json();
        let error = &problem["errors"][0];
        assert_eq!(response.status, 422, "{body} {problem}");
        assert_eq!(error["pointer"], pointer, "{body} {problem}");
        assert_eq!(error["code"], code, "{body} {problem}");
    }
    assert_eq!(total(&admin).await, 3);
    drop(server);
}

async fn too_many_matching_rows_are_not_deleted(database: Database) {
    let (server, admin) = with_measurements(database, 10_002).await;
    let body = json!({"all": true, "filter": {"level": {"gte": 2}}});
    let response = admin.post(&format!("{API}/actions/delete"), &body).await;
    let problem = response.problem(422, "invalid_parameters");
    assert_eq!(problem["errors"][0]["code"], "too_long", "{problem}");
    assert_eq!(total(&admin).await, 10_002);
    drop(server);
}

async fn form_deletes_all_rows_that_match_the_list(database: Database) {
    let (server, admin) = with_measurements(database, 60).await;
    let list = "filter%5Blevel%5D%5Bgt%5D=20";
    let page = admin.page(&format!("{PAGE}?{list}")).await;
    assert!(page.text.contains("All 40 that match"), "{}", page.text);
    let mut client = CookieClient::of(&server.url, &admin);
    let mut form = async |path: &str, fields: &[(&str, &str)]| {
        let path = format!("{PAGE}/actions/delete{path}?{list}");
        client.submit(&path, fields).await
    };
    let question = form("/confirm", &[("select", "all"), ("id", "21")]).await;
    assert!(
        question.text.contains("Delete 40 measurements?") && question.text.contains("and 20 more"),
        "{}",
        question.text
    );
    let stale = form("", &[("select", "all"), ("confirm", "39")]).await;
    assert_eq!(stale.status, 303, "{}", stale.text);
    assert_eq!(total(&admin).await, 60);
    let done = form("", &[("select", "all"), ("confirm", "40")]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert_eq!(total(&admin).await, 20);
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_matching_rows_are_selected_in_the_browser() {
    let (server, admin) = with_measurements(Database::Sqlite, 25).await;
    let browser = Chromium::open(&server.url).await;
    let token = admin.token.as_deref().expect("client has a token");
    browser.use_session(token).await;
    browser.goto(&format!("{PAGE}?search=S")).await;
    browser.click("[data-select-all]").await;
    browser.click("[data-select-matching]").await;
    browser.see("25 selected").await;
    // Choosing single rows again ends the selection of all.
    browser.click("tbody tr:first-child [data-select]").await;
    browser.see("9 selected").await;
    browser.click("[data-select-matching]").await;
    browser.click(".pt-bulk [type=submit]").await;
    browser.find("#delete-rows").await;
    browser
        .click("#delete-rows .pt-drawer-foot [type=submit]")
        .await;
    eventually("all rows are deleted", async || {
        (total(&admin).await == 0).then_some(())
    })
    .await;
    browser.close().await;
    drop(server);
}
