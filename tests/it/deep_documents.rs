//! Nesting limit: deeper values are rejected, and stored ones do not break lists.

use garde::Validate;
use portal_core::prelude::*;
use reqwest::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{
    Client, CookieClient, Database, Socket, TaskClient, TestResponse, TestServer, on_both,
};

on_both!(
    deeper_value_is_rejected_by_rest,
    deeper_value_is_rejected_by_forms,
    deeper_preference_is_rejected,
    deeper_task_args_results_and_checkpoints_are_rejected,
    stored_deep_documents_do_not_break_lists,
    row_with_a_deep_document_stays_editable,
);

#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
struct KeepArgs {
    #[garde(skip)]
    value: Value,
}

/// Returns its argument
#[monitored_background_task(group = "nested")]
async fn keep(_task: TaskContext, task_args: KeepArgs) -> Value {
    task_args.value
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
struct DepthArgs {
    #[garde(skip)]
    depth: usize,
}

/// Returns a nested list
#[monitored_background_task(group = "nested")]
async fn nest(_task: TaskContext, task_args: DepthArgs) -> Value {
    nested(task_args.depth)
}

/// Stores a nested list as its checkpoint
#[monitored_background_task(group = "nested")]
async fn nest_checkpoint(task: TaskContext, task_args: DepthArgs) -> Result<(), TaskError> {
    task.checkpoint(&nested(task_args.depth)).await
}

fn text(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

fn nested(depth: usize) -> Value {
    (1..depth).fold(json!([]), |inner, _| json!([inner]))
}

fn request(client: &Client, method: Method, path: &str, body: String) -> reqwest::RequestBuilder {
    client
        .request(method, path)
        .header("content-type", "application/json")
        .body(body)
}

async fn send(client: &Client, method: Method, path: &str, body: String) -> TestResponse {
    TestResponse::of(request(client, method, path, body)).await
}

#[track_caller]
fn is_too_deep(response: &TestResponse, pointer: &str) {
    let problem = response.problem(422, "invalid_parameters");
    let error = &problem["errors"][0];
    assert_eq!(error["code"], "too_deep", "{problem}");
    let found = error["pointer"].as_str().unwrap_or_default();
    assert!(found.starts_with(pointer), "{problem}");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.contains("deeper than 64 levels"), "{problem}");
}

/// Depths beyond the limit, some of which exceed the nesting limit of common JSON parsers.
const TOO_DEEP: [usize; 6] = [65, 66, 100, 127, 128, 10_000];

async fn deeper_value_is_rejected_by_rest(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let path = "/api/admin/models/plan";
    let plan =
        |name: &str, depth| format!("{{\"name\": \"{name}\", \"settings\": {}}}", text(depth));
    let stored = send(&admin, Method::POST, path, plan("deep", 64)).await;
    assert_eq!(stored.status, 201, "{}", stored.text);
    assert_eq!(stored.json()["settings"], nested(64));
    let row = stored.location().to_owned();
    for depth in TOO_DEEP {
        let response = send(&admin, Method::POST, path, plan("deeper", depth)).await;
        is_too_deep(&response, "/settings/0");
        let change = request(&admin, Method::PATCH, &row, plan("deep", depth));
        is_too_deep(
            &TestResponse::of(change.header("if-match", "*")).await,
            "/settings/0",
        );
    }
    // A malformed body is reported as malformed at any depth.
    let response = send(&admin, Method::POST, path, "[".repeat(60)).await;
    response.problem(400, "invalid_json");
}

async fn deeper_value_is_rejected_by_forms(database: Database) {
    let server = TestServer::start(database).await;
    let mut browser = CookieClient::of(&server.url, &server.admin().await);
    let path = "/admin/settings/plan/create";
    for format in ["json", "yaml"] {
        let document = |depth: usize| format!("[\n{}\n]", text(depth - 1));
        let fields = |settings: String| {
            [
                ("name", format!("by {format}")),
                ("price", "1".to_owned()),
                ("settings", settings),
                ("_format.settings", format.to_owned()),
            ]
        };
        for depth in TOO_DEEP {
            let fields = fields(document(depth));
            let fields = fields
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            let response = browser.submit(path, &fields).await;
            assert_eq!(response.status, 422, "{format} {depth}: {}", response.text);
            assert!(
                response.text.contains("deeper than 64 levels"),
                "{format} {depth}"
            );
            assert!(
                response.text.contains("line 2, column"),
                "{format} {depth}: {}",
                response.text
            );
        }
        let fields = fields(document(64));
        let fields = fields
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let response = browser.submit(path, &fields).await;
        assert_eq!(response.status, 303, "{format}: {}", response.text);
    }
}

async fn deeper_preference_is_rejected(database: Database) {
    let server = TestServer::start(database).await;
    let user = server.user().await;
    let body = |depth| format!("{{\"preferences\": {{\"tree\": {}}}}}", text(depth));
    let path = "/api/auth/me";
    for depth in TOO_DEEP {
        // Keep the body below the size limit, which is a separate rule.
        let response = send(&user, Method::PATCH, path, body(depth.min(5_000))).await;
        is_too_deep(&response, "/preferences/tree/0");
    }
    let response = send(&user, Method::PATCH, path, body(64)).await;
    assert_eq!(response.status, 200, "{}", response.text);
    let stored = user.get("/api/auth/me/preferences").await;
    assert_eq!(stored.json()["preferences"]["tree"], nested(64));
}

async fn deeper_task_args_results_and_checkpoints_are_rejected(database: Database) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let start = client.path("nested", "start/keep");
    for depth in TOO_DEEP {
        let body = format!("{{\"value\": {}}}", text(depth - 1));
        is_too_deep(
            &send(&client.http, Method::POST, &start, body).await,
            "/value/0",
        );
    }
    let args = json!({"value": nested(63)});
    let id = client.start_in("nested", "keep", &args).await;
    assert_eq!(client.ended_in("nested", &id).await["result"], nested(63));

    let id = client
        .start_in("nested", "nest", &json!({"depth": 64}))
        .await;
    assert_eq!(client.ended_in("nested", &id).await["result"], nested(64));
    for (task, code) in [
        ("nest", "result_invalid"),
        ("nest_checkpoint", "checkpoint_invalid"),
    ] {
        let id = client.start_in("nested", task, &json!({"depth": 65})).await;
        let task = client.ended_in("nested", &id).await;
        assert_eq!(
            (&task["status"], &task["code"]),
            (&json!("ERROR"), &json!(code))
        );
        let error = task["error"].as_str().unwrap_or_default();
        assert!(error.contains("deeper than 64 levels"), "{task}");
    }
}

/// Lists and pages that show stored documents.
const LISTS: [&str; 13] = [
    "/api/admin/audit",
    "/admin/audit",
    "/api/admin/models/plan",
    "/api/admin/models/user",
    "/admin/settings/plan",
    "/admin/users",
    "/api/users",
    "/api/auth/me",
    "/api/auth/me/preferences",
    "/admin/tasks/all",
    "/admin/tasks",
    "/admin/notifications",
    "/search?q=plan",
];

async fn stored_deep_documents_do_not_break_lists(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let client = TaskClient::of(&admin).await;
    let plan = json!({"name": "Plain", "settings": {"a": 1}});
    assert_eq!(
        admin.post("/api/admin/models/plan", &plan).await.status,
        201
    );
    let other = client
        .start_in("nested", "keep", &json!({"value": 1}))
        .await;
    client.ended_in("nested", &other).await;
    for depth in [120, 121, 125, 126, 127, 128, 130, 1_000] {
        // An older version could have stored these rows, with values of this depth.
        let name = format!("Deep {depth}");
        let made = admin
            .post("/api/admin/models/plan", &json!({"name": name}))
            .await;
        let row = made.location().to_owned();
        let (task, deep) = (
            client
                .start_in("nested", "keep", &json!({"value": 2}))
                .await,
            text(depth),
        );
        client.ended_in("nested", &task).await;
        for change in [
            format!("UPDATE plan SET settings = '{deep}' WHERE name = '{name}'"),
            format!(
                "UPDATE portal_audit_log SET details = \
                 '{{\"label\": \"{name}\", \"changes\": [{{\"field\": \"settings\", \"new\": {deep}}}]}}' \
                 WHERE action = 'plan.create'"
            ),
            "UPDATE portal_users SET preferences = '{\"tree\": ".to_owned() + &deep + "}'",
            format!("UPDATE portal_users SET user_attribute = '{{\"tree\": {deep}}}'"),
            format!(
                "UPDATE portal_tasks SET args = '{{\"value\": {deep}}}', result = '{deep}' \
                 WHERE CAST(result AS text) = '2'"
            ),
        ] {
            assert!(server.sql(change).await > 0);
        }
        // A new session reads uncached values.
        let admin = server.admin().await;
        for path in LISTS {
            let response = if path.starts_with("/api") {
                admin.get(path).await
            } else {
                admin.page(path).await
            };
            assert_eq!(response.status, 200, "{path} at {depth}: {}", response.text);
            if path.starts_with("/api") {
                // A client with the usual nesting limit can parse the response.
                response.json();
            }
        }
        let rows = admin.get("/api/admin/models/plan").await.json();
        let row_of = |name: &str| {
            let rows = rows["items"].as_array().expect("value is a list").iter();
            rows.clone().find(|row| row["name"] == name).cloned()
        };
        assert_eq!(
            row_of("Plain").expect("the row is listed")["settings"],
            json!({"a": 1})
        );
        let deep_row = row_of(&name).expect("the row is listed").to_string();
        assert_eq!(
            deep_row.contains("cannot be shown"),
            depth > 120,
            "{deep_row}"
        );
        let audit = admin.get("/api/admin/audit").await.json();
        assert!(audit.to_string().contains(&name), "{depth}");
        assert_eq!(admin.get(&row).await.status, 200, "{depth}");

        let list = client.get("nested", "status").await.json();
        assert_eq!(list["all_tasks"][&other]["result"], 1, "{depth}");
        let shown = list["all_tasks"][&task]["result"].to_string();
        assert_eq!(shown.contains("cannot be shown"), depth > 120, "{shown}");
        for rest in ["status", "history", "result"] {
            let response = client.get("nested", &format!("{rest}/{task}")).await;
            assert_eq!(response.status, 200, "{rest} at {depth}: {}", response.text);
        }
        let page = admin.page(&format!("/admin/tasks/{task}")).await;
        assert_eq!(page.status, 200, "{depth}: {}", page.text);
        let path = format!("/api/tasks/{}/{task}/monitor", client.token);
        let mut socket = Socket::open(&server.url, &path).await;
        assert_eq!(socket.update().await["data"]["task_id"], task, "{depth}");
    }
}

async fn row_with_a_deep_document_stays_editable(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let made = admin
        .post("/api/admin/models/plan", &json!({"name": "Old"}))
        .await;
    let row = made.location().to_owned();
    let deep = text(500);
    let change = format!("UPDATE plan SET settings = '{deep}' WHERE name = 'Old'");
    assert_eq!(server.sql(change).await, 1);
    let change = admin.request(Method::PATCH, &row).header("if-match", "*");
    let response = TestResponse::of(change.json(&json!({"price": 7}))).await;
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.json()["price"], 7);
    // The document itself is unchanged.
    let unchanged = format!(
        "UPDATE plan SET price = 8 WHERE REPLACE(CAST(settings AS text), ' ', '') = '{deep}'"
    );
    assert_eq!(server.sql(unchanged).await, 1);
    let replaced = admin.request(Method::PATCH, &row).header("if-match", "*");
    let response = TestResponse::of(replaced.json(&json!({"settings": {"a": 1}}))).await;
    assert_eq!(
        response.json()["settings"],
        json!({"a": 1}),
        "{}",
        response.text
    );
    let audit = admin.get("/api/admin/audit").await;
    assert_eq!(audit.status, 200, "{}", audit.text);
}
