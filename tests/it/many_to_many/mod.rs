//! Many-to-many relations: REST, typed access, scopes, deletions and migrations.

mod browser;
mod pages;

use portal_core::admin::{Related, Scope};
use portal_core::auth::Role;
use portal_core::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::shop::{self, execute, message, number};
use crate::support::{Client, Database, TestResponse, TestServer, form, on_both};

on_both!(
    list_is_written_read_and_replaced,
    only_differences_are_written_and_recorded,
    unknown_keys_are_rejected_with_their_position,
    hidden_rows_cannot_be_added_and_are_kept,
    concurrent_change_is_rejected,
    deletion_of_either_side_removes_the_pairs,
    filters_select_rows_by_related_rows,
    typed_access_reads_and_writes_lists,
    join_table_is_added_to_an_existing_database,
);

/// Subjects of books
#[admin_model(
    order_by = name,
    view("role:sales", "role:finance"),
    scope = visible_subjects
)]
#[derive(Debug, Clone)]
struct Subject {
    id: i64,
    #[admin(unique)]
    name: String,
}

async fn visible_subjects(_user: &User) -> Result<Scope<Subject>> {
    Ok((!Subject::NAME.contains("secret")).into())
}

/// People who write books
#[admin_model]
#[derive(Debug)]
struct Writer {
    id: Uuid,
    name: String,
}

/// Books with subjects, writers and related books
#[admin_model(
    list(title, subjects, writers),
    order_by = title,
    view("role:sales", "role:finance"),
    create = "role:sales",
    change = "role:sales"
)]
#[derive(Debug, PartialEq)]
struct Volume {
    id: i64,
    title: String,
    subjects: Related<Subject>,
    writers: Related<Writer>,
    similar: Related<Volume>,
}

const VOLUMES: &str = "/api/admin/models/volume";

async fn add(client: &Client, model: &str, row: Value) -> Value {
    let path = format!("/api/admin/models/{model}");
    let response = client.post(&path, &row).await;
    assert_eq!(response.status, 201, "{}", response.text);
    response.json()["id"].clone()
}

async fn subject(admin: &Client, name: &str) -> Value {
    add(admin, "subject", json!({"name": name})).await
}

async fn volume(client: &Client, id: &Value) -> TestResponse {
    client.get(&format!("{VOLUMES}/{id}")).await
}

/// Changes a volume, whatever its version is.
async fn change(client: &Client, id: &Value, row: Value) -> TestResponse {
    change_if(client, id, "*", row).await
}

async fn change_if(client: &Client, id: &Value, version: &str, row: Value) -> TestResponse {
    let request = client.request(Method::PATCH, &format!("{VOLUMES}/{id}"));
    TestResponse::of(request.header("if-match", version).json(&row)).await
}

/// Signs in a user with a role.
async fn member(server: &TestServer, admin: &Client, role: &str) -> Client {
    let client = server.sign_in(&format!("{role}@example.com")).await;
    let id = client.get("/api/auth/me").await.json()["id"].clone();
    let path = format!("/api/users/{}", id.as_str().expect("an id"));
    let response = admin.patch(&path, &json!({"user_type": role})).await;
    assert_eq!(response.status, 200, "{}", response.text);
    client
}

fn models(server: &TestServer) -> Models {
    Models::clone(&server.state.get::<Models>().expect("the service exists"))
}

async fn list_is_written_read_and_replaced(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let (art, law) = (subject(&admin, "Art").await, subject(&admin, "Law").await);
    let writer = add(&admin, "writer", json!({"name": "Kim"})).await;
    let first = add(&admin, "volume", json!({"title": "A"})).await;
    let row = json!({
        "title": "B", "subjects": [law, art, law], "writers": [writer], "similar": [first],
    });
    let id = add(&admin, "volume", row).await;
    let stored = volume(&admin, &id).await.json();
    let both = json!([art, law]);
    assert_eq!(stored["subjects"], both, "{stored}");
    assert_eq!(stored["writers"], json!([writer]));
    assert_eq!(stored["similar"], json!([first]));
    let list = admin.get(&format!("{VOLUMES}?sort=-title")).await.json();
    assert_eq!(list["items"][0]["subjects"], both);
    assert_eq!(list["items"][1]["subjects"], json!([]));

    let changed = change(&admin, &id, json!({"subjects": [law]})).await;
    assert_eq!(changed.json()["subjects"], json!([law]), "{}", changed.text);
    assert_eq!(changed.json()["writers"], json!([writer]));
    // A full replacement resets omitted lists.
    let request = admin.request(Method::PUT, &format!("{VOLUMES}/{id}"));
    let request = request.header("if-match", "*").json(&json!({"title": "C"}));
    let replaced = TestResponse::of(request).await;
    assert_eq!(replaced.json()["subjects"], json!([]), "{}", replaced.text);
    assert_eq!(volume(&admin, &id).await.json()["writers"], json!([]));

    let described = admin.get("/api/admin/models").await.json();
    let models = described["models"].as_array().expect("a list");
    let model = models.iter().find(|it| it["name"] == "volume");
    let model = model.expect("the model is described");
    let fields = model["fields"].as_array().expect("a list");
    let field = fields.iter().find(|it| it["name"] == "subjects");
    let field = field.expect("the field is described");
    assert_eq!(
        (&field["kind"], &field["relation"]),
        (&json!("many_to_many"), &json!("subject"))
    );
    let schema = &model["json_schema"]["properties"]["subjects"];
    assert_eq!(
        (&schema["type"], &schema["items"]["type"]),
        (&json!("array"), &json!("integer"))
    );
    server.stop().await;
}

async fn only_differences_are_written_and_recorded(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let (art, law) = (subject(&admin, "Art").await, subject(&admin, "Law").await);
    let id = add(&admin, "volume", json!({"title": "A", "subjects": [art]})).await;
    let version = volume(&admin, &id).await.header("etag").to_owned();
    // The same list in another order is not a change.
    let same = change(&admin, &id, json!({"subjects": [art, art]})).await;
    assert_eq!(same.header("etag"), version);
    let changed = change(&admin, &id, json!({"subjects": [law, art]})).await;
    assert_ne!(changed.header("etag"), version);
    let log = admin
        .get("/api/admin/audit?action=volume.update")
        .await
        .json();
    let changes = log["items"][0]["details"]["changes"].clone();
    let expected = json!([{"field": "subjects", "old": [art], "new": [art, law]}]);
    assert_eq!(changes, expected, "{log}");
    server.stop().await;
}

async fn unknown_keys_are_rejected_with_their_position(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let art = subject(&admin, "Art").await;
    let row = json!({"title": "A", "subjects": [99_999, art]});
    let response = admin.post(VOLUMES, &row).await;
    let problem = response.problem(422, "invalid_parameters");
    assert_eq!(problem["errors"][0]["pointer"], "/subjects/0", "{problem}");
    assert_eq!(problem["errors"][0]["code"], "reference_unknown");
    for (list, pointer) in [
        (json!([art, "x"]), "/subjects/1"),
        (json!([art, null]), "/subjects/1"),
        (json!("x"), "/subjects"),
        (json!((0..1001).collect::<Vec<_>>()), "/subjects"),
    ] {
        let response = admin
            .post(VOLUMES, &json!({"title": "A", "subjects": list}))
            .await;
        let problem = response.problem(422, "invalid_parameters");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    server.stop().await;
}

async fn hidden_rows_cannot_be_added_and_are_kept(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let sales = member(&server, &admin, "SALES").await;
    let (art, secret) = (subject(&admin, "Art").await, hidden(&server).await);
    let row = json!({"title": "A", "subjects": [secret]});
    let response = sales.post(VOLUMES, &row).await;
    let problem = response.problem(422, "invalid_parameters");
    assert_eq!(problem["errors"][0]["pointer"], "/subjects/0");

    let id = add(&admin, "volume", json!({"title": "A"})).await;
    let stored = models(&server);
    let key = id.as_i64().expect("a number");
    let mut row = stored.get::<Volume>(key).await.expect("the row is read");
    let row = row.as_mut().expect("the row exists");
    row.subjects = Related::from(vec![secret]);
    stored.update(row).await.expect("the row is written");
    // The user sees only the key, and can add other rows.
    let changed = change(&sales, &id, json!({"subjects": [secret, art]})).await;
    assert_eq!(
        changed.json()["subjects"],
        json!([art, secret]),
        "{}",
        changed.text
    );
    server.stop().await;
}

/// Adds a subject that no user can see.
async fn hidden(server: &TestServer) -> i64 {
    let row = Subject {
        id: 0,
        name: "secret".to_owned(),
    };
    let row = models(server).insert(&row).await;
    row.expect("the row is written").id
}

async fn concurrent_change_is_rejected(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let (art, law) = (subject(&admin, "Art").await, subject(&admin, "Law").await);
    let id = add(&admin, "volume", json!({"title": "A"})).await;
    let version = volume(&admin, &id).await.header("etag").to_owned();
    let changes = [json!({"subjects": [art]}), json!({"subjects": [law]})];
    let [one, other] = changes.map(|row| change_if(&admin, &id, &version, row));
    let (one, other) = tokio::join!(one, other);
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "{} {}", one.text, other.text);
    let stored = volume(&admin, &id).await.json()["subjects"].clone();
    assert_eq!(stored.as_array().map(Vec::len), Some(1), "{stored}");
    server.stop().await;
}

async fn deletion_of_either_side_removes_the_pairs(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let (art, law) = (subject(&admin, "Art").await, subject(&admin, "Law").await);
    let row = json!({"title": "A", "subjects": [art, law]});
    let id = add(&admin, "volume", row).await;
    let version = volume(&admin, &id).await.header("etag").to_owned();
    let removed = admin.request(Method::DELETE, &format!("/api/admin/models/subject/{art}"));
    let removed = TestResponse::of(removed.header("if-match", "*")).await;
    assert_eq!(removed.status, 204, "{}", removed.text);
    let stored = volume(&admin, &id).await;
    assert_eq!(stored.json()["subjects"], json!([law]));
    assert_ne!(stored.header("etag"), version);

    let other = add(&admin, "volume", json!({"title": "B", "similar": [id]})).await;
    let removed = admin.request(Method::DELETE, &format!("{VOLUMES}/{id}"));
    let removed = TestResponse::of(removed.header("if-match", "*")).await;
    assert_eq!(removed.status, 204, "{}", removed.text);
    assert_eq!(volume(&admin, &other).await.json()["similar"], json!([]));
    assert_eq!(
        number(&server.uri, "SELECT count(*) FROM volume_subjects").await,
        0
    );
    let log = admin
        .get("/api/admin/audit?action=volume.delete")
        .await
        .json();
    let changes = log["items"][0]["details"]["changes"].to_string();
    assert!(changes.contains("\"subjects\""), "{log}");
    server.stop().await;
}

async fn filters_select_rows_by_related_rows(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let (art, law) = (subject(&admin, "Art").await, subject(&admin, "Law").await);
    for (title, subjects) in [
        ("A", json!([art])),
        ("B", json!([art, law])),
        ("C", json!([])),
    ] {
        add(
            &admin,
            "volume",
            json!({"title": title, "subjects": subjects}),
        )
        .await;
    }
    for (filter, expected) in [
        (format!("filter[subjects]={art}"), "A B"),
        (format!("filter[subjects][in]={law},99999"), "B"),
        (format!("filter[subjects][ne]={law}"), "A C"),
        ("filter[subjects][empty]=true".to_owned(), "C"),
        ("filter[subjects][empty]=false".to_owned(), "A B"),
        (format!("filter[subjects]={law}&cursor="), "B"),
    ] {
        let list = admin.get(&format!("{VOLUMES}?{filter}")).await;
        let list = list.json();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let titles: Vec<&str> = items.iter().filter_map(|it| it["title"].as_str()).collect();
        assert_eq!(titles.join(" "), expected, "{filter}: {list}");
    }
    for parameters in [
        "filter[subjects][contains]=1",
        "filter[subjects]=x",
        "sort=subjects",
    ] {
        let response = admin.get(&format!("{VOLUMES}?{parameters}")).await;
        response.problem(422, "invalid_parameters");
    }
    let csv = admin
        .get(&format!(
            "{VOLUMES}/export?format=csv&filter[subjects]={law}"
        ))
        .await;
    assert!(csv.text.contains("subjects,subjects.label"), "{}", csv.text);
    let cells = format!("\"{art},{law}\",\"Art, Law\"");
    assert!(csv.text.contains(&cells), "{}", csv.text);
    server.stop().await;
}

async fn typed_access_reads_and_writes_lists(database: Database) {
    let mut server = TestServer::start(database).await;
    let models = models(&server);
    let subject = |name: &str| Subject {
        id: 0,
        name: name.to_owned(),
    };
    let art = models.insert(&subject("Art")).await.expect("inserted").id;
    let law = models.insert(&subject("Law")).await.expect("inserted").id;
    let writer = Writer {
        id: Uuid::nil(),
        name: "Kim".to_owned(),
    };
    let writer = models.insert(&writer).await.expect("inserted").id;
    let new = Volume {
        id: 0,
        title: "A".to_owned(),
        subjects: Related::from(vec![law, art, art]),
        writers: [writer].into_iter().collect(),
        similar: Related::default(),
    };
    let mut row = models.insert(&new).await.expect("inserted");
    assert_eq!(row.subjects.keys::<i64>().expect("numbers"), [art, law]);
    assert!(row.writers.contains(&writer) && row.similar.is_empty());
    let found = models.get::<Volume>(row.id).await.expect("read");
    assert_eq!(found.as_ref(), Some(&row));
    let queried = models.query::<Volume>().filter(Volume::TITLE.eq("A"));
    assert_eq!(queried.one().await.expect("read"), row);

    row.subjects = Related::from(vec![law]);
    row.similar = Related::from(vec![row.id]);
    let updated = models.update(&row).await.expect("updated");
    assert_eq!(updated, row);
    let found = models.get::<Volume>(row.id).await.expect("read");
    assert_eq!(found, Some(updated));

    row.subjects = Related::from(vec![law, 99_999]);
    let error = models.update(&row).await.expect_err("the key is unknown");
    assert_eq!(error.field_errors()[0].pointer, "/subjects/1");
    assert!(models.delete::<Volume>(row.id).await.expect("deleted"));
    server.stop().await;
}

async fn join_table_is_added_to_an_existing_database(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create_migrated(&directory).await;
    let portal = || {
        shop::portal(uri)
            .role(Role::custom("sales"))
            .role(Role::custom("finance"))
            .admin_model::<Subject>()
            .admin_model::<Writer>()
    };
    portal().migrate().await.expect("the tables are created");
    let portal = || portal().admin_model::<Volume>();
    let differs = message(portal().check().await);
    assert!(
        differs.contains("`volume_subjects` is missing"),
        "{differs}"
    );
    portal().migrate().await.expect("the tables are created");
    portal().check().await.expect("the database matches");
    let again = portal().write_migration("again", directory.path());
    assert!(again.await.expect("the tables are compared").is_empty());
    let dangling = "INSERT INTO volume_subjects (owner_id, target_id) VALUES (1, 1)";
    assert!(execute(uri, dangling).await.is_err());
}

/// Submits a form of a page.
async fn submit(client: &Client, path: &str, fields: &[(&str, &str)]) -> TestResponse {
    let request = client.request(Method::POST, path);
    let request = request
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    TestResponse::of(request.body(form(fields))).await
}
