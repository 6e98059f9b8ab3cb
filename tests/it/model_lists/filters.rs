//! Filters and sorting in lists: operators, relative dates, references, and the forms in the browser.

use serde_json::{Value, json};

use super::{API, PAGE, with_measurements};
use crate::support::{Chromium, Client, CookieClient, Database, attributes, form, on_both};

on_both!(
    empty_and_prefix_filters_select_rows,
    relative_dates_follow_the_current_date,
    reference_is_filtered_by_label,
    invalid_filters_are_rejected,
    headers_sort_by_several_columns,
);

async fn levels(client: &Client, query: &str) -> Vec<i64> {
    let path = format!("{API}?sort=level&per_page=50&{query}");
    let response = client.get(&path).await;
    assert_eq!(response.status, 200, "{query} {}", response.text);
    let items = response.json()["items"].clone();
    let items = items.as_array().expect("there are items");
    let levels = items.iter().map(|item| item["level"].as_i64());
    levels.map(|level| level.expect("a number")).collect()
}

async fn add(client: &Client, model: &str, row: Value) -> Value {
    let response = client
        .post(&format!("/api/admin/models/{model}"), &row)
        .await;
    assert_eq!(response.status, 201, "{}", response.text);
    response.json()
}

async fn empty_and_prefix_filters_select_rows(database: Database) {
    let (server, admin) = with_measurements(database, 0).await;
    for row in [
        json!({"station": "Ärzte", "level": 1, "note": ""}),
        json!({"station": "ärger", "level": 2, "note": null, "value": 3}),
        json!({"station": "50%_x", "level": 3, "note": "text"}),
        json!({"station": "Bärte", "level": 4, "note": "it's"}),
    ] {
        add(&admin, "measurement", row).await;
    }
    for (query, expected) in [
        ("filter[note][empty]=true", vec![1, 2]),
        ("filter[note][empty]=false", vec![3, 4]),
        ("filter[value][empty]=true", vec![1, 3, 4]),
        ("filter[value][empty]=false", vec![2]),
        ("filter[station][starts_with]=50%25_", vec![3]),
        ("filter[station][starts_with]=%25", vec![]),
        ("filter[station][starts_with]=b%C3%A4", vec![4]),
        ("filter[station][starts_with]=", vec![1, 2, 3, 4]),
        ("filter[note][starts_with]=it's", vec![4]),
    ] {
        assert_eq!(levels(&admin, query).await, expected, "{query}");
    }
    drop(server);
}

async fn relative_dates_follow_the_current_date(database: Database) {
    let (server, admin) = with_measurements(database, 0).await;
    let today = chrono::Utc::now().date_naive();
    for days in [0_i64, 1, 6, 7, 40, -1] {
        let date = today - chrono::TimeDelta::days(days);
        let row = json!({"station": "S", "level": days, "taken_on": date.to_string()});
        add(&admin, "measurement", row).await;
    }
    for (query, expected) in [
        ("filter[taken_on]=today", vec![0]),
        (
            "filter[taken_on][gte]=today-6d&filter[taken_on][lt]=today%2B1d",
            vec![0, 1, 6],
        ),
        ("filter[taken_on][in]=today,today-1w", vec![0, 7]),
        ("filter[taken_on][gt]=today", vec![-1]),
    ] {
        assert_eq!(levels(&admin, query).await, expected, "{query}");
    }
    // A value of a row is a date, not a rule.
    let row = json!({"station": "S", "level": 1, "taken_on": "today-6d"});
    let response = admin.post(API, &row).await;
    response.problem(422, "invalid_parameters");
    drop(server);
}

async fn reference_is_filtered_by_label(database: Database) {
    let (server, admin) = with_measurements(database, 0).await;
    let mut suppliers = Vec::new();
    for name in ["Acme & Söhne", "Bolt"] {
        suppliers.push(add(&admin, "supplier", json!({"name": name})).await["id"].clone());
    }
    let path = "/admin/settings/supplier?add_filter=parent_id";
    let page = admin.page(path).await;
    assert!(
        page.text.contains(">Acme &amp; Söhne</option>"),
        "{}",
        page.text
    );
    let child = json!({"name": "Child", "parent_id": suppliers[0]});
    add(&admin, "supplier", child).await;
    let fields = [
        ("_field", "parent_id"),
        ("_operator", "eq"),
        ("_value", &suppliers[0].to_string()),
    ];
    let mut client = CookieClient::of(&server.url, &admin);
    let sent = client
        .page(&format!("/admin/settings/supplier?{}", form(&fields)))
        .await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let list = client.page(sent.location()).await;
    assert!(
        list.text.contains("Parent: Acme &amp; Söhne"),
        "{}",
        list.text
    );
    assert_eq!(attributes(&list.text, "tbody tr", "id").len(), 1);
    drop(server);
}

async fn invalid_filters_are_rejected(database: Database) {
    let (server, admin) = with_measurements(database, 1).await;
    let many = (0..31).map(|n| format!("filter[level][ne]={n}"));
    let many = many.collect::<Vec<_>>().join("&");
    let long = format!("filter[level][in]={}", vec!["1"; 201].join(","));
    for (query, code) in [
        ("filter[note][empty]=maybe", "invalid_value"),
        ("filter[level][empty]=true", "not_allowed"),
        ("filter[level][starts_with]=1", "not_allowed"),
        ("filter[taken_on][gte]=today-6x", "invalid_type"),
        ("filter[taken_on][gte]=today-99999d", "invalid_type"),
        ("filter[taken_on][gte]=today%2B9999y", "invalid_type"),
        (many.as_str(), "too_long"),
        (long.as_str(), "too_long"),
    ] {
        let response = admin.get(&format!("{API}?{query}")).await;
        let problem = response.problem(422, "invalid_parameters");
        assert_eq!(problem["errors"][0]["code"], code, "{query} {problem}");
        let page = admin.page(&format!("{PAGE}?{query}")).await;
        assert_eq!(page.status, 200, "{query}");
        // The page uses only the first value of a parameter.
        let is_single = query != many;
        assert_eq!(page.text.contains("ignored"), is_single, "{query}");
    }
    drop(server);
}

async fn headers_sort_by_several_columns(database: Database) {
    let (server, admin) = with_measurements(database, 6).await;
    server
        .sql("UPDATE measurement SET value = id % 2".to_owned())
        .await;
    let page = admin.page(&format!("{PAGE}?sort=-value")).await;
    let also = attributes(&page.text, "[data-also-sort]", "href");
    let also = also.iter().find(|href| href.contains("level"));
    let both = also.expect("another column can be added");
    let page = admin.page(both).await;
    let rows = attributes(&page.text, "tbody tr", "id");
    let expected = [1, 3, 5, 2, 4, 6].map(|id| format!("measurements-{id}"));
    assert_eq!(rows, expected);
    assert!(page.text.contains("Sort column </span>2"), "{}", page.text);
    // The link of a sorted column first reverses its direction and then removes it.
    let links = attributes(&page.text, "[data-also-sort]", "href");
    let reversed = links.iter().find(|href| href.ends_with("-value%2C-level"));
    let page = admin
        .page(reversed.expect("the direction can be reversed"))
        .await;
    let rows = attributes(&page.text, "tbody tr", "id");
    let expected = [5, 3, 1, 6, 4, 2].map(|id| format!("measurements-{id}"));
    assert_eq!(rows, expected);
    let links = attributes(&page.text, "[data-also-sort]", "href");
    assert!(
        links.iter().any(|href| href.ends_with("sort=-value")),
        "{links:?}"
    );
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_are_built_changed_and_removed_in_the_browser() {
    let (server, admin) = with_measurements(Database::Sqlite, 60).await;
    let browser = Chromium::open(&server.url).await;
    let token = admin.token.as_deref().expect("client has a token");
    browser.use_session(token).await;
    browser.goto(PAGE).await;
    browser
        .find("head script[src*='/lists.'][data-loaded]")
        .await;
    browser.click("[data-adds-filter]").await;
    browser.choose("[data-filter] [name=_field]", "level").await;
    browser
        .find("[data-filter] [name=_operator] [value=between]")
        .await;
    browser
        .choose("[data-filter] [name=_operator]", "between")
        .await;
    browser.fill("[data-filter] [name=_value]", "10").await;
    browser.fill("[data-filter] [name=_to]", "12").await;
    browser.press("Enter").await;
    browser.see("Level: 10 – 12").await;
    browser.see("1–3 of 3").await;
    // The chip opens the form with the present values.
    browser.click(".pt-chip [data-part=edit]").await;
    browser.find("[data-filter] [name=_to][value='12']").await;
    browser.fill("[data-filter] [name=_to]", "20").await;
    browser.press("Enter").await;
    browser.see("Level: 10 – 20").await;
    browser.see("1–10 of 11").await;
    browser.click("[data-adds-filter]").await;
    browser
        .choose("[data-filter] [name=_field]", "taken_on")
        .await;
    browser
        .find("[data-filter] [value='preset:last_7_days']")
        .await;
    browser
        .choose("[data-filter] [name=_operator]", "preset:last_7_days")
        .await;
    browser.click("[data-filter] [data-kind=solid]").await;
    browser.see("Taken on: in the last 7 days").await;
    browser.see("Level: 10 – 20").await;
    browser.click(".pt-chip:nth-of-type(2) a:last-child").await;
    browser.see("1–10 of 11").await;
    // Shift-click adds a column to the order.
    browser
        .script(
            "document.querySelector('th:has([data-also-sort]) a').dispatchEvent(\
             new MouseEvent('click', {bubbles: true, cancelable: true, shiftKey: true}))",
        )
        .await;
    browser.find(".pt-rank").await;
    browser.close().await;
    drop(server);
}
