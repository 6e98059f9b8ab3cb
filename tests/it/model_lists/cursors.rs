//! Pages by cursor: order, neighbors, totals, and invalid cursors.

use serde_json::{Value, json};

use super::{API, PAGE, total, with_measurements};
use crate::support::{Chromium, Client, Database, attributes, on_both};

on_both!(
    every_row_is_on_one_page_in_both_directions,
    page_remains_valid_when_rows_come_and_go,
    long_values_do_not_lengthen_the_cursor,
    invalid_cursor_is_rejected,
    long_list_is_estimated_and_paginated_by_cursor,
);

/// Sort orders with ties, missing values and mixed directions.
const ORDERS: [&str; 9] = [
    "",
    "id",
    "-id",
    "level",
    "-level,station",
    "value",
    "-value",
    "-value,taken_on,-outcome",
    "outcome,-value,taken_on",
];

/// Returns the server with 97 rows whose values often repeat or are missing.
async fn with_repeating_values(database: Database) -> (crate::support::TestServer, Client) {
    let (server, admin) = with_measurements(database, 97).await;
    let update = "UPDATE measurement SET \
         value = CASE WHEN id % 3 = 0 THEN NULL ELSE (id * 7) % 5 END, \
         level = (id * 11) % 4, \
         taken_on = CASE WHEN id % 4 = 0 THEN NULL WHEN id % 4 = 1 THEN '2026-05-01' \
             ELSE '2026-05-02' END, \
         outcome = CASE WHEN id % 2 = 0 THEN 'failed' ELSE 'passed' END";
    let update = match database {
        Database::Sqlite => update.to_owned(),
        Database::Postgres => update
            .replace("END,              outcome", "END::date, outcome")
            .replace("ELSE '2026-05-02' END", "ELSE '2026-05-02' END::date"),
    };
    assert_eq!(server.sql(update).await, 97);
    (server, admin)
}

/// Returns the ids of the rows in a response.
fn ids(page: &Value) -> Vec<i64> {
    let items = page["items"].as_array().expect("there are items");
    let ids = items.iter().map(|item| item["id"].as_i64());
    ids.map(|id| id.expect("the id is a number")).collect()
}

/// Reads all pages by following the cursors with a name.
async fn walk(client: &Client, query: &str, start: &str, next: &str) -> Vec<Vec<i64>> {
    let mut pages = Vec::new();
    let mut cursor = start.to_owned();
    loop {
        let path = format!("{API}?{query}&per_page=10&cursor={cursor}");
        let response = client.get(&path).await;
        let page = response.json();
        assert_eq!(response.status, 200, "{path} {page}");
        pages.push(ids(&page));
        assert!(pages.len() < 20, "the pages end: {path}");
        match page[next].as_str() {
            Some(text) => text.clone_into(&mut cursor),
            None => return pages,
        }
    }
}

async fn every_row_is_on_one_page_in_both_directions(database: Database) {
    let (server, admin) = with_repeating_values(database).await;
    for filter in ["", "&filter[level][ne]=2&search=s"] {
        for order in ORDERS {
            let query = format!("sort={order}{filter}");
            let mut expected = Vec::new();
            for number in 1..=10 {
                let path = format!("{API}?{query}&per_page=10&page={number}");
                expected.extend(ids(&admin.get(&path).await.json()));
            }
            assert!(expected.len() > 60, "{query}");
            let forward = walk(&admin, &query, "", "next_cursor").await;
            assert_eq!(forward.concat(), expected, "{query}");
            let mut backward = walk(&admin, &query, "last", "previous_cursor").await;
            assert!(backward.iter().all(|page| page.len() == 10), "{query}");
            backward.reverse();
            let first = backward.remove(0);
            let rest = backward.concat();
            assert_eq!(first, expected[..10], "{query}");
            assert_eq!(rest, expected[expected.len() - rest.len()..], "{query}");
            assert!(rest.len() + 10 >= expected.len(), "{query}");
        }
    }
    drop(server);
}

async fn page_remains_valid_when_rows_come_and_go(database: Database) {
    let (server, admin) = with_measurements(database, 40).await;
    let query = format!("{API}?sort=-level&per_page=10&cursor=");
    let first = admin.get(&query).await.json();
    assert_eq!(ids(&first), (31..=40).rev().collect::<Vec<_>>());
    let next = first["next_cursor"].as_str().expect("there is a next page");
    // The last row of the page is deleted, and a row is added before the page.
    let delete = "DELETE FROM measurement WHERE level IN (31, 28)".to_owned();
    server.sql(delete).await;
    let row = json!({"station": "new", "level": 99});
    let added = admin.post(API, &row).await;
    assert_eq!(added.status, 201);
    let second = admin.get(&format!("{query}{next}")).await.json();
    let expected: Vec<i64> = (20..=30).rev().filter(|id| *id != 28).collect();
    assert_eq!(ids(&second), expected);
    let previous = second["previous_cursor"].as_str().expect("there is a page");
    let before = admin.get(&format!("{query}{previous}")).await.json();
    let mut expected = vec![added.json()["id"].as_i64().expect("an id")];
    expected.extend((32..=40).rev());
    assert_eq!(ids(&before), expected);
    assert_eq!(before["previous_cursor"], Value::Null);
    drop(server);
}

async fn long_values_do_not_lengthen_the_cursor(database: Database) {
    let (server, admin) = with_measurements(database, 30).await;
    let long = "x".repeat(5000);
    server
        .sql(format!("UPDATE measurement SET note = '{long}' || station"))
        .await;
    let query = format!("{API}?sort=note&per_page=10&cursor=");
    let first = admin.get(&query).await.json();
    let next = first["next_cursor"].as_str().expect("there is a next page");
    assert!(next.len() < 200, "{next}");
    let second = admin.get(&format!("{query}{next}")).await.json();
    assert_eq!(ids(&second).len(), 10);
    assert!(ids(&second).iter().all(|id| !ids(&first).contains(id)));
    // Without the row, its place in the order is unknown.
    let last = ids(&first)[9];
    server
        .sql(format!("DELETE FROM measurement WHERE id = {last}"))
        .await;
    let lost = admin.get(&format!("{query}{next}")).await;
    lost.problem(404, "row_not_found");
    let page = admin.page(&format!("{PAGE}?sort=note&cursor={next}")).await;
    assert_eq!(page.status, 200);
    drop(server);
}

async fn invalid_cursor_is_rejected(database: Database) {
    let (server, admin) = with_measurements(database, 30).await;
    let first = admin.get(&format!("{API}?sort=level&cursor=")).await.json();
    let next = first["next_cursor"].as_str().expect("there is a next page");
    // {"s":"level","k":"x' OR 1=1","v":[1],"b":false}
    let wrong_key = "eyJzIjoibGV2ZWwiLCJrIjoieCcgT1IgMT0xIiwidiI6WzFdLCJiIjpmYWxzZX0";
    // {"s":"level","k":1,"v":[],"b":false}
    let no_value = "eyJzIjoibGV2ZWwiLCJrIjoxLCJ2IjpbXSwiYiI6ZmFsc2V9";
    for query in [
        format!("sort=-level&cursor={next}"),
        format!("sort=level,station&cursor={next}"),
        format!("sort=level&cursor={}", &next[1..]),
        format!("sort=level&cursor={wrong_key}"),
        format!("sort=level&cursor={no_value}"),
        "cursor=%01".to_owned(),
        "cursor=1'%20OR%201=1".to_owned(),
        format!("sort=level&page=2&cursor={next}"),
    ] {
        let problem = admin.get(&format!("{API}?{query}")).await;
        let problem = problem.problem(422, "invalid_parameters");
        assert_eq!(problem["errors"][0]["pointer"], "/cursor", "{query}");
        // The page ignores the cursor and states why.
        let page = admin.page(&format!("{PAGE}?{query}")).await;
        assert_eq!(page.status, 200, "{query}");
    }
    drop(server);
}

async fn long_list_is_estimated_and_paginated_by_cursor(database: Database) {
    let (server, admin) = with_measurements(database, 12_345).await;
    server.sql("ANALYZE".to_owned()).await;
    let page = admin.get(&format!("{API}?cursor=")).await.json();
    let (shown, accuracy, number) = match database {
        Database::Sqlite => ("More than 10,000 rows", "minimum", 10_000),
        Database::Postgres => ("About 12,000 rows", "estimate", 12_345),
    };
    assert_eq!(page["total_accuracy"], accuracy);
    assert_eq!(page["total"], number);
    // A list with page numbers counts all rows.
    assert_eq!(total(&admin).await, 12_345);

    let page = admin.page(&format!("{PAGE}?sort=level")).await;
    assert!(page.text.contains(shown), "{}", page.text);
    let links = attributes(&page.text, ".pt-pages a", "href");
    let last = links.last().expect("there is a link to the last page");
    let page = admin.page(last).await;
    assert!(page.text.contains(">12345<") || page.text.contains("S12345"));
    let few = admin.page(&format!("{PAGE}?filter[level][gt]=12300")).await;
    assert!(few.text.contains("1–10 of 45"), "{}", few.text);
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_pages_through_a_long_list_in_the_browser() {
    let (server, admin) = with_measurements(Database::Sqlite, 10_100).await;
    let browser = Chromium::open(&server.url).await;
    let token = admin.token.as_deref().expect("client has a token");
    browser.use_session(token).await;
    browser.goto(&format!("{PAGE}?sort=-level")).await;
    browser.see("S10100").await;
    browser.click(".pt-pages a:nth-last-of-type(2)").await;
    browser.see("S10090").await;
    // The drawer keeps the position.
    browser.click("tbody tr:first-child .pt-row-link").await;
    browser.find("#row").await;
    browser.press("Escape").await;
    browser.see("S10090").await;
    browser.click(".pt-pages a:last-of-type").await;
    browser.find("tr[id='measurements-1']").await;
    browser.close().await;
    drop(server);
}
