//! Models whose tables belong to the application, and constraints on several fields, over REST.

use portal_core::admin::{AdminField, AdminModel, FieldValues, TableOptions};
use portal_core::prelude::*;
use portal_core::store::{Migration, Migrations};
use portal_core::{FieldError, FieldSpec, ModelOptions, Source, source};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::shop::{key, model, plain, unique};
use crate::support::{Client, Database, TestResponse, TestServer, on_both};

on_both!(
    unmanaged_row_is_protected_by_its_values,
    unmanaged_row_is_protected_by_its_version_column,
    unmanaged_row_is_protected_by_its_time,
    combination_that_exists_is_reported_with_its_fields,
);

const UNMANAGED: TableOptions = TableOptions::new().unmanaged();

const fn touched(spec: FieldSpec) -> FieldSpec {
    spec.read_only()
}

model!(Customer, "customer", UNMANAGED.unique(&[&["name", "city"]]), {
    id: i64 => key,
    name: String => plain,
    city: String => plain,
    email: Option<String> => unique,
});

model!(Versioned, "versioned", UNMANAGED.version("lock_version"), {
    id: i64 => key,
    name: String => plain,
});

model!(Touched, "touched", UNMANAGED.version("updated_at"), {
    id: i64 => key,
    name: String => plain,
    updated_at: chrono::DateTime<chrono::Utc> => touched,
});

model!(Member, "member", TableOptions::new().unique(&[&["team", "name"]]).index(&[&["name", "team"]]), {
    id: i64 => key,
    team: String => plain,
    name: String => plain,
});

/// Starts a portal whose migrations create the tables.
async fn start(database: Database) -> TestServer {
    let sqlite = "CREATE TABLE customer (id integer PRIMARY KEY, name varchar(40) NOT NULL, city text NOT NULL, email text, UNIQUE (name, city));
        CREATE UNIQUE INDEX mails ON customer (email);
        CREATE TABLE versioned (id integer PRIMARY KEY, name text NOT NULL, lock_version bigint NOT NULL);
        CREATE TABLE touched (id integer PRIMARY KEY, name text NOT NULL, updated_at datetime NOT NULL);";
    let postgres = sqlite
        .replace("id integer PRIMARY KEY", "id bigserial PRIMARY KEY")
        .replace("datetime", "timestamptz");
    let tables = Migration::new("0001_tables")
        .up_sqlite(sqlite)
        .up_postgres(postgres);
    let build = |portal: PortalBuilder| {
        let portal = portal.admin_model::<Customer>().admin_model::<Versioned>();
        let portal = portal.admin_model::<Touched>().admin_model::<Member>();
        portal.migrations(Migrations::new("shop").with(tables))
    };
    TestServer::start_with(database, &[], build).await
}

async fn patch(admin: &Client, path: &str, tag: &str, body: Value) -> TestResponse {
    let request = admin.request(Method::PATCH, path).header("if-match", tag);
    TestResponse::of(request.json(&body)).await
}

/// Adds a row, and returns its path and its tag.
async fn add(admin: &Client, model: &str, row: Value) -> (String, String) {
    let path = format!("/api/admin/models/{model}");
    let added = admin.post(&path, &row).await;
    assert_eq!(added.status, 201, "{}", added.text);
    (added.location().to_owned(), added.header("etag").to_owned())
}

/// Changes a row, then verifies that a writer who has not seen a change cannot overwrite it.
async fn changes_are_not_lost(server: &TestServer, model: &str, row: Value, behind: &str) {
    let admin = server.admin().await;
    let (path, first) = add(&admin, model, row).await;
    let changed = patch(&admin, &path, &first, json!({"name": "B"})).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let second = changed.header("etag").to_owned();
    assert_ne!(first, second);
    let stale = patch(&admin, &path, &first, json!({"name": "C"})).await;
    assert_eq!(stale.problem(412, "stale")["current"]["name"], "B");

    // The application itself changes the row.
    server.sql(behind.to_owned()).await;
    let stale = patch(&admin, &path, &second, json!({"name": "D"})).await;
    let third = stale.problem(412, "stale")["etag"]
        .as_str()
        .expect("the response contains the tag")
        .to_owned();
    let delete = admin
        .request(Method::DELETE, &path)
        .header("if-match", &second);
    TestResponse::of(delete).await.problem(412, "stale");
    let changed = patch(&admin, &path, &third, json!({"name": "D"})).await;
    assert_eq!(changed.json()["name"], "D", "{}", changed.text);
    let last = changed.header("etag").to_owned();
    let delete = admin
        .request(Method::DELETE, &path)
        .header("if-match", &last);
    assert_eq!(TestResponse::of(delete).await.status, 204);
}

async fn unmanaged_row_is_protected_by_its_values(database: Database) {
    let server = start(database).await;
    let row = json!({"name": "A", "city": "X", "email": null});
    changes_are_not_lost(&server, "customer", row, "UPDATE customer SET city = 'Y'").await;
}

async fn unmanaged_row_is_protected_by_its_version_column(database: Database) {
    let server = start(database).await;
    let behind = "UPDATE versioned SET name = 'E', lock_version = lock_version + 1";
    changes_are_not_lost(&server, "versioned", json!({"name": "A"}), behind).await;
}

async fn unmanaged_row_is_protected_by_its_time(database: Database) {
    let server = start(database).await;
    let behind = "UPDATE touched SET name = 'E', updated_at = '2040-01-01 00:00:00+00:00'";
    changes_are_not_lost(&server, "touched", json!({"name": "A"}), behind).await;
}

async fn combination_that_exists_is_reported_with_its_fields(database: Database) {
    let server = start(database).await;
    let admin = server.admin().await;
    let pointers = |problem: &Value| -> Vec<String> {
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let text = |error: &Value| error["pointer"].as_str().unwrap_or_default().to_owned();
        errors.iter().map(text).collect()
    };
    add(&admin, "member", json!({"team": "a", "name": "Ann"})).await;
    add(&admin, "member", json!({"team": "b", "name": "Ann"})).await;
    let (path, tag) = add(&admin, "member", json!({"team": "a", "name": "Bob"})).await;
    let twice = patch(&admin, &path, &tag, json!({"name": "Ann"})).await;
    let problem = twice.problem(409, "not_unique");
    assert_eq!(pointers(&problem), ["/team", "/name"], "{problem}");
    assert_eq!(problem["errors"][0]["code"], "not_unique");

    // Names of constraints that the application has chosen are found as well.
    let customer = json!({"name": "A", "city": "X", "email": "a@example.com"});
    add(&admin, "customer", customer).await;
    let path = "/api/admin/models/customer";
    let combination = json!({"name": "A", "city": "X", "email": null});
    let problem = admin
        .post(path, &combination)
        .await
        .problem(409, "not_unique");
    assert_eq!(pointers(&problem), ["/name", "/city"], "{problem}");
    let email = json!({"name": "B", "city": "X", "email": "a@example.com"});
    let problem = admin.post(path, &email).await.problem(409, "not_unique");
    assert_eq!(pointers(&problem), ["/email"], "{problem}");
}
