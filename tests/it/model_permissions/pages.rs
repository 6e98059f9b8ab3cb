//! Permissions of pages: lists, forms, live regions, search and the command palette.

use reqwest::Method;
use serde_json::json;

use super::{Caller, DEALS, DEALS_PAGE, Fixture};
use crate::support::{Database, TestResponse, on_both};

on_both!(
    list_shows_permitted_rows_columns_and_buttons,
    form_shows_permitted_fields_and_buttons,
    submitted_forms_follow_the_permissions,
    selected_rows_are_deleted_within_scope,
    submitted_actions_follow_the_permissions,
    search_finds_permitted_rows_by_permitted_fields,
    record_page_shows_permitted_tabs_and_fields,
);

/// Returns the content of a page, without the navigation.
fn main_of(response: &TestResponse) -> &str {
    let main = response.text.split("<main").last().unwrap_or_default();
    main.split("</main>").next().unwrap_or_default()
}

/// Asserts that a page contains a text if and only if `expected` is `true`.
#[track_caller]
fn shows(caller: &Caller, page: &str, text: &str, expected: bool) {
    assert_eq!(
        page.contains(text),
        expected,
        "{} {text}: {page}",
        caller.role
    );
}

async fn list_shows_permitted_rows_columns_and_buttons(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let response = caller.client.page(DEALS_PAGE).await;
        caller.page_status(&response, caller.view, 200);
        let region = caller.client.request(Method::GET, DEALS_PAGE);
        let region = region
            .header("accept", "text/html")
            .header("x-portal-region", "live-rows");
        let region = TestResponse::of(region).await;
        caller.page_status(&region, caller.view, 200);
        let navigation = caller.client.page("/").await.text;
        shows(caller, &navigation, "href=\"/admin/settings\"", caller.view);
        if !caller.view {
            continue;
        }
        assert!(region.text.len() < response.text.len(), "only the region");
        for page in [main_of(&response), region.text.as_str()] {
            shows(caller, page, "Low north", true);
            shows(caller, page, "Middle south", caller.south);
            shows(caller, page, "Margin", caller.finance);
            shows(caller, page, "actions/delete/confirm", caller.delete);
            for (action, may) in caller.actions() {
                shows(caller, page, &format!("actions/{action}/confirm"), may);
            }
        }
        let page = main_of(&response);
        shows(caller, page, "New deal", caller.create);
        shows(caller, page, "/deal/export?", caller.export);
        shows(caller, page, "/settings/company\"", caller.companies);
        shows(caller, page, "/settings/plan\"", caller.role == "ADMIN");
        let sorted = caller
            .client
            .page(&format!("{DEALS_PAGE}?sort=margin"))
            .await;
        let page = main_of(&sorted);
        shows(caller, page, "was ignored", !caller.finance);
        let filtered = format!("{DEALS_PAGE}?filter[margin]=10");
        let filtered = caller.client.page(&filtered).await;
        let page = main_of(&filtered);
        shows(caller, page, "Unknown filter “margin”", !caller.finance);
        shows(caller, page, "High north", !caller.finance);
        let adding = format!("{DEALS_PAGE}?add_filter=name");
        let adding = caller.client.page(&adding).await;
        shows(caller, main_of(&adding), "value=\"margin\"", caller.finance);
        let adding = format!("{DEALS_PAGE}?add_filter=margin");
        let adding = caller.client.page(&adding).await;
        shows(caller, main_of(&adding), "name=\"_value\"", caller.finance);
    }
    fixture.stop().await;
}

async fn form_shows_permitted_fields_and_buttons(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let open = async |parameters: &str| {
            let path = format!("{DEALS_PAGE}?{parameters}");
            caller.client.page(&path).await
        };
        let new = open("new=1").await;
        caller.page_status(&new, caller.create, 200);
        let edit = open(&format!("edit={}", fixture.rows.north)).await;
        caller.page_status(&edit, caller.view, 200);
        let south = open(&format!("edit={}", fixture.rows.south)).await;
        let status = if caller.south { 200 } else { 404 };
        caller.page_status(&south, caller.view, status);
        if caller.view && !caller.create {
            shows(caller, &new.text, "does not allow rows", true);
        }
        if !caller.view {
            continue;
        }
        shows(caller, &south.text, "Middle south", caller.south);
        let page = main_of(&edit);
        let sets = caller.finance && caller.change;
        shows(caller, page, "name=\"name\"", caller.change);
        shows(caller, page, "name=\"discount\"", sets);
        shows(caller, page, "name=\"_shown.discount\"", !sets);
        shows(caller, page, "name=\"margin\"", sets);
        shows(caller, page, "zebra", caller.finance);
        shows(caller, page, "Memo", caller.finance);
        shows(caller, page, ">Save<", caller.change);
        shows(caller, page, "/delete", caller.delete);
        shows(caller, page, "Aurora", caller.companies && caller.change);
        let options = caller.companies && caller.change && caller.south;
        shows(caller, page, "Penguin", options);
        if caller.create {
            let page = main_of(&new);
            shows(caller, page, "name=\"name\"", true);
            shows(caller, page, "name=\"discount\"", caller.finance);
            shows(caller, page, "Margin", caller.finance);
            shows(caller, page, "Aurora", true);
            shows(caller, page, "Penguin", caller.south);
        }
    }
    fixture.stop().await;
}

async fn submitted_forms_follow_the_permissions(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let role = caller.role;
        let name = format!("{role} added");
        // A browser sends only the fields of the form; this request contains all of them.
        let fields = [
            ("name", name.as_str()),
            ("region", "north"),
            ("discount", "7"),
            ("margin", "7"),
            ("memo", "m"),
        ];
        let create = "/admin/settings/deal/create";
        let added = caller.submit(create, &fields).await;
        caller.page_status(&added, caller.create, 303);
        let filter = format!("{DEALS}?filter[name]={name}");
        let stored = fixture.admin.get(&filter).await.json();
        assert_eq!(stored["total"], u32::from(caller.create), "{role}");
        if caller.create {
            let row = &stored["items"][0];
            let expected = if caller.finance { 7 } else { 0 };
            assert_eq!(row["discount"], expected, "{role}");
            assert_eq!(row["margin"] == 7, caller.finance, "{role}");
            let name = format!("{role} leaves");
            let leaving = [("name", name.as_str()), ("region", "south")];
            let response = caller.submit(create, &leaving).await;
            caller.page_status(&response, caller.south, 303);
        }
        let convert = caller.submit("/admin/settings/deal/convert", &fields).await;
        caller.page_status(&convert, caller.create, 200);

        for (region, in_scope) in [("north", true), ("south", caller.south)] {
            let id = fixture.deal(&format!("{role} {region}"), region).await;
            let rows = format!("/admin/settings/deal/rows/{id}");
            let convert = caller.submit(&format!("{rows}/convert"), &[]).await;
            caller.page_status(&convert, caller.change, 200);
            let shows_margin = convert.text.contains("name=\"margin\"");
            assert_eq!(shows_margin, caller.finance && caller.change, "{role}");

            let name = format!("{role} {region} changed");
            let mut change = fields;
            change[0] = ("name", &name);
            let change = [&change[..], &[("_version", "1")]].concat();
            let response = caller.submit(&format!("{rows}/update"), &change).await;
            let status = if in_scope { 303 } else { 404 };
            caller.page_status(&response, caller.change, status);
            let row = fixture.stored(&id).await;
            let is_changed = caller.change && in_scope;
            assert_eq!(row["name"] == name, is_changed, "{role}");
            assert_eq!(row["discount"] == 7, is_changed && caller.finance, "{role}");
            assert_eq!(row["margin"] == 7, is_changed && caller.finance, "{role}");
            if is_changed {
                let conflict = [("name", "x"), ("_was.name", "y"), ("_version", "1")];
                let response = caller.submit(&format!("{rows}/update"), &conflict).await;
                assert_eq!(response.status, 412, "{role}");
                shows(caller, main_of(&response), "Margin", caller.finance);
            }

            let version = if is_changed { "2" } else { "1" };
            let delete = [("_version", version)];
            let response = caller.submit(&format!("{rows}/delete"), &delete).await;
            caller.page_status(&response, caller.delete, 303);
            let is_stored = fixture.is_stored(&id).await;
            assert_eq!(is_stored, !(caller.delete && in_scope), "{role} {region}");
        }
    }
    fixture.stop().await;
}

async fn selected_rows_are_deleted_within_scope(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let role = caller.role;
        let north = fixture.deal(&format!("{role} selected n"), "north").await;
        let south = fixture.deal(&format!("{role} selected s"), "south").await;
        let ids = [("id", north.as_str()), ("id", south.as_str())];
        let action = "/admin/settings/deal/actions/delete";
        let confirm = caller.submit(&format!("{action}/confirm"), &ids).await;
        caller.page_status(&confirm, caller.delete, 200);
        if caller.delete {
            let question = format!("{role} selected s");
            shows(caller, main_of(&confirm), &question, caller.south);
        }
        let deleted = caller.submit(action, &ids).await;
        caller.page_status(&deleted, caller.delete, 303);
        let stored = [
            fixture.is_stored(&north).await,
            fixture.is_stored(&south).await,
        ];
        assert_eq!(
            stored,
            [!caller.delete, !(caller.delete && caller.south)],
            "{role}"
        );
    }
    fixture.stop().await;
}

async fn submitted_actions_follow_the_permissions(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let id = fixture
            .deal(&format!("{} acts", caller.role), "north")
            .await;
        for (action, may) in caller.actions() {
            let fields = [("id", id.as_str())];
            let path = format!("{DEALS_PAGE}/actions/{action}");
            let confirmed = caller.submit(&format!("{path}/confirm"), &fields).await;
            caller.page_status(&confirmed, may, 303);
            let run = caller.submit(&path, &fields).await;
            caller.page_status(&run, may, 303);
        }
        let stored = fixture.stored(&id).await;
        let [flag, review] = caller.actions().map(|(_, may)| may);
        assert_eq!(stored["discount"] == 42, flag, "{}", caller.role);
        assert_eq!(stored["memo"] == "reviewed", review, "{}", caller.role);
    }
    fixture.stop().await;
}

async fn search_finds_permitted_rows_by_permitted_fields(database: Database) {
    let fixture = Fixture::start(database).await;
    let row = |id: &str| format!("/settings/deal/rows/{id}\"");
    let (north, south) = (row(&fixture.rows.north), row(&fixture.rows.south));
    for caller in &fixture.callers {
        for path in ["/palette", "/search"] {
            let search = async |text: &str| {
                let response = caller.client.page(&format!("{path}?q={text}")).await;
                assert_eq!(response.status, 200);
                main_of(&response).to_owned()
            };
            let found = search("north").await;
            shows(caller, &found, &north, caller.view);
            let found = search("south").await;
            shows(caller, &found, &south, caller.view && caller.south);
            let found = search("zebra").await;
            shows(caller, &found, &north, caller.finance);
            let found = search("penguin").await;
            let companies = caller.companies && caller.south;
            shows(caller, &found, "/settings/company/rows/", companies);
            let found = search("deal").await;
            shows(caller, &found, "/settings/deal\"", caller.view);
            shows(caller, &found, "/settings/deal?new=1", caller.create);
        }
    }
    fixture.stop().await;
}

async fn record_page_shows_permitted_tabs_and_fields(database: Database) {
    let fixture = Fixture::start(database).await;
    let company = format!(
        "/admin/settings/company/rows/{}",
        fixture.rows.north_company
    );
    let deal = |id: &str| format!("{DEALS_PAGE}/rows/{id}");
    let path = format!("{DEALS}/{}", fixture.rows.north);
    let change = json!({"name": "Low north", "margin": 11, "company_id": null});
    let changed = fixture.admin.request(Method::PATCH, &path);
    let changed = TestResponse::of(changed.header("if-match", "*").json(&change)).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    for caller in &fixture.callers {
        let open = async |path: &str| caller.client.page(path).await;
        let record = open(&deal(&fixture.rows.north)).await;
        caller.page_status(&record, caller.view, 200);
        let south = open(&deal(&fixture.rows.south)).await;
        let status = if caller.south { 200 } else { 404 };
        caller.page_status(&south, caller.view, status);
        let history = open(&format!("{}?tab=history", deal(&fixture.rows.north))).await;
        caller.page_status(&history, caller.view, 200);
        let related = open(&format!("{company}?tab=deal.company_id")).await;
        caller.page_status(&related, caller.companies, 200);
        if !caller.view {
            continue;
        }
        let page = main_of(&record);
        shows(caller, page, "<h1>Low north</h1>", true);
        shows(caller, page, "Margin", caller.finance);
        shows(caller, page, "/delete", caller.delete);
        shows(caller, page, ">Save<", caller.change);
        let page = main_of(&history);
        shows(caller, page, "Created", true);
        shows(caller, page, "10 → 11", caller.finance);
        shows(caller, page, "zebra", caller.finance);
        // The label of the company belongs to another model.
        shows(caller, page, ">Aurora</a>", caller.companies);
        shows(caller, main_of(&south), "Middle south", caller.south);
        if caller.companies {
            let page = main_of(&related);
            shows(caller, page, "High north", true);
            shows(caller, page, "Low north", false);
            shows(caller, page, "Middle south", caller.south);
            shows(caller, page, "new=1", caller.create);
        }
    }
    fixture.stop().await;
}
