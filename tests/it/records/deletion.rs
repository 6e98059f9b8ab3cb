//! Deletion of a record that others refer to: rules, permissions, and their confirmation.

use portal_core::prelude::Models;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Division, add, add_desk, add_office, add_region, member, number, row, submit};
use crate::support::{Client, Database, TestResponse, TestServer, on_both};

on_both!(
    rules_delete_rows_and_empty_references,
    restricted_deletion_names_the_rows,
    rejected_deletion_changes_nothing,
    cascade_requires_permission_for_each_row,
    confirmation_lists_the_effects,
    rows_of_the_same_model_are_deleted_together,
    number_of_affected_rows_is_limited,
    deletion_that_advances_its_own_version_succeeds,
);

const OFFICE: &str = "/admin/settings/office";

async fn delete(client: &Client, model: &str, id: &str) -> TestResponse {
    let path = format!("/api/admin/models/{model}/{id}");
    let request = client.request(Method::DELETE, &path);
    TestResponse::of(request.header("if-match", "*")).await
}

async fn rules_delete_rows_and_empty_references(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    add_region(&admin, "north", "North").await;
    let office = add_office(&admin, "Harbor", "north").await;
    let other = add_office(&admin, "Pier", "north").await;
    let desks = [
        add_desk(&admin, "a", &office).await,
        add_desk(&admin, "b", &office).await,
    ];
    let kept = add_desk(&admin, "c", &other).await;
    let phone = json!({"number": "1", "office_id": number(&office), "spare_id": number(&office)});
    let phone = add(&admin, "phone", phone).await;
    let deleted = delete(&admin, "office", &office).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    for desk in &desks {
        assert_eq!(row(&admin, "desk", desk).await.status, 404);
    }
    assert_eq!(row(&admin, "desk", &kept).await.status, 200);
    let stored = row(&admin, "phone", &phone).await;
    assert_eq!(stored.json()["office_id"], Value::Null);
    assert_eq!(stored.json()["spare_id"], Value::Null);
    assert_ne!(stored.header("etag"), "\"1\"");
    let entries = admin.get("/api/admin/audit?limit=10").await.json();
    let entries = entries["items"].as_array().cloned().unwrap_or_default();
    let actions: Vec<String> = entries
        .iter()
        .map(|it| format!("{} {}", it["action"], it["target"]).replace('"', ""))
        .collect();
    for target in [
        format!("desk.delete desk:{}", desks[0]),
        format!("desk.delete desk:{}", desks[1]),
        format!("phone.update phone:{phone}"),
        format!("office.delete office:{office}"),
    ] {
        assert!(actions.contains(&target), "{target}: {actions:?}");
    }
    server.stop().await;
}

async fn restricted_deletion_names_the_rows(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let sales = member(&server, &admin, "SALES").await;
    add_region(&admin, "north", "North").await;
    let office = add_office(&admin, "Harbor", "north").await;
    let desk = add_desk(&admin, "a", &office).await;
    add(&admin, "rental", json!({"desk_id": number(&desk)})).await;
    let region = delete(&admin, "region", "north").await;
    region.problem(409, "referenced");
    let expected = json!([{"model": "office", "field": "region", "count": 1}]);
    assert_eq!(region.json()["referring"], expected);
    assert!(
        region.text.contains("is referenced by 1 office;"),
        "{}",
        region.text
    );

    // The rental refers to a desk that is deleted by cascade.
    let refused = delete(&admin, "office", &office).await;
    refused.problem(409, "referenced");
    let expected = json!([{"model": "rental", "field": "desk_id", "count": 1}]);
    assert_eq!(refused.json()["referring"], expected);
    let refused = delete(&sales, "office", &office).await;
    refused.problem(409, "referenced");
    assert_eq!(refused.json()["referring"], json!([]));
    assert!(refused.text.contains("other rows") && !refused.text.contains("rental"));
    let many = json!({"ids": [number(&office)]});
    let path = "/api/admin/models/office/actions/delete";
    let refused = admin.post(path, &many).await;
    refused.problem(409, "referenced");
    assert!(refused.text.contains("1 rental"), "{}", refused.text);
    assert_eq!(row(&admin, "desk", &desk).await.status, 200);
    server.stop().await;
}

async fn rejected_deletion_changes_nothing(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    add_region(&admin, "north", "North").await;
    let office = add_office(&admin, "Harbor", "north").await;
    let desks = [
        add_desk(&admin, "a", &office).await,
        add_desk(&admin, "fixed", &office).await,
    ];
    let phone = json!({"number": "1", "office_id": number(&office)});
    let phone = add(&admin, "phone", phone).await;
    let refused = delete(&admin, "office", &office).await;
    refused.problem(409, "desk_fixed");
    for desk in &desks {
        assert_eq!(row(&admin, "desk", desk).await.status, 200);
    }
    let stored = row(&admin, "phone", &phone).await;
    assert_eq!(stored.json()["office_id"], number(&office));
    assert_eq!(stored.header("etag"), "\"1\"");
    let stale = admin.request(
        Method::DELETE,
        &format!("/api/admin/models/office/{office}"),
    );
    let stale = TestResponse::of(stale.header("if-match", "\"7\"")).await;
    stale.problem(412, "stale");
    server.stop().await;
}

async fn cascade_requires_permission_for_each_row(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let sales = member(&server, &admin, "SALES").await;
    let finance = member(&server, &admin, "FINANCE").await;
    add_region(&admin, "north", "North").await;
    for (client, name, status) in [
        (&sales, "plain 1", 204),
        // The desk is outside of the scope.
        (&sales, "secret 1", 403),
        // The role may delete offices, but not desks.
        (&finance, "plain 2", 403),
        (&admin, "secret 2", 204),
    ] {
        let office = add_office(&admin, "Harbor", "north").await;
        let desk = add_desk(&admin, name, &office).await;
        let response = delete(client, "office", &office).await;
        assert_eq!(response.status, status, "{name}: {}", response.text);
        if status == 403 {
            response.problem(403, "not_permitted");
            assert_eq!(row(&admin, "desk", &desk).await.status, 200);
            let page = client.page(&format!("{OFFICE}/rows/{office}")).await.text;
            assert!(page.contains("cannot be deleted"), "{page}");
            assert_eq!(page.contains("1 desk"), name == "plain 2", "{page}");
            let form = [("_version", "1")];
            let path = format!("{OFFICE}/rows/{office}/delete");
            assert_eq!(submit(client, &path, &form).await.status, 403);
        }
    }
    let empty = add_office(&admin, "Empty", "north").await;
    assert_eq!(delete(&finance, "office", &empty).await.status, 204);
    server.stop().await;
}

async fn confirmation_lists_the_effects(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let sales = member(&server, &admin, "SALES").await;
    add_region(&admin, "north", "North").await;
    let office = add_office(&admin, "Harbor", "north").await;
    let first = add_desk(&admin, "a", &office).await;
    add_desk(&admin, "b", &office).await;
    let phone = json!({"number": "1", "office_id": number(&office)});
    add(&admin, "phone", phone).await;
    let record = format!("{OFFICE}/rows/{office}");
    let filter = format!("/admin/settings/desk?filter%5Boffice_id%5D={office}");
    for path in [record.clone(), format!("{OFFICE}?edit={office}")] {
        let page = admin.page(&path).await.text;
        for part in [
            "Delete “Harbor”?",
            &format!("href=\"{filter}\">2 desks</a> will be deleted as well"),
            "1 phone</a>: “Office” becomes empty",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let page = sales.page(&path).await.text;
        assert!(
            page.contains("2 desks</a>") && !page.contains("phone"),
            "{page}"
        );
        assert!(
            page.contains("Other records that you cannot see will no longer"),
            "{page}"
        );
    }
    let confirm = format!("{OFFICE}/actions/delete/confirm");
    let page = submit(&admin, &confirm, &[("id", &office)]).await.text;
    assert!(
        page.contains("2 desks</a> will be deleted as well"),
        "{page}"
    );

    add(&admin, "rental", json!({"desk_id": number(&first)})).await;
    let page = admin.page(&record).await.text;
    assert!(page.contains("“Harbor” cannot be deleted"), "{page}");
    assert!(
        page.contains("1 rental</a> must be changed or deleted first"),
        "{page}"
    );
    let page = submit(&admin, &confirm, &[("id", &office)]).await.text;
    assert!(page.contains("1 office cannot be deleted"), "{page}");
    let form = [("_version", "1")];
    let refused = submit(&admin, &format!("{record}/delete"), &form).await;
    assert_eq!(refused.status, 303);
    let list = admin.page(OFFICE).await.text;
    assert!(list.contains("Harbor"), "{list}");
    server.stop().await;
}

async fn rows_of_the_same_model_are_deleted_together(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let division = async |name: &str, parent: Option<&str>| {
        let parent = parent.map(number);
        add(
            &admin,
            "division",
            json!({"name": name, "parent_id": parent}),
        )
        .await
    };
    let top = division("Top", None).await;
    let middle = division("Middle", Some(&top)).await;
    division("Left", Some(&middle)).await;
    division("Right", Some(&middle)).await;
    let other = division("Other", None).await;
    // The rules apply to the application's own code as well.
    let models = server.state.get::<Models>().expect("the portal has models");
    let deleted = models.delete::<Division>(number(&top)).await;
    assert!(deleted.expect("the row is deleted"));
    let rows = admin.get("/api/admin/models/division").await.json();
    assert_eq!(
        (&rows["total"], &rows["items"][0]["id"]),
        (&json!(1), &json!(number(&other)))
    );
    server.stop().await;
}

async fn number_of_affected_rows_is_limited(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    add_region(&admin, "north", "North").await;
    let office = add_office(&admin, "Harbor", "north").await;
    server
        .sql(format!(
            "INSERT INTO phone (number, office_id, row_version) WITH RECURSIVE series (n) AS \
             (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < 10001) \
             SELECT 'x', {office}, 1 FROM series"
        ))
        .await;
    let refused = delete(&admin, "office", &office).await;
    refused.problem(409, "too_many_referring");
    assert_eq!(row(&admin, "office", &office).await.status, 200);
    let page = admin.page(&format!("{OFFICE}/rows/{office}")).await.text;
    assert!(page.contains("more than 1000 phones"), "{page}");
    server.stop().await;
}

async fn deletion_that_advances_its_own_version_succeeds(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    add_region(&admin, "north", "North").await;
    let office = add_office(&admin, "Harbor", "north").await;
    // A hook of the desk changes the office, which is being deleted.
    add_desk(&admin, "counted", &office).await;
    let stored = row(&admin, "office", &office).await;
    let path = format!("/api/admin/models/office/{office}");
    let request = admin.request(Method::DELETE, &path);
    let request = request.header("if-match", stored.header("etag"));
    let deleted = TestResponse::of(request).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    assert_eq!(row(&admin, "office", &office).await.status, 404);
    server.stop().await;
}
