//! Children of a record: rows of other models that are edited in its form.

use reqwest::Method;
use serde_json::{Value, json};

use super::{add, add_desk, add_office, add_region, member, number, row, submit};
use crate::support::{Client, Database, TestResponse, TestServer, on_both};

on_both!(
    children_are_added_changed_and_removed_by_form,
    errors_of_children_are_shown_next_to_their_fields,
    children_are_changed_by_rest,
    invalid_children_change_nothing,
    permissions_of_the_child_model_apply,
    children_are_paginated,
);

const OFFICE: &str = "/admin/settings/office";

async fn patch(client: &Client, office: &str, body: Value) -> TestResponse {
    let path = format!("/api/admin/models/office/{office}");
    let request = client.request(Method::PATCH, &path);
    TestResponse::of(request.header("if-match", "*").json(&body)).await
}

async fn desks(admin: &Client) -> Vec<(String, i64)> {
    let rows = admin.get("/api/admin/models/desk?sort=id").await.json();
    let rows = rows["items"].as_array().cloned().unwrap_or_default();
    let desk = |row: &Value| {
        let name = row["name"].as_str().unwrap_or_default().to_owned();
        (name, row["width"].as_i64().unwrap_or_default())
    };
    rows.iter().map(desk).collect()
}

fn named(desks: &[(&str, i64)]) -> Vec<(String, i64)> {
    desks
        .iter()
        .map(|(name, width)| ((*name).to_owned(), *width))
        .collect()
}

struct Fixture {
    server: TestServer,
    admin: Client,
    office: String,
    desks: [String; 2],
}

async fn start(database: Database) -> Fixture {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    add_region(&admin, "north", "North").await;
    let office = add_office(&admin, "Harbor", "north").await;
    let desks = [
        add_desk(&admin, "a", &office).await,
        add_desk(&admin, "b", &office).await,
    ];
    Fixture {
        server,
        admin,
        office,
        desks,
    }
}

async fn children_are_added_changed_and_removed_by_form(database: Database) {
    let Fixture {
        mut server,
        admin,
        office,
        desks: [first, second],
    } = start(database).await;
    let record = format!("{OFFICE}/rows/{office}");
    let page = admin.page(&record).await.text;
    for part in [
        "<h2 id=\"children-desk\">Desks</h2>",
        "<h2 id=\"children-phone\">Phones</h2>",
        "name=\"desk.0.name\"",
        "name=\"desk.1.width\"",
        "name=\"desk.1._remove\"",
        "value=\"desk\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("desk.0.office_id"), "{page}");
    // The drawer contains only the fields of the office.
    let drawer = admin.page(&format!("{OFFICE}?edit={office}")).await.text;
    assert!(!drawer.contains("desk.0.name"), "{drawer}");

    let own = [
        ("_version", "1"),
        ("name", "Harbor"),
        ("region", "north"),
        ("size", "small"),
    ];
    let children = [
        ("desk.0._key", first.as_str()),
        ("desk.0._version", "1"),
        ("desk.0.name", "a"),
        ("desk.0.width", "200"),
        ("desk.1._key", second.as_str()),
        ("desk.1._version", "1"),
        ("desk.1.name", "b"),
        ("desk.1.width", "120"),
        ("desk.1._remove", "true"),
        ("desk.2._new", "1"),
        ("desk.2.name", "c"),
        ("desk.2.width", "80"),
    ];
    let form = [&own[..], &children[..]].concat();
    // The button renders an empty child; nothing is stored.
    let add = [&form[..], &[("_add", "desk")]].concat();
    let more = submit(&admin, &format!("{record}/convert?at=record"), &add).await;
    assert_eq!(more.status, 200);
    for part in ["name=\"desk.3.name\"", "value=\"200\"", "value=\"c\""] {
        assert!(more.text.contains(part), "{part}: {}", more.text);
    }
    assert_eq!(desks(&admin).await, named(&[("a", 120), ("b", 120)]));

    let saved = submit(&admin, &format!("{record}/update?at=record"), &form).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    assert_eq!(saved.location(), record);
    assert_eq!(desks(&admin).await, named(&[("a", 200), ("c", 80)]));
    // The office itself has not changed.
    assert_eq!(row(&admin, "office", &office).await.header("etag"), "\"1\"");
    let actions = admin.get("/api/admin/audit?limit=3").await.json();
    let actions: Vec<&Value> = actions["items"]
        .as_array()
        .map(|items| items.iter().map(|it| &it["action"]).collect())
        .unwrap_or_default();
    for action in ["desk.create", "desk.update", "desk.delete"] {
        assert!(actions.iter().any(|it| *it == action), "{actions:?}");
    }
    server.stop().await;
}

async fn errors_of_children_are_shown_next_to_their_fields(database: Database) {
    let Fixture {
        mut server,
        admin,
        office,
        desks: [first, second],
    } = start(database).await;
    let update = format!("{OFFICE}/rows/{office}/update?at=record");
    let child = |key: &'static str, value: &'static str| (key, value);
    let own = [
        ("_version", "1"),
        ("name", "Renamed"),
        ("region", "north"),
        ("size", "small"),
    ];
    let form = [
        &own[..],
        &[
            ("desk.0._key", first.as_str()),
            ("desk.0._version", "1"),
            child("desk.0.name", "kept"),
            child("desk.0.width", "wide"),
            child("desk.1._new", "1"),
            child("desk.1.name", "new"),
        ],
    ]
    .concat();
    let invalid = submit(&admin, &update, &form).await;
    assert_eq!(invalid.status, 422, "{}", invalid.text);
    let field = invalid.text.split("name=\"desk.0.width\"").nth(1);
    let field = field.unwrap_or_default();
    assert!(
        field[..400].contains("must be a whole number"),
        "{}",
        invalid.text
    );
    assert!(invalid.text.contains("value=\"kept\"") && invalid.text.contains("Renamed"));

    // A value that exists is reported by the database, next to the second child.
    let form = [
        &own[..],
        &[
            ("desk.0._key", first.as_str()),
            ("desk.0._version", "1"),
            child("desk.0.name", "free"),
            child("desk.0.width", "120"),
            child("desk.1._new", "1"),
            child("desk.1.name", "b"),
            child("desk.1.width", "1"),
        ],
    ]
    .concat();
    let taken = submit(&admin, &update, &form).await;
    assert_eq!(taken.status, 409, "{}", taken.text);
    let field = taken.text.split("name=\"desk.1.name\"").nth(1);
    assert!(
        field.is_some_and(|it| it[..400].contains("already has this value")),
        "{}",
        taken.text
    );
    assert_eq!(desks(&admin).await, named(&[("a", 120), ("b", 120)]));
    assert_eq!(
        row(&admin, "office", &office).await.json()["name"],
        "Harbor"
    );

    // Someone else changes a child.
    let changed = admin.request(Method::PATCH, &format!("/api/admin/models/desk/{second}"));
    let changed = changed.header("if-match", "*").json(&json!({"width": 90}));
    assert_eq!(TestResponse::of(changed).await.status, 200);
    let form = [
        &own[..],
        &[
            ("desk.0._key", second.as_str()),
            ("desk.0._version", "1"),
            child("desk.0._was.name", "x"),
            child("desk.0.name", "mine"),
            child("desk.0.width", "120"),
            child("desk.0._was.width", "x"),
        ],
    ]
    .concat();
    let stale = submit(&admin, &update, &form).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    assert!(
        stale.text.contains("Someone else changed this record"),
        "{}",
        stale.text
    );
    assert!(
        stale.text.contains("resolve.desk.0.width"),
        "{}",
        stale.text
    );
    let resolved = [
        ("desk.0._version", "2"),
        ("resolve.desk.0.width", "theirs"),
        ("resolve.desk.0.name", "mine"),
    ];
    let form = [&form[..], &resolved].concat();
    let saved = submit(&admin, &update, &form).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    assert_eq!(desks(&admin).await, named(&[("a", 120), ("mine", 90)]));
    assert_eq!(
        row(&admin, "office", &office).await.json()["name"],
        "Renamed"
    );
    server.stop().await;
}

async fn children_are_changed_by_rest(database: Database) {
    let Fixture {
        mut server,
        admin,
        office,
        desks: [first, second],
    } = start(database).await;
    let models = admin.get("/api/admin/models").await.json();
    let described = models["models"].as_array().cloned().unwrap_or_default();
    let described = described.iter().find(|it| it["name"] == "office");
    let expected = json!([
        {"model": "desk", "field": "office_id"}, {"model": "phone", "field": "office_id"},
    ]);
    assert_eq!(described.map(|it| &it["children"]), Some(&expected));
    let body = json!({"size": "large", "children": {"desk": [
        {"id": number(&first), "_version": 1, "width": 70},
        {"id": number(&second), "_version": 1, "_delete": true},
        {"name": "c"},
    ]}});
    let changed = patch(&admin, &office, body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.json()["size"], "large");
    assert_eq!(desks(&admin).await, named(&[("a", 70), ("c", 120)]));
    server.stop().await;
}

async fn invalid_children_change_nothing(database: Database) {
    let Fixture {
        mut server,
        admin,
        office,
        desks: [first, _],
    } = start(database).await;
    let other = add_office(&admin, "Pier", "north").await;
    let elsewhere = add_desk(&admin, "z", &other).await;
    let first = number(&first);
    for (children, status, code, pointer) in [
        (
            json!({"desk": [{"name": "n"}, {"width": 1}]}),
            422,
            "missing",
            "/children/desk/1/name",
        ),
        (
            json!({"desk": [{"name": "n", "width": "x"}]}),
            422,
            "invalid_type",
            "/children/desk/0/width",
        ),
        (
            json!({"desk": [{"name": "n", "nope": 1}]}),
            422,
            "unknown_field",
            "/children/desk/0/nope",
        ),
        (
            json!({"desk": [{"name": "b"}]}),
            409,
            "not_unique",
            "/children/desk/0/name",
        ),
        (
            json!({"desk": [{"id": first, "_version": 7, "width": 1}]}),
            412,
            "stale",
            "/children/desk/0",
        ),
        (
            json!({"desk": [{"id": number(&elsewhere), "_version": 1, "width": 1}]}),
            404,
            "row_not_found",
            "/children/desk/0",
        ),
        (
            json!({"desk": [{"id": first, "_delete": true}]}),
            422,
            "missing",
            "/children/desk/0/_version",
        ),
        (
            json!({"desk": [{"_version": 1}]}),
            422,
            "missing",
            "/children/desk/0/id",
        ),
        (
            json!({"desk": [{"id": first, "_version": "1"}]}),
            422,
            "invalid_type",
            "/children/desk/0/_version",
        ),
        (
            json!({"desk": [1]}),
            422,
            "invalid_type",
            "/children/desk/0",
        ),
        (json!({"desk": {}}), 422, "invalid_type", "/children/desk"),
        (json!({"plan": []}), 422, "unknown_field", "/children/plan"),
        (json!([]), 422, "invalid_type", "/children"),
    ] {
        let body = json!({"name": "Changed", "children": children});
        let response = patch(&admin, &office, body).await;
        assert_eq!(response.status, status, "{children}: {}", response.text);
        let error = &response.json()["errors"][0];
        assert_eq!(error["pointer"], pointer, "{children}: {}", response.text);
        assert_eq!(error["code"], code, "{children}: {}", response.text);
    }
    // A hook rejects the deletion after another child was changed.
    let fixed = add_desk(&admin, "fixed", &office).await;
    let body = json!({"name": "Changed", "children": {"desk": [
        {"id": first, "_version": 1, "width": 1},
        {"id": number(&fixed), "_version": 1, "_delete": true},
    ]}});
    let response = patch(&admin, &office, body).await;
    response.problem(409, "desk_fixed");
    assert_eq!(response.json()["errors"][0]["pointer"], "/children/desk/1");
    let expected = named(&[("a", 120), ("b", 120), ("z", 120), ("fixed", 120)]);
    assert_eq!(desks(&admin).await, expected);
    assert_eq!(
        row(&admin, "office", &office).await.json()["name"],
        "Harbor"
    );
    // A model without children has no such member.
    let plan = add(&admin, "plan", json!({"name": "P"})).await;
    let request = admin.request(Method::PATCH, &format!("/api/admin/models/plan/{plan}"));
    let response = TestResponse::of(
        request
            .header("if-match", "*")
            .json(&json!({"children": {}})),
    );
    response.await.problem(422, "invalid_parameters");
    server.stop().await;
}

async fn permissions_of_the_child_model_apply(database: Database) {
    let Fixture {
        mut server,
        admin,
        office,
        desks: [first, _],
    } = start(database).await;
    let sales = member(&server, &admin, "SALES").await;
    let finance = member(&server, &admin, "FINANCE").await;
    let record = format!("{OFFICE}/rows/{office}");
    let page = sales.page(&record).await.text;
    // Sales people may not view phones.
    assert!(
        page.contains("desk.0.name") && !page.contains("children-phone"),
        "{page}"
    );
    let page = finance.page(&record).await.text;
    assert!(!page.contains("desk.0.name"), "{page}");
    let secret = add_desk(&admin, "secret", &office).await;
    let change = json!({"id": number(&first), "_version": 1, "width": 1});
    for (client, children, status, code) in [
        (&sales, json!({"desk": [change]}), 200, ""),
        (&sales, json!({"phone": []}), 422, "validation_failed"),
        (
            &sales,
            json!({"desk": [{"id": number(&secret), "_version": 1, "width": 1}]}),
            404,
            "row_not_found",
        ),
        (
            &sales,
            json!({"desk": [{"name": "secret 2"}]}),
            403,
            "not_permitted",
        ),
        (
            &finance,
            json!({"desk": [change]}),
            422,
            "validation_failed",
        ),
    ] {
        let response = patch(client, &office, json!({"children": children})).await;
        assert_eq!(response.status, status, "{children}: {}", response.text);
        if status != 200 && status != 422 {
            response.problem(status, code);
        }
    }
    server.stop().await;
}

async fn children_are_paginated(database: Database) {
    let Fixture {
        mut server,
        admin,
        office,
        ..
    } = start(database).await;
    for index in 0..21 {
        add_desk(&admin, &format!("desk {index:02}"), &office).await;
    }
    let record = format!("{OFFICE}/rows/{office}");
    let page = admin.page(&record).await.text;
    assert!(
        page.contains("desk.19.name") && !page.contains("desk.20.name"),
        "{page}"
    );
    assert!(page.contains("page.desk=2"), "{page}");
    let second = admin.page(&format!("{record}?page.desk=2")).await.text;
    assert!(
        second.contains("desk.2.name") && !second.contains("desk.3.name"),
        "{second}"
    );
    assert!(second.contains("desk 20"), "{second}");
    let update = format!("{record}/update?at=record&page.desk=2");
    assert!(second.contains(&update.replace('&', "&amp;")), "{second}");
    let form = [
        ("_version", "1"),
        ("name", "Harbor"),
        ("region", "north"),
        ("size", "large"),
    ];
    let saved = submit(&admin, &update, &form).await;
    assert_eq!(saved.location(), format!("{record}?page.desk=2"));
    assert_eq!(
        desks(&admin).await.len(),
        10,
        "the list shows its first page"
    );
    server.stop().await;
}
