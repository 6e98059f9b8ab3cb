//! Administrators' actions on tasks, and the audit entries about them.

use std::collections::BTreeSet;
use std::time::Duration;

use portal_core::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    ADMIN, CookieClient, Database, TaskClient, TestResponse, TestServer, attributes, eventually,
    on_both,
};

on_both!(
    finished_task_runs_again_as_a_new_task,
    active_task_is_not_run_again,
    task_type_is_paused_and_resumed,
    pruning_keeps_active_and_recent_tasks,
    old_tasks_are_pruned_automatically,
    task_stores_the_trace_of_its_request,
    task_page_buttons_act_and_are_audited,
    outdated_button_shows_a_message,
    tasks_are_deleted_only_after_confirmation,
    timeline_is_in_chronological_order,
    list_of_all_tasks_has_no_audit_entries,
    list_of_all_tasks_is_filtered,
    only_administrators_operate_tasks,
    audit_log_is_paginated,
);

async fn setup(database: Database) -> (TestServer, TaskClient) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    (server, client)
}

fn tasks(server: &TestServer) -> std::sync::Arc<Tasks> {
    server.state.get::<Tasks>().expect("the service exists")
}

fn id(text: &str) -> uuid::Uuid {
    text.parse().expect("id is a UUID")
}

/// Returns the number of task rows that match a condition.
async fn count(server: &TestServer, condition: &str) -> u64 {
    server
        .sql(format!(
            "UPDATE portal_tasks SET version = version WHERE {condition}"
        ))
        .await
}

async fn finished_task_runs_again_as_a_new_task(database: Database) {
    let (server, client) = setup(database).await;
    let args = json!({"name": "bob", "age": 6});
    let first = client.start_in("probe", "echo", &args).await;
    client.ended(&first).await;
    let again = tasks(&server).run_again(id(&first)).await;
    let again = again.expect("the task has finished").to_string();
    assert_ne!(again, first);
    let task = client.ended(&again).await;
    assert_eq!(
        (&task["name"], &task["status"], &task["result"]),
        (&json!("echo"), &json!("COMPLETED"), &args),
        "the same arguments and client token"
    );
    assert_eq!(
        count(&server, "owner_user_id IS NOT NULL").await,
        2,
        "the same owner"
    );
    assert_eq!(client.status(&first).await["status"], "COMPLETED");
}

async fn active_task_is_not_run_again(database: Database) {
    let (server, client) = setup(database).await;
    let task = client.start("waits").await;
    let error = tasks(&server).run_again(id(&task)).await;
    let error = error.expect_err("the task is active");
    assert_eq!(
        (error.status().as_u16(), error.code()),
        (409, "task_not_finished")
    );
    let unknown = "00000000-0000-4000-8000-000000000000";
    let error = tasks(&server).run_again(id(unknown)).await;
    assert_eq!(
        error.expect_err("the task is unknown").code(),
        "task_not_found"
    );
    assert_eq!(count(&server, "1 = 1").await, 1);
}

async fn task_type_is_paused_and_resumed(database: Database) {
    let (server, _) = setup(database).await;
    let tasks = tasks(&server);
    for _ in 0..2 {
        tasks.pause_type("probe", "echo").await.expect("registered");
    }
    let paused = BTreeSet::from([("probe".to_owned(), "echo".to_owned())]);
    assert_eq!(tasks.paused_types().await.expect("read"), paused);
    tasks
        .resume_type("probe", "echo")
        .await
        .expect("registered");
    assert_eq!(tasks.paused_types().await.expect("read"), BTreeSet::new());
    for (state, name, code) in [
        ("nonsense", "echo", "state_unknown"),
        ("probe", "nothing", "task_unknown"),
    ] {
        let error = tasks
            .pause_type(state, name)
            .await
            .expect_err("the task type is unknown");
        assert_eq!(error.code(), code);
    }
}

const LONG_AGO: &str = "'2020-01-01T00:00:00+00:00'";

async fn pruning_keeps_active_and_recent_tasks(database: Database) {
    let (server, client) = setup(database).await;
    let old = client.start("fails_task").await;
    client.ended(&old).await;
    let active = client.start("waits").await;
    client.until(&active, "PROCESSING").await;
    server
        .sql(format!(
            "UPDATE portal_tasks SET created_at = {LONG_AGO}, started_at = {LONG_AGO}"
        ))
        .await;
    server
        .sql(format!(
            "UPDATE portal_tasks SET finished_at = {LONG_AGO} WHERE finished_at IS NOT NULL"
        ))
        .await;
    let young = client.start("fails_task").await;
    client.ended(&young).await;
    // Add more rows than a single statement deletes.
    let columns = "state, name, args, status, run_at, created_at, updated_at, finished_at";
    let new_id = match database {
        Database::Sqlite => "randomblob(16)",
        Database::Postgres => "gen_random_uuid()",
    };
    server
        .sql(format!(
            "INSERT INTO portal_tasks (id, {columns}) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) \
             SELECT {new_id}, {columns} FROM portal_tasks, n WHERE finished_at = {LONG_AGO}"
        ))
        .await;
    let day = Duration::from_secs(24 * 60 * 60);
    let pruned = tasks(&server)
        .prune(day)
        .await
        .expect("the tasks are pruned");
    assert_eq!(pruned, 1201);
    client
        .get("probe", &format!("status/{old}"))
        .await
        .problem(404, "task_not_found");
    assert_eq!(client.status(&young).await["status"], "ERROR");
    assert_eq!(client.status(&active).await["status"], "PROCESSING");
    assert_eq!(
        tasks(&server)
            .prune(day)
            .await
            .expect("the tasks are pruned"),
        0
    );
    let pruned = tasks(&server).prune(Duration::MAX).await;
    assert_eq!(
        pruned.expect("the tasks are pruned"),
        0,
        "no task is that old"
    );
}

async fn old_tasks_are_pruned_automatically(database: Database) {
    let (server, client) = setup(database).await;
    let old = client.start("fails_task").await;
    client.ended(&old).await;
    server
        .sql(format!("UPDATE portal_tasks SET finished_at = {LONG_AGO}"))
        .await;
    let young = client.start("fails_task").await;
    client.ended(&young).await;
    let server = server.start_again().await;
    eventually("the old task is gone", async || {
        (count(&server, "1 = 1").await == 1).then_some(())
    })
    .await;
    let young = tasks(&server)
        .get(id(&young))
        .await
        .expect("the database responds");
    assert!(young.is_some());
}

async fn task_stores_the_trace_of_its_request(database: Database) {
    let (server, client) = setup(database).await;
    let start = client.path("probe", "start/steps");
    let response = client.http.post(&start, &json!({})).await;
    let request_id = response.header("x-request-id").to_owned();
    assert!(!request_id.is_empty());
    assert_eq!(
        count(&server, &format!("trace_parent = '{request_id}'")).await,
        1
    );
    for (name, given, kept) in [
        ("x-request-id", "of-the-proxy.7", "of-the-proxy.7"),
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    ] {
        let request = client.http.request(Method::POST, &start).json(&json!({}));
        assert_eq!(
            TestResponse::of(request.header(name, given)).await.status,
            202
        );
        let found = count(&server, &format!("trace_parent = '{kept}'")).await;
        assert_eq!(found, 1, "{name}");
    }
    let request = client.http.request(Method::POST, &start).json(&json!({}));
    let response = TestResponse::of(request.header("traceparent", "'; nonsense")).await;
    let request_id = response.header("x-request-id");
    let found = count(&server, &format!("trace_parent = '{request_id}'")).await;
    assert_eq!(found, 1, "an invalid trace is ignored");
}

async fn audited(server: &TestServer) -> Vec<Value> {
    let path = format!("/api/admin/audit?actor={}", crate::support::ADMIN);
    let response = server.admin().await.get(&path).await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()["items"]
        .as_array()
        .expect("value is a list")
        .clone()
}

async fn task_page_buttons_act_and_are_audited(database: Database) {
    let (server, client) = setup(database).await;
    let mut browser = CookieClient::of(&server.url, &server.admin().await);
    let task = client.start("waits").await;
    client.until(&task, "PROCESSING").await;

    let back = "/admin/tasks/all?status=PROCESSING";
    let page = browser.page(back).await;
    let cancel = format!("/admin/tasks/{task}/cancel");
    let actions = attributes(&page.text, "form[data-when=active]", "action");
    assert_eq!(actions, [cancel.as_str()]);
    let response = browser.submit(&cancel, &[("back", back)]).await;
    assert_eq!((response.status.as_u16(), response.location()), (303, back));
    assert_eq!(client.ended(&task).await["code"], "cancelled");

    let again = format!("/admin/tasks/{task}/again");
    let page = browser.page("/admin/tasks/all").await;
    let actions = attributes(&page.text, "form[data-when=ended]", "action");
    assert_eq!(actions, [again.as_str()]);
    let response = browser.submit(&again, &[("back", "//evil.example")]).await;
    assert_eq!(response.status, 303);
    assert!(
        !response.location().contains("evil"),
        "{}",
        response.location()
    );
    assert_eq!(count(&server, "name = 'waits'").await, 2);
    assert_eq!(
        count(
            &server,
            &format!("trace_parent = '{}'", response.header("x-request-id"))
        )
        .await,
        1,
        "the new task has the trace of the click"
    );

    let kind = [("state", "probe"), ("task", "echo")];
    for (verb, badges) in [("pause", 1), ("resume", 0)] {
        let path = format!("/admin/tasks/kinds/{verb}");
        let response = browser.submit(&path, &kind).await;
        assert_eq!(
            response.location(),
            "/admin/tasks/kinds",
            "{}",
            response.text
        );
        for page in ["/admin/tasks/kinds", "/admin/tasks?state=probe&task=echo"] {
            let page = browser.page(page).await.text;
            assert_eq!(page.matches(">Paused</span>").count(), badges);
        }
    }
    let unknown = [("state", "probe"), ("task", "nothing")];
    let response = browser.submit("/admin/tasks/kinds/pause", &unknown).await;
    assert_eq!(response.status, 404);

    let entries = audited(&server).await;
    let seen: Vec<_> = entries
        .iter()
        .map(|entry| {
            assert_eq!(entry["actor"]["email"], ADMIN);
            assert!(entry["actor"]["id"].is_string());
            let text = |name: &str| entry[name].as_str().expect("value is a string").to_owned();
            (text("action"), text("target"))
        })
        .collect();
    let pair = |action: &str, target: &str| (action.to_owned(), target.to_owned());
    assert_eq!(
        seen,
        [
            pair("tasks.resume", "task_kind:probe/echo"),
            pair("tasks.pause", "task_kind:probe/echo"),
            pair("task.run_again", &format!("task:{task}")),
            pair("task.cancel", &format!("task:{task}")),
        ],
        "newest first"
    );
    let new = entries[2]["details"]["new_task_id"]
        .as_str()
        .expect("response has an id");
    assert_eq!(client.status(new).await["name"], "waits");
}

async fn outdated_button_shows_a_message(database: Database) {
    let (server, client) = setup(database).await;
    let mut browser = CookieClient::of(&server.url, &server.admin().await);
    let ended = client.start("fails_task").await;
    client.ended(&ended).await;
    let active = client.start("waits").await;
    for (path, message) in [
        (
            format!("/admin/tasks/{ended}/cancel"),
            "had already finished",
        ),
        (
            format!("/admin/tasks/{active}/again"),
            "wait until it has finished",
        ),
    ] {
        let response = browser.submit(&path, &[]).await;
        assert_eq!(response.location(), "/admin/tasks", "{}", response.text);
        let page = browser.page("/admin/tasks").await;
        assert!(page.text.contains(message), "{message}");
    }
    let unknown = "/admin/tasks/00000000-0000-4000-8000-000000000000/again";
    assert_eq!(browser.submit(unknown, &[]).await.status, 404);
    assert_eq!(
        browser.submit("/admin/tasks/x/again", &[]).await.status,
        404
    );
    assert_eq!(audited(&server).await, [] as [Value; 0], "nothing was done");
}

async fn tasks_are_deleted_only_after_confirmation(database: Database) {
    let (server, client) = setup(database).await;
    let mut browser = CookieClient::of(&server.url, &server.admin().await);
    client.ended(&client.start("fails_task").await).await;
    let active = client.start("waits").await;
    client.until(&active, "PROCESSING").await;

    let page = browser.page("/admin/tasks/all?prune=1").await;
    assert!(page.text.contains("No tasks are that old"));
    let page = browser.page("/admin/tasks/all?prune=0").await;
    assert!(page.text.contains("Delete 1 task<"), "{}", page.text);
    // The confirmation is in the same card as the button that requests it.
    let card = "#clean-up form[action='/admin/tasks/prune'] button[type=submit]";
    assert_eq!(attributes(&page.text, card, "type"), ["submit"]);
    assert_eq!(count(&server, "1 = 1").await, 2, "nothing is deleted yet");
    for days in ["x", "-1", "36501"] {
        let page = browser
            .page(&format!("/admin/tasks/all?prune={days}"))
            .await;
        assert_eq!(page.status, 422);
        assert!(page.text.contains("Enter a number of days"));
        let response = browser
            .submit("/admin/tasks/prune", &[("days", days)])
            .await;
        assert_eq!(response.status, 303);
        let page = browser.page("/admin/tasks/all").await;
        assert!(page.text.contains("Enter a number of days"));
    }
    assert_eq!(count(&server, "1 = 1").await, 2);

    let response = browser.submit("/admin/tasks/prune", &[("days", "0")]).await;
    assert_eq!(response.location(), "/admin/tasks/all");
    let page = browser.page("/admin/tasks/all").await;
    assert!(page.text.contains("1 task deleted"));
    assert_eq!(client.status(&active).await["status"], "PROCESSING");
    assert_eq!(count(&server, "1 = 1").await, 1);
    let entry = audited(&server).await.remove(0);
    assert_eq!(entry["action"], "tasks.prune");
    assert_eq!(entry["details"], json!({"days": 0, "tasks": 1}));
}

async fn timeline_is_in_chronological_order(database: Database) {
    let (server, client) = setup(database).await;
    let admin = server.admin().await;
    let mut browser = CookieClient::of(&server.url, &admin);
    let task = client.start("waits").await;
    client.until(&task, "PROCESSING").await;
    let path = format!("/admin/tasks/{task}");
    browser.submit(&format!("{path}/cancel"), &[]).await;
    client.ended(&task).await;
    // The entry for the request comes from the audit log; the others are events of the task.
    eventually("the timeline is complete", async || {
        let page = admin.page(&path).await.text;
        let page = scraper::Html::parse_document(&page);
        let words = scraper::Selector::parse(".pt-timeline b").expect("selector is valid");
        let words: Vec<String> = page.select(&words).map(|it| it.text().collect()).collect();
        if words.len() < 4 {
            return None;
        }
        let expected = ["Queued", "Started", "Cancellation requested", "Cancelled"];
        assert_eq!(words, expected);
        Some(())
    })
    .await;
}

async fn list_of_all_tasks_has_no_audit_entries(database: Database) {
    let (server, client) = setup(database).await;
    let admin = server.admin().await;
    let mut browser = CookieClient::of(&server.url, &admin);
    client.ended(&client.start("fails_task").await).await;
    let fields = [("state", "probe"), ("task", "echo")];
    browser.submit("/admin/tasks/kinds/pause", &fields).await;
    let entries = audited(&server).await;
    assert_eq!(entries[0]["action"], "tasks.pause");
    // This page consumes the action's flash message, so that the next page does not show it.
    browser.page("/admin/tasks/kinds").await;
    let page = browser.page("/admin/tasks/all").await;
    assert!(page.text.contains("it never works"), "{}", page.text);
    assert!(!page.text.contains("tasks.pause"), "{}", page.text);
}

async fn list_of_all_tasks_is_filtered(database: Database) {
    let (server, client) = setup(database).await;
    let mut browser = CookieClient::of(&server.url, &server.admin().await);
    let failed = client.start("fails_task").await;
    client.ended(&failed).await;
    let other = client.start_in("other", "other", &json!({})).await;
    client.ended_in("other", &other).await;
    for (query, ids) in [
        ("", vec![&other, &failed]),
        ("?status=ERROR", vec![&failed]),
        ("?status=PENDING", vec![]),
        ("?status=&kind=", vec![&other, &failed]),
        ("?kind=other/other", vec![&other]),
        ("?status=ERROR&kind=other/other", vec![]),
        (
            "?status=nonsense&kind=nonsense&before=x",
            vec![&other, &failed],
        ),
        (&format!("?before={other}"), vec![&failed]),
    ] {
        let page = browser.page(&format!("/admin/tasks/all{query}")).await;
        assert_eq!(page.status, 200);
        let shown = attributes(&page.text, "[data-task-id]", "data-task-id");
        assert_eq!(shown.iter().collect::<Vec<_>>(), ids, "{query}");
    }
}

async fn only_administrators_operate_tasks(database: Database) {
    let (server, client) = setup(database).await;
    let task = client.start("waits").await;
    client.until(&task, "PROCESSING").await;
    let mut user = CookieClient::of(&server.url, &server.user().await);
    let mut guest = CookieClient::new(&server.url);
    for page in ["/admin/tasks", "/admin/tasks/all", "/admin/tasks/kinds"] {
        assert_eq!(user.page(page).await.status, 403, "{page}");
        assert_eq!(guest.page(page).await.status, 303, "{page}");
    }
    let kind = [("state", "probe"), ("task", "echo")];
    for (path, fields) in [
        (format!("/admin/tasks/{task}/cancel"), &[] as &[_]),
        (format!("/admin/tasks/{task}/again"), &[]),
        ("/admin/tasks/kinds/pause".to_owned(), &kind),
        ("/admin/tasks/kinds/resume".to_owned(), &kind),
        ("/admin/tasks/prune".to_owned(), &[("days", "0")]),
    ] {
        assert_eq!(user.submit(&path, fields).await.status, 403, "{path}");
        let response = guest.submit(&path, fields).await;
        assert_ne!(response.status, 200, "{path}");
        assert!(!response.location().starts_with("/admin"), "{path}");
        // A request from another site is sent with the administrator's cookie.
        let admin = CookieClient::of(&server.url, &server.admin().await);
        let request = admin
            .request(Method::POST, &path)
            .header("origin", "https://evil.example")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(crate::support::form(fields));
        assert_eq!(TestResponse::of(request).await.status, 403, "{path}");
    }
    assert_eq!(client.status(&task).await["status"], "PROCESSING");
    assert_eq!(
        tasks(&server)
            .paused_types()
            .await
            .expect("the database responds"),
        BTreeSet::new()
    );

    let path = "/api/admin/audit";
    server.guest().get(path).await.problem(401, "unauthorized");
    let response = server.user().await.get(path).await;
    response.problem(403, "forbidden");
    assert_eq!(audited(&server).await, [] as [Value; 0]);
}

async fn audit_log_is_paginated(database: Database) {
    let (server, _) = setup(database).await;
    let admin = server.admin().await;
    let mut browser = CookieClient::of(&server.url, &admin);
    let names = ["echo", "steps", "waits"];
    for name in names {
        let kind = [("state", "probe"), ("task", name)];
        let response = browser.submit("/admin/tasks/kinds/pause", &kind).await;
        assert_eq!(response.status, 303);
    }
    let mut cursor = String::new();
    for name in names.iter().rev() {
        let actor = crate::support::ADMIN;
        let path = format!("/api/admin/audit?limit=1&actor={actor}{cursor}");
        let page = admin.get(&path).await.json();
        assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            page["items"][0]["target"],
            format!("task_kind:probe/{name}")
        );
        cursor = match page["next_cursor"].as_str() {
            Some(next) => format!("&cursor={next}"),
            None => String::new(),
        };
    }
    assert_eq!(cursor, "", "the last page has no cursor");
    let one = admin
        .get("/api/admin/audit?target=task_kind:probe/echo")
        .await
        .json();
    assert_eq!(one["items"].as_array().map(Vec::len), Some(1));
    let response = admin.get("/api/admin/audit?limit=0&cursor=x").await;
    let problem = response.problem(422, "invalid_parameters");
    let errors = problem["errors"]
        .as_array()
        .expect("the problem has a list of errors");
    let pointers: Vec<_> = errors.iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/limit", "/cursor"]);
}
