//! Access to tasks: starting, viewing, and rejected requests.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Database, TaskClient, TestResponse, TestServer, eventually, on_both};

on_both!(
    unknown_token_group_and_task_are_checked_in_order,
    expired_client_token_is_unknown,
    invalid_json_differs_from_invalid_arguments,
    all_errors_of_a_body_are_returned_at_once,
    client_token_sees_only_its_own_tasks,
    client_token_requires_a_user,
    deleted_client_token_is_unknown,
    admin_task_checks_the_current_role_of_its_owner,
    pending_task_is_refused_after_its_owner_is_demoted,
    deactivated_owner_cannot_start_protected_tasks,
);

async fn setup(database: Database) -> (TestServer, TaskClient) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    (server, client)
}

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

async fn unknown_token_group_and_task_are_checked_in_order(database: Database) {
    let (server, client) = setup(database).await;
    let guest = server.guest();
    let mine = client.token.as_str();
    for (state, token, rest, code) in [
        ("nonsense", NOBODY, "status/x", "client_token_unknown"),
        ("nonsense", "no-uuid", "status", "client_token_unknown"),
        ("nonsense", mine, "status/x", "state_unknown"),
        ("nonsense", mine, "status", "state_unknown"),
        ("probe", mine, "status/x", "task_not_found"),
        ("probe", mine, &format!("status/{NOBODY}"), "task_not_found"),
        ("probe", mine, &format!("result/{NOBODY}"), "task_not_found"),
    ] {
        let path = format!("/api/{state}/tasks/{token}/{rest}");
        guest.get(&path).await.problem(404, code);
    }
    for (state, token, rest, code) in [
        ("nonsense", NOBODY, "start/nothing", "client_token_unknown"),
        ("nonsense", mine, "start/nothing", "state_unknown"),
        ("probe", mine, "start/nothing", "task_unknown"),
        ("probe", mine, "start/other", "task_unknown"),
        ("probe", mine, &format!("cancel/{NOBODY}"), "task_not_found"),
    ] {
        let path = format!("/api/{state}/tasks/{token}/{rest}");
        guest.post(&path, &json!({})).await.problem(404, code);
    }
    let id = client.start_in("other", "other", &json!({})).await;
    client
        .get("probe", &format!("status/{id}"))
        .await
        .problem(404, "task_not_found");
}

async fn expired_client_token_is_unknown(database: Database) {
    let (server, client) = setup(database).await;
    let id = client.start("waits").await;
    server
        .sql("UPDATE portal_client_tokens SET expires_at = '2020-01-01 00:00:00+00:00'".to_owned())
        .await;
    // The process caches values for a while, so restart the portal.
    let server = server.start_again().await;
    let client = TaskClient {
        http: server.guest(),
        token: client.token,
    };
    for path in [format!("status/{id}"), "status".to_owned()] {
        client
            .get("probe", &path)
            .await
            .problem(404, "client_token_unknown");
    }
    client
        .ask("probe", "steps", &json!({}))
        .await
        .problem(404, "client_token_unknown");
}

async fn invalid_json_differs_from_invalid_arguments(database: Database) {
    let (_server, client) = setup(database).await;
    let path = client.path("probe", "start/echo");
    let send = async |content_type: &str, body: &'static str| {
        let request = client.http.request(Method::POST, &path);
        TestResponse::of(request.header("content-type", content_type).body(body)).await
    };
    send("application/json", "{\"name\":")
        .await
        .problem(400, "invalid_json");
    send("text/plain", "{\"name\": \"bob\", \"age\": 6}")
        .await
        .problem(415, "unsupported_media_type");
    send("application/json", "[1]")
        .await
        .problem(422, "invalid_parameters");
    let good = send(
        "application/json; charset=utf-8",
        "{\"name\": \"bob\", \"age\": 6}",
    );
    assert_eq!(good.await.status, 202);
    let large = format!("{{\"name\": \"{}\", \"age\": 6}}", "x".repeat(1024 * 1024));
    let request = client.http.request(Method::POST, &path);
    let response = TestResponse::of(
        request
            .header("content-type", "application/json")
            .body(large),
    );
    response.await.problem(413, "args_too_large");
    let listed = client.get("probe", "status").await.json();
    let started = listed["all_tasks"].as_object().map(serde_json::Map::len);
    assert_eq!(started, Some(1), "a rejected start is not stored");
}

async fn all_errors_of_a_body_are_returned_at_once(database: Database) {
    let (_server, client) = setup(database).await;
    let reported = async |body: Value| -> Vec<(String, String)> {
        let response = client.ask("probe", "echo", &body).await;
        let problem = response.problem(422, "invalid_parameters");
        let errors = problem["errors"]
            .as_array()
            .expect("value is a list")
            .clone();
        let text =
            |error: &Value, name: &str| error[name].as_str().expect("value is a string").to_owned();
        let mut reported: Vec<_> = errors
            .iter()
            .inspect(|error| assert!(!text(error, "message").is_empty()))
            .map(|error| (text(error, "pointer"), text(error, "code")))
            .collect();
        reported.sort();
        reported
    };
    let entry = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    assert_eq!(
        reported(json!({})).await,
        [entry("/age", "missing"), entry("/name", "missing")]
    );
    assert_eq!(
        reported(json!({"name": 7, "age": "old"})).await,
        [
            entry("/age", "invalid_type"),
            entry("/name", "invalid_type")
        ]
    );
    assert_eq!(
        reported(json!({"name": "", "age": 151})).await,
        [
            entry("/age", "invalid_value"),
            entry("/name", "invalid_value")
        ]
    );
}

async fn client_token_sees_only_its_own_tasks(database: Database) {
    let (server, client) = setup(database).await;
    let id = client.start("waits").await;
    let same_user = TaskClient::of(&server.user().await).await;
    let other_user = TaskClient::of(&server.sign_in("eve@example.com").await).await;
    for other in [same_user, other_user] {
        for path in [format!("status/{id}"), format!("result/{id}"), id.clone()] {
            other
                .get("probe", &path)
                .await
                .problem(404, "task_not_found");
        }
        other.cancel(&id).await.problem(404, "task_not_found");
        let list = other.get("probe", "status").await.json();
        assert_eq!(list["all_tasks"], json!({}));
    }
    assert_eq!(client.status(&id).await["active"], true);
}

async fn client_token_requires_a_user(database: Database) {
    let server = TestServer::start(database).await;
    let guest = server.guest();
    let response = TestResponse::of(guest.request(Method::POST, "/api/client-tokens")).await;
    response.problem(401, "unauthorized");
    let user = server.user().await;
    let response = TestResponse::of(user.request(Method::POST, "/api/client-tokens")).await;
    assert_eq!(response.status, 201);
    let (token, now) = (response.json(), chrono::Utc::now());
    let expires = token["expires_at"].as_str().expect("value is a time");
    let expires =
        chrono::DateTime::parse_from_rfc3339(expires).expect("the time is in RFC 3339 format");
    assert!(expires > now + chrono::TimeDelta::hours(23));
    let id: uuid::Uuid = token["client_token"]
        .as_str()
        .expect("response has a token")
        .parse()
        .expect("token is a UUID");
    assert_eq!(id.get_version_num(), 4, "the token is random");
}

async fn deleted_client_token_is_unknown(database: Database) {
    let (server, client) = setup(database).await;
    let id = client.start("waits").await;
    let path = format!("/api/client-tokens/{}", client.token);
    assert_eq!(server.guest().delete(&path).await.status, 401);
    let eve = server.sign_in("eve@example.com").await;
    eve.delete(&path).await.problem(404, "client_token_unknown");
    assert_eq!(client.status(&id).await["active"], true);

    let owner = server.user().await;
    assert_eq!(owner.delete(&path).await.status, 204);
    client
        .get("probe", &format!("status/{id}"))
        .await
        .problem(404, "client_token_unknown");
    owner
        .delete(&path)
        .await
        .problem(404, "client_token_unknown");
}

/// Changes a user as the administrator.
async fn change(admin: &Client, user: &Client, change: Value) {
    let id = user.get("/api/auth/me").await.json()["id"].clone();
    let path = format!("/api/users/{}", id.as_str().expect("response has an id"));
    let response = admin.patch(&path, &change).await;
    assert_eq!(response.status, 200, "{}", response.text);
}

async fn admin_task_checks_the_current_role_of_its_owner(database: Database) {
    let (server, client) = setup(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    let ask = async || client.ask("probe", "admins_only", &json!({})).await;
    ask().await.problem(403, "forbidden");
    change(&admin, &user, json!({"user_type": "ADMIN"})).await;
    let response = ask().await;
    assert_eq!(response.status, 202, "{}", response.text);
    let id = response.json()["task_id"]
        .as_str()
        .expect("response has an id")
        .to_owned();
    assert_eq!(client.ended(&id).await["result"], "hello");
    change(&admin, &user, json!({"user_type": "USER"})).await;
    ask().await.problem(403, "forbidden");
}

async fn pending_task_is_refused_after_its_owner_is_demoted(database: Database) {
    let (server, client) = setup(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    change(&admin, &user, json!({"user_type": "ADMIN"})).await;
    // Start as many tasks as can run concurrently, so that the next one has to wait. Wait until all
    // of them are running, because a task of another type could be claimed before the last of them.
    let mut running = Vec::new();
    for _ in 0..64 {
        running.push(client.start("waits").await);
    }
    eventually("all of them are running", async || {
        let list = client.get("probe", "status").await.json();
        let tasks = list["all_tasks"]
            .as_object()
            .expect("value is an object")
            .clone();
        let busy = tasks.values().filter(|task| task["status"] == "PROCESSING");
        (busy.count() == 64).then_some(())
    })
    .await;
    let id = client.start("admins_only").await;
    assert_eq!(client.status(&id).await["status"], "PENDING");
    change(&admin, &user, json!({"user_type": "USER"})).await;
    for other in running {
        client.cancel(&other).await;
    }
    // The owner may no longer view the task.
    client
        .get("probe", &format!("status/{id}"))
        .await
        .problem(403, "forbidden");
    let tasks = server.state.get::<portal_core::Tasks>();
    let tasks = tasks.expect("the service exists");
    let id: uuid::Uuid = id.parse().expect("id is a UUID");
    let task = eventually("the task has finished", async || {
        let task = tasks.get(id).await.expect("the database responds");
        task.filter(|task| task.status.is_final())
    })
    .await;
    assert_eq!(task.status, portal_core::tasks::TaskStatus::Error);
    assert_eq!(
        (task.code.as_deref(), task.result),
        (Some("forbidden"), None)
    );
}

async fn deactivated_owner_cannot_start_protected_tasks(database: Database) {
    let (server, client) = setup(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    change(&admin, &user, json!({"user_type": "ADMIN"})).await;
    change(&admin, &user, json!({"is_active": false})).await;
    let response = client.ask("probe", "admins_only", &json!({})).await;
    assert_eq!(response.status, 403, "{}", response.text);
}
