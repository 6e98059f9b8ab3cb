//! Background tasks from the client's point of view: start, status, result, cancellation.

use std::collections::BTreeSet;

use portal_core::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app;
use crate::support::{Database, TaskClient, TestResponse, TestServer, on_both};

on_both!(
    started_task_is_found_at_its_location,
    result_is_plain_json,
    result_of_an_active_task_is_a_conflict,
    failed_task_states_the_reason,
    panic_reveals_no_internals,
    task_over_its_timeout_fails,
    progress_never_decreases,
    running_task_can_be_cancelled,
    unresponsive_task_is_cancelled,
    pending_task_can_be_cancelled,
    cancelling_a_finished_task_changes_nothing,
    unstorable_text_does_not_keep_a_task_from_finishing,
    unstorable_arguments_are_rejected,
    task_types_are_listed,
    task_can_be_enqueued_from_code,
    failure_is_typed_in_code,
);

async fn setup(database: Database) -> (TestServer, TaskClient) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    (server, client)
}

async fn started_task_is_found_at_its_location(database: Database) {
    let (server, client) = setup(database).await;
    let response = client
        .ask("probe", "echo", &json!({"name": "bob", "age": 6}))
        .await;
    assert_eq!(response.status, 202);
    let id = response.json()["task_id"]
        .as_str()
        .expect("response has an id")
        .to_owned();
    assert_eq!(
        response.location(),
        client.path("probe", &format!("status/{id}"))
    );
    assert_eq!(server.guest().get(response.location()).await.status, 200);

    let task = client.ended(&id).await;
    let members: BTreeSet<_> = task
        .as_object()
        .expect("value is an object")
        .keys()
        .map(String::as_str)
        .collect();
    let contract = "task_id id state name title status active progress message result error code \
        attempt max_attempts created_at started_at finished_at updated_at";
    assert_eq!(members, contract.split_whitespace().collect());
    assert_eq!(task["task_id"], id.as_str());
    assert_eq!(task["id"], id.as_str());
    assert_eq!(
        (&task["state"], &task["name"], &task["title"]),
        (&json!("probe"), &json!("echo"), &json!("Echo"))
    );
    assert_eq!(
        (&task["status"], &task["active"], &task["progress"]),
        (&json!("COMPLETED"), &json!(false), &json!(100))
    );
    assert_eq!(
        (&task["error"], &task["code"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&task["attempt"], &task["max_attempts"]),
        (&json!(1), &json!(1))
    );
    let times = ["created_at", "started_at", "finished_at"].map(|name| {
        let text = task[name].as_str().expect("value is a time");
        chrono::DateTime::parse_from_rfc3339(text).expect("the time is in RFC 3339 format")
    });
    assert!(times.is_sorted(), "{times:?}");

    let alias = client.get("probe", &id).await;
    assert_eq!(alias.json(), task, "the route of the seed returns the same");
}

async fn result_is_plain_json(database: Database) {
    let (_server, client) = setup(database).await;
    let args = json!({"name": "Bob \"\u{1F680}\" O'Neil", "age": 6});
    let id = client.start_in("probe", "echo", &args).await;
    client.ended(&id).await;
    let response = client.get("probe", &format!("result/{id}")).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.json(), args);

    let number = client.start_in("other", "other", &json!({})).await;
    client.ended_in("other", &number).await;
    let response = client.get("other", &format!("result/{number}")).await;
    assert_eq!(response.text, "7");
}

async fn result_of_an_active_task_is_a_conflict(database: Database) {
    let (_server, client) = setup(database).await;
    let id = client.start("waits").await;
    client.until(&id, "PROCESSING").await;
    let problem = client
        .get("probe", &format!("result/{id}"))
        .await
        .problem(409, "task_not_finished");
    assert_eq!(problem["task"]["status"], "PROCESSING");
    assert_eq!(problem["task"]["task_id"], id.as_str());
}

async fn failed_task_states_the_reason(database: Database) {
    let (_server, client) = setup(database).await;
    let id = client.start("fails_task").await;
    let task = client.ended(&id).await;
    assert_eq!(task["status"], "ERROR");
    assert_eq!(task["error"], "it never works");
    assert_eq!(task["code"], "never_works");
    assert_eq!(task["result"], Value::Null);
    let problem = client
        .get("probe", &format!("result/{id}"))
        .await
        .problem(409, "task_failed");
    assert_eq!(problem["task"]["code"], "never_works");
}

async fn panic_reveals_no_internals(database: Database) {
    let (_server, client) = setup(database).await;
    let id = client.start("panics_task").await;
    let task = client.ended(&id).await;
    assert_eq!(
        (&task["status"], &task["code"]),
        (&json!("ERROR"), &json!("internal"))
    );
    assert!(!task.to_string().contains("secret"), "{task}");
    let next = client.start("steps").await;
    assert_eq!(
        client.ended(&next).await["status"],
        "COMPLETED",
        "the worker continues"
    );
}

async fn task_over_its_timeout_fails(database: Database) {
    let (_server, client) = setup(database).await;
    let id = client.start("slow").await;
    let task = client.ended(&id).await;
    assert_eq!(
        (&task["status"], &task["code"]),
        (&json!("ERROR"), &json!("timeout"))
    );
}

async fn progress_never_decreases(database: Database) {
    let (_server, client) = setup(database).await;
    let id = client.start("falls").await;
    let task = crate::support::eventually("the task has reported lower progress", async || {
        let task = client.status(&id).await;
        (task["message"] == "going back").then_some(task)
    })
    .await;
    assert_eq!(task["progress"], 80);
}

async fn running_task_can_be_cancelled(database: Database) {
    let (_server, client) = setup(database).await;
    // Repeat this, because the outcome must not depend on which of two results is seen first.
    for _ in 0..5 {
        let id = client.start("waits").await;
        client.until(&id, "PROCESSING").await;
        assert_eq!(client.cancel(&id).await.status, 202);
        let task = client.ended(&id).await;
        assert_eq!(
            (&task["status"], &task["error"], &task["code"]),
            (&json!("ERROR"), &json!("cancelled"), &json!("cancelled"))
        );
        client
            .get("probe", &format!("result/{id}"))
            .await
            .problem(409, "task_failed");
    }
}

async fn unresponsive_task_is_cancelled(database: Database) {
    let (_server, client) = setup(database).await;
    let id = client.start("stubborn").await;
    client.until(&id, "PROCESSING").await;
    assert_eq!(client.cancel(&id).await.status, 202);
    let task = client.ended(&id).await;
    assert_eq!(
        (&task["status"], &task["code"]),
        (&json!("ERROR"), &json!("cancelled"))
    );
}

async fn pending_task_can_be_cancelled(database: Database) {
    let (server, client) = setup(database).await;
    let id = client.start("waits").await;
    client.until(&id, "PROCESSING").await;
    // Requeue the task with a distant start time, so that it stays pending.
    let changed = server
        .sql(
            "UPDATE portal_tasks SET status = 'PENDING', run_at = '2999-01-01 00:00:00+00:00'"
                .to_owned(),
        )
        .await;
    assert_eq!(changed, 1);
    assert_eq!(client.status(&id).await["status"], "PENDING");
    assert_eq!(client.cancel(&id).await.status, 202);
    let task = client.status(&id).await;
    assert_eq!(
        (&task["status"], &task["error"], &task["code"]),
        (&json!("ERROR"), &json!("cancelled"), &json!("cancelled")),
        "the task finishes at once"
    );
}

async fn cancelling_a_finished_task_changes_nothing(database: Database) {
    let (_server, client) = setup(database).await;
    for name in ["steps", "fails_task"] {
        let id = client.start(name).await;
        let before = client.ended(&id).await;
        let response = client.cancel(&id).await;
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(client.status(&id).await, before);
    }
}

async fn unstorable_text_does_not_keep_a_task_from_finishing(database: Database) {
    let (_server, client) = setup(database).await;
    let result = client.start("gives_nul").await;
    let message = client.start("says_nul").await;
    let other = client.start("steps").await;
    assert_eq!(client.ended(&other).await["status"], "COMPLETED");
    let task = client.ended(&message).await;
    assert_eq!(
        (&task["status"], &task["progress"]),
        (&json!("ERROR"), &json!(50))
    );
    assert!(
        task["error"]
            .as_str()
            .is_some_and(|text| text.starts_with('c')),
        "{task}"
    );
    let task = client.ended(&result).await;
    assert_eq!(
        (&task["status"], &task["code"]),
        (&json!("ERROR"), &json!("result_invalid"))
    );
}

async fn unstorable_arguments_are_rejected(database: Database) {
    let (_server, client) = setup(database).await;
    let response = client
        .ask("probe", "echo", &json!({"name": "a\0b", "age": 1}))
        .await;
    let problem = response.problem(422, "invalid_parameters");
    assert_eq!(problem["errors"][0]["pointer"], "/name");
}

async fn task_types_are_listed(database: Database) {
    let server = TestServer::start(database).await;
    let response = server.guest().get("/api/tasks").await;
    assert_eq!(response.status, 200);
    let kinds = response.json()["tasks"]
        .as_array()
        .expect("value is a list")
        .clone();
    let kind = |name: &str| {
        let found = kinds.iter().find(|kind| kind["name"] == name);
        found
            .unwrap_or_else(|| panic!("{name} is not listed"))
            .clone()
    };
    let echo = kind("echo");
    assert_eq!(
        (
            &echo["state"],
            &echo["title"],
            &echo["description"],
            &echo["access"]
        ),
        (
            &json!("probe"),
            &json!("Echo"),
            &json!(""),
            &json!("public")
        )
    );
    assert_eq!(
        echo["args_schema"]["properties"]["name"]["type"], "string",
        "{echo}"
    );
    assert!(echo["example"]["age"].is_number(), "{echo}");
    let urls = &echo["urls"];
    assert_eq!(urls["start"], "/api/probe/tasks/{client_token}/start/echo");
    for (name, path) in [
        ("status", "/api/probe/tasks/{client_token}/status/{task_id}"),
        ("result", "/api/probe/tasks/{client_token}/result/{task_id}"),
        ("cancel", "/api/probe/tasks/{client_token}/cancel/{task_id}"),
        (
            "history",
            "/api/probe/tasks/{client_token}/history/{task_id}",
        ),
        ("monitor", "/api/tasks/{client_token}/{task_id}/monitor"),
    ] {
        assert_eq!(urls[name], path);
    }
    let steps = kind("steps");
    assert_eq!(
        (&steps["args_schema"], &steps["example"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(kind("admins_only")["access"], "admin");
}

async fn task_can_be_enqueued_from_code(database: Database) {
    let server = TestServer::start(database).await;
    let tasks = server.state.get::<Tasks>().expect("the service exists");
    let args = app::EchoArgs {
        name: "bob".to_owned(),
        age: 6,
    };
    let handle = tasks
        .enqueue(app::echo, args)
        .await
        .expect("the task is enqueued");
    let result: app::EchoArgs = handle.result().await.expect("the task completes");
    assert_eq!((result.name.as_str(), result.age), ("bob", 6));

    let too_old = app::EchoArgs {
        name: "bob".to_owned(),
        age: 151,
    };
    let refused = tasks.enqueue(app::echo, too_old).await;
    assert_eq!(
        refused.expect_err("the arguments are invalid").code(),
        "invalid_parameters"
    );
}

async fn failure_is_typed_in_code(database: Database) {
    let server = TestServer::start(database).await;
    let tasks = server.state.get::<Tasks>().expect("the service exists");
    let handle = tasks
        .enqueue(app::fails_task, portal_core::NoArgs {})
        .await
        .expect("the task is enqueued");
    let error = handle.result().await.expect_err("the task fails");
    assert_eq!(
        (error.message(), error.code()),
        ("it never works", "never_works")
    );

    let client = TaskClient::of(&server.user().await).await;
    let id = handle.id();
    let response = TestResponse::of(
        client
            .http
            .request(Method::GET, &client.path("probe", &format!("status/{id}"))),
    );
    // Tasks enqueued by code belong to no client.
    response.await.problem(404, "task_not_found");
}
