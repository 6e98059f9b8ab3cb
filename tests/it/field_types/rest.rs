//! Rows with a field of every type over REST and in code, on both databases.

use std::time::Duration;

use chrono::TimeDelta;
use maud::Render as _;
use portal_core::admin::{Document, Markdown};
use portal_core::prelude::*;
use reqwest::Method;
use rust_decimal::Decimal;
use sea_query::{Expr, ExprTrait, Query};
use serde_json::{Value, json};

use super::{PATH, Size, Specimen, Stage, Weight, add, specimen};
use crate::support::{Client, Database, TestResponse, TestServer, on_both};

on_both!(
    row_with_every_type_is_added_changed_and_deleted,
    every_type_is_sorted_and_filtered,
    amounts_are_exact,
    invalid_values_are_rejected_with_their_position,
    computed_columns_are_read_only,
    schema_describes_every_type,
    code_reads_and_writes_typed_rows,
);

async fn write(admin: &Client, method: Method, row: &Value, body: &Value) -> TestResponse {
    let path = format!("{PATH}/{}", row["id"]);
    let request = admin.request(method, &path).header("if-match", "*");
    TestResponse::of(request.json(body)).await
}

/// Returns the names of the rows that a query selects, in their order.
async fn names(admin: &Client, query: &str) -> Vec<String> {
    let response = admin.get(&format!("{PATH}?{query}")).await;
    assert_eq!(response.status, 200, "{query}: {}", response.text);
    let rows = response.json();
    let rows = rows["items"].as_array().expect("a list").iter();
    let name = |row: &Value| row["name"].as_str().expect("a name").to_owned();
    rows.map(name).collect()
}

async fn row_with_every_type_is_added_changed_and_deleted(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let sent = specimen("A", "1200.50");
    let row = add(&admin, &sent).await;
    for (name, value) in sent.as_object().expect("an object") {
        assert_eq!(row[name], *value, "{name}");
    }
    let stored = admin.get(&format!("{PATH}/{}", row["id"])).await.json();
    assert_eq!(stored, row);

    let change = json!({
        "stage": "live", "price": 0.3, "discount": null, "took": "90 m", "shift": "2d 1us",
        "website": "HTTP://Example.com", "tags": [], "ratings": null, "size": {"width": 1, "height": 1},
        "weight": "7g", "ratio": 0.25, "active": null, "day": null, "at": null, "token": null,
        "data": null,
    });
    let changed = write(&admin, Method::PATCH, &row, &change).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let changed = changed.json();
    for (name, value) in [
        ("price", json!("0.3")),
        ("discount", Value::Null),
        ("took", json!("1h 30m")),
        ("shift", json!("2d 1us")),
        ("website", json!("http://example.com/")),
        ("tags", json!([])),
        ("ratings", Value::Null),
        ("weight", json!("7 g")),
        ("ratio", json!(0.25)),
        ("data", Value::Null),
        ("email", json!("ada@example.com")),
    ] {
        assert_eq!(changed[name], value, "{name}");
    }
    let again = write(&admin, Method::PUT, &row, &changed).await;
    assert_eq!(again.json(), changed, "a client can send back a row");
    assert_eq!(
        write(&admin, Method::DELETE, &row, &json!({})).await.status,
        204
    );

    let minimal = json!({"name": "B", "price": "1", "email": "a@b.co", "notes": "", "size": {"width": 1, "height": 2}});
    let row = add(&admin, &minimal).await;
    assert_eq!(row["stage"], "draft");
    assert_eq!(row["took"], "1h 30m");
    assert_eq!(row["ratio"], json!(0.1));
    assert_eq!((&row["tags"], &row["ratings"]), (&json!([]), &Value::Null));
}

async fn every_type_is_sorted_and_filtered(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let mut rows = [specimen("A", "1"), specimen("B", "2"), specimen("C", "3")];
    for (row, [took, shift, weight, stage, ratio]) in rows.iter_mut().zip([
        ["10s", "-1h", "1000 g", "draft", "0.1"],
        ["9m", "0s", "90 g", "live", "0.2"],
        ["1h", "1h", "200 g", "in_review", "10"],
    ]) {
        row["took"] = json!(took);
        row["shift"] = json!(shift);
        row["weight"] = json!(weight);
        row["stage"] = json!(stage);
        row["ratio"] = serde_json::from_str(ratio).expect("a number");
    }
    rows[0]["tags"] = json!(["blue"]);
    rows[0]["email"] = json!("bob@example.org");
    rows[0]["website"] = Value::Null;
    for row in &rows {
        add(&admin, row).await;
    }
    for (query, expected) in [
        ("sort=took", "ABC"),
        ("sort=-took", "CBA"),
        ("sort=shift", "ABC"),
        ("sort=weight", "BCA"),
        ("sort=-ratio", "CBA"),
        ("sort=big,name", "ABC"),
        ("filter[took][gte]=540s", "BC"),
        ("filter[took]=1h", "C"),
        ("filter[shift][lt]=0s", "A"),
        ("filter[weight][gte]=200g", "AC"),
        ("filter[weight][in]=90g,200 g", "BC"),
        ("filter[stage]=live", "B"),
        ("filter[stage][in]=draft,in_review", "AC"),
        ("filter[tags][contains]=BLUE", "A"),
        ("filter[tags][contains]=Éclair", "BC"),
        ("filter[email][contains]=example.org", "A"),
        ("filter[website]=", "A"),
        ("filter[ratio][gt]=0.15", "BC"),
        ("filter[small][lte]=255", "ABC"),
        ("filter[notes][contains]=NEW", "ABC"),
        ("filter[size][contains]=width", "ABC"),
        ("search=bob@", "A"),
    ] {
        assert_eq!(names(&admin, query).await.concat(), expected, "{query}");
    }
    let list = admin.page("/admin/settings/specimen").await;
    for text in ["Published", "In review", "9m", "blue", "1000 g"] {
        assert!(list.text.contains(text), "{text}");
    }
    let filtered = "/admin/settings/specimen?filter[stage]=in_review&filter[took][gte]=60m";
    let list = admin.page(filtered).await.text;
    assert!(
        list.contains("Stage: In review") && list.contains("Took ≥ 1h"),
        "{list}"
    );
}

async fn amounts_are_exact(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let long = "79228162514264337593543950335";
    let precise = "0.1234567890123456789012345678";
    for (name, price) in [
        ("A", json!("1200.50")),
        ("B", json!("900.00")),
        ("C", json!("0.1")),
        ("D", json!(0.2)),
        ("E", json!(-3)),
        ("F", json!(long)),
        ("G", json!(precise)),
        ("H", json!("0.30")),
    ] {
        let mut row = specimen(name, "0");
        row["price"] = price;
        add(&admin, &row).await;
    }
    let sum = (Decimal::new(1, 1) + Decimal::new(2, 1)).to_string();
    for (query, expected) in [
        ("sort=price".to_owned(), "ECGDHBAF"),
        ("sort=-price".to_owned(), "FABHDGCE"),
        (format!("filter[price]={sum}"), "H"),
        ("filter[price][in]=900,1200.5".to_owned(), "AB"),
        (
            "filter[price][gt]=900&filter[price][lte]=1200.500".to_owned(),
            "A",
        ),
        (
            "filter[price][lt]=0.1234567890123456789012345679&sort=price".to_owned(),
            "ECG",
        ),
        (
            "filter[price][gt]=0.1234567890123456789012345677&filter[price][lt]=0.2".to_owned(),
            "G",
        ),
        (format!("filter[price]={long}"), "F"),
        (
            "filter[price][ne]=900.0&filter[price][gte]=900".to_owned(),
            "AF",
        ),
    ] {
        assert_eq!(names(&admin, &query).await.concat(), expected, "{query}");
    }
    let response = admin.get(&format!("{PATH}?filter[name]=G")).await;
    assert_eq!(response.json()["items"][0]["price"], precise);
    let again = admin.post(PATH, &specimen("I", "1200.5")).await;
    let problem = again.problem(409, "not_unique");
    assert_eq!(problem["errors"][0]["pointer"], "/price", "{problem}");
    if database == Database::Sqlite {
        // Text that another program has written comes last and breaks nothing.
        let broken = Query::update()
            .table("specimen")
            .value("price", "many")
            .and_where(Expr::col("name").eq("E"))
            .take();
        let store = server.state.get::<portal_core::Store>().expect("a store");
        store.execute(&broken).await.expect("the row is changed");
        assert_eq!(names(&admin, "sort=price").await.concat(), "CGDHBAFE");
        assert_eq!(names(&admin, "filter[price][lt]=1").await.concat(), "CDGH");
        let list = admin.page("/admin/settings/specimen").await;
        assert!(list.text.contains("many"), "{}", list.text);
    }
}

async fn invalid_values_are_rejected_with_their_position(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    for (name, value, pointer, code) in [
        ("stage", json!("Draft"), "/stage", "not_allowed"),
        ("price", json!("12,50"), "/price", "invalid_type"),
        ("price", json!("1e3"), "/price", "invalid_type"),
        (
            "price",
            json!(0.123_456_789_012_345_67),
            "/price",
            "invalid_value",
        ),
        (
            "price",
            json!("123456789012345678901234567890"),
            "/price",
            "invalid_value",
        ),
        ("took", json!("-5m"), "/took", "invalid_value"),
        ("took", json!("5"), "/took", "invalid_type"),
        ("took", json!("5m 5m"), "/took", "invalid_type"),
        ("took", json!("99999999999999d"), "/took", "invalid_value"),
        ("email", json!("ada@"), "/email", "invalid_value"),
        ("email", json!(5), "/email", "invalid_type"),
        ("website", json!("/relative"), "/website", "invalid_value"),
        ("tags", json!("red"), "/tags", "invalid_type"),
        ("tags", json!(["a", "b", 3]), "/tags/2", "invalid_type"),
        ("tags", json!(["a", null]), "/tags/1", "missing"),
        ("ratings", json!([1, 2.5]), "/ratings/1", "invalid_type"),
        (
            "stages",
            json!(["live", "gone"]),
            "/stages/1",
            "not_allowed",
        ),
        (
            "size",
            json!({"width": "x", "height": 1}),
            "/size/width",
            "invalid_type",
        ),
        ("size", json!({"width": 1}), "/size/height", "missing"),
        ("weight", json!("heavy"), "/weight", "invalid_value"),
        ("tiny", json!(128), "/tiny", "invalid_value"),
        ("small", json!(-1), "/small", "invalid_value"),
        ("big", json!(u64::MAX), "/big", "invalid_value"),
        ("ratio", json!(1e39), "/ratio", "invalid_value"),
        ("ratio", json!("NaN"), "/ratio", "invalid_type"),
    ] {
        let mut row = specimen("A", "1");
        row[name] = value;
        let response = admin.post(PATH, &row).await;
        let problem = response.problem(422, "invalid_parameters");
        let errors = problem["errors"].as_array().expect("a list");
        assert_eq!(errors.len(), 1, "{problem}");
        assert_eq!(errors[0]["pointer"], pointer, "{problem}");
        assert_eq!(errors[0]["code"], code, "{problem}");
    }
    let response = admin
        .get(&format!("{PATH}?filter[took]=soon&sort=tags"))
        .await;
    let problem = response.problem(422, "invalid_parameters");
    assert_eq!(
        problem["errors"].as_array().map(Vec::len),
        Some(2),
        "{problem}"
    );
}

async fn computed_columns_are_read_only(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let row = add(&admin, &specimen("A", "1200.50")).await;
    assert_eq!(row["total"], "1200.40");
    assert_eq!(row["is_large"], true);
    assert_eq!(row["next_stage"], "live");
    let listed = admin.get(PATH).await.json();
    assert_eq!(listed["items"][0], row);
    let changed = write(&admin, Method::PATCH, &row, &json!({"discount": "0.50"})).await;
    assert_eq!(changed.json()["total"], "1200.00");
    for body in [
        json!({"total": "1"}),
        json!({"total": "1200.40", "discount": "9"}),
    ] {
        let response = write(&admin, Method::PATCH, &row, &body).await;
        let problem = response.problem(422, "invalid_parameters");
        assert_eq!(problem["errors"][0]["pointer"], "/total", "{problem}");
        assert_eq!(problem["errors"][0]["code"], "read_only", "{problem}");
    }
    for query in [
        "sort=total",
        "filter[total]=1200.40",
        "filter[is_large]=true",
    ] {
        let response = admin.get(&format!("{PATH}?{query}")).await;
        let problem = response.problem(422, "invalid_parameters");
        let message = problem["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(message.contains("computed"), "{problem}");
    }
    let list = admin.page("/admin/settings/specimen").await.text;
    assert!(
        list.contains("Total") && list.contains("1,200.00"),
        "{list}"
    );
    assert!(
        !list.contains("sort=total"),
        "a computed column has no sort link"
    );
    let form = format!("/admin/settings/specimen?edit={}", row["id"]);
    let form = admin.page(&form).await.text;
    assert!(
        form.contains("Next stage") && form.contains("value=\"Published\""),
        "{form}"
    );
}

async fn schema_describes_every_type(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let model = admin.get("/api/admin/models").await.json();
    let models = model["models"].as_array().expect("a list");
    let model = models
        .iter()
        .find(|model| model["name"] == "specimen")
        .expect("the model");
    let kinds = model["fields"].as_array().expect("a list").iter();
    let kind = |field: &Value| format!("{}:{}", field["name"], field["kind"]).replace('"', "");
    let kinds: Vec<String> = kinds.map(kind).collect();
    for expected in [
        "stage:choice",
        "price:decimal",
        "took:duration",
        "shift:duration",
        "email:email",
        "website:url",
        "notes:markdown",
        "tags:list",
        "size:json",
        "weight:weight",
        "tiny:integer",
        "ratio:number",
        "total:decimal",
        "next_stage:choice",
    ] {
        assert!(
            kinds.iter().any(|kind| kind == expected),
            "{expected} in {kinds:?}"
        );
    }
    let schema = &model["json_schema"]["properties"];
    assert_eq!(
        schema["stage"]["oneOf"][2],
        json!({"const": "live", "title": "Published"})
    );
    assert_eq!(schema["price"]["type"], json!(["string", "number"]));
    assert_eq!(
        schema["discount"]["type"],
        json!(["string", "number", "null"])
    );
    assert_eq!(schema["size"]["properties"]["width"]["type"], "integer");
    assert_eq!(schema["size"]["title"], "Size");
    assert_eq!(schema["tags"]["items"]["type"], "string");
    assert_eq!(
        schema["stages"]["items"]["enum"],
        json!(["draft", "in_review", "live"])
    );
    assert_eq!(schema["ratings"]["type"], json!(["array", "null"]));
    assert_eq!(schema["email"]["format"], "email");
    assert_eq!(schema["small"]["maximum"], 255);
    assert_eq!(schema["weight"]["type"], json!(["string", "null"]));
    assert_eq!(schema["at"]["format"], "date-time");
    assert_eq!(schema["total"]["readOnly"], true);
    assert_eq!(schema["took"]["default"], "1h 30m");
}

async fn code_reads_and_writes_typed_rows(database: Database) {
    let server = TestServer::start(database).await;
    let models = server.state.get::<Models>().expect("the models");
    let row = Specimen {
        id: 0,
        name: "A".to_owned(),
        stage: Stage::Published,
        price: Decimal::new(120_050, 2),
        discount: None,
        took: Duration::from_micros(1_500),
        shift: Some(TimeDelta::seconds(-90)),
        email: "ada@example.com".parse().expect("an address"),
        website: Some("https://example.com".parse().expect("a URL")),
        notes: Markdown("# Title".to_owned()),
        tags: vec!["a".to_owned()],
        ratings: None,
        stages: vec![Stage::Draft],
        size: Document(Size {
            width: 3,
            height: 4,
        }),
        weight: Some(Weight(5)),
        tiny: -1,
        small: 1,
        big: 1,
        ratio: 0.1,
        share: 0.1,
        active: None,
        day: None,
        at: None,
        token: None,
        data: None,
    };
    let stored = models.insert(&row).await.expect("the row is valid");
    assert_eq!(stored.price.to_string(), "1200.50");
    assert_eq!((stored.took, stored.shift), (row.took, row.shift));
    assert_eq!((stored.stage, &stored.stages), (row.stage, &row.stages));
    assert_eq!((&stored.size, stored.weight), (&row.size, row.weight));
    assert_eq!((stored.ratio, &stored.website), (row.ratio, &row.website));
    assert!(
        stored
            .notes
            .render()
            .into_string()
            .contains("<h1>Title</h1>")
    );
    let found = models.find_by::<Specimen>("price", "1200.5").await;
    assert!(found.expect("a query").is_some());
    let found = models.find_by::<Specimen>("took", "1ms 500us").await;
    assert!(found.expect("a query").is_some());
    for number in [f32::NAN, f32::INFINITY] {
        let row = Specimen {
            id: 0,
            name: "B".to_owned(),
            price: Decimal::TWO,
            ratio: number,
            ..stored_copy(&stored)
        };
        assert!(models.insert(&row).await.is_err(), "{number}");
    }
}

fn stored_copy(row: &Specimen) -> Specimen {
    Specimen {
        id: row.id,
        name: row.name.clone(),
        email: row.email.clone(),
        website: row.website.clone(),
        notes: row.notes.clone(),
        tags: row.tags.clone(),
        ratings: row.ratings.clone(),
        stages: row.stages.clone(),
        size: row.size.clone(),
        data: row.data.clone(),
        ..*row
    }
}
