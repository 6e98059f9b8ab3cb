//! Users' own tasks at `/tasks`, without scripts: lists, starts and actions.

use std::sync::Arc;

use portal_core::prelude::*;
use portal_core::tasks::TaskRecord;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    ADMIN, Client, CookieClient, Database, TaskClient, TestResponse, TestServer, attributes,
    eventually, on_both,
};

on_both!(
    own_tasks_are_listed_across_client_tokens,
    task_of_another_user_is_not_found,
    user_starts_only_permitted_types,
    lost_permission_hides_tasks_and_fails_pending_ones,
    unique_task_of_another_user_is_not_revealed,
    start_form_keeps_type_and_values,
    rejected_form_can_refresh_its_live_regions,
    run_again_returns_to_the_list,
    cancellation_shows_until_the_task_finishes,
    cancelled_tasks_have_their_own_filter,
    task_of_a_paused_type_shows_the_reason,
    text_result_has_no_quotes,
    event_stream_of_own_task_requires_same_origin,
);

async fn browser_of(server: &TestServer, client: &Client) -> CookieClient {
    CookieClient::of(&server.url, client)
}

fn tasks(server: &TestServer) -> Arc<Tasks> {
    server.state.get::<Tasks>().expect("the service exists")
}

async fn record(server: &TestServer, id: &str) -> TaskRecord {
    let id: Uuid = id.parse().expect("id is a UUID");
    let found = tasks(server).get(id).await.expect("the database responds");
    found.expect("task exists")
}

fn texts(html: &str, css: &str) -> Vec<String> {
    let selector = scraper::Selector::parse(css).expect("selector is valid");
    let page = scraper::Html::parse_document(html);
    let found = page.select(&selector);
    found.map(|it| it.text().collect()).collect()
}

fn listed(page: &TestResponse) -> Vec<String> {
    assert_eq!(page.status, 200, "{}", page.text);
    attributes(&page.text, "[data-task-id]", "data-task-id")
}

/// Starts a task from the page and returns its id.
async fn start(
    browser: &mut CookieClient,
    state: &str,
    task: &str,
    args: &[(&str, &str)],
) -> String {
    let mut fields = vec![("state", state), ("task", task)];
    fields.extend_from_slice(args);
    let response = browser.submit("/tasks/start", &fields).await;
    assert_eq!(response.status, 303, "{}", response.text);
    let (_, id) = response
        .location()
        .rsplit_once("from=")
        .expect("page contains an id");
    id.to_owned()
}

async fn until(server: &TestServer, id: &str, status: &str) -> TaskRecord {
    eventually(&format!("{id} is {status}"), async || {
        let record = record(server, id).await;
        (record.status.as_str() == status).then_some(record)
    })
    .await
}

async fn own_tasks_are_listed_across_client_tokens(database: Database) {
    let server = TestServer::start(database).await;
    let ann = server.user().await;
    let mut page = browser_of(&server, &ann).await;
    let mut expected = Vec::new();
    for _ in 0..2 {
        let client = TaskClient::of(&ann).await;
        expected.push(client.start_in("other", "other", &json!({})).await);
    }
    expected.push(start(&mut page, "other", "other", &[]).await);
    let mine = record(&server, &expected[2]).await;
    assert_eq!(mine.client_token_id, None, "no token is involved");
    let of_admin = TaskClient::of(&server.admin().await).await;
    let other = of_admin.start("fails_task").await;
    expected.reverse();
    for _ in 0..2 {
        assert_eq!(listed(&page.page("/tasks").await), expected);
        // A client token requested by a program changes nothing on the page.
        ann.client_token().await;
    }
    let mut admin = browser_of(&server, &server.admin().await).await;
    for path in ["/tasks", "/admin/tasks"] {
        assert_eq!(
            listed(&admin.page(path).await),
            std::slice::from_ref(&other),
            "{path}"
        );
    }
    assert_eq!(listed(&admin.page("/admin/tasks/all").await).len(), 4);
    let by_text = page.page(&format!("/tasks?q={}", expected[1])).await;
    assert_eq!(listed(&by_text), [expected[1].clone()]);
}

async fn task_of_another_user_is_not_found(database: Database) {
    let server = TestServer::start(database).await;
    let (ann, eve, admin) = (
        server.user().await,
        server.sign_in("eve@example.com").await,
        server.admin().await,
    );
    let mut page = browser_of(&server, &ann).await;
    let id = start(&mut page, "probe", "waits", &[]).await;
    until(&server, &id, "PROCESSING").await;
    assert_eq!(page.page(&format!("/tasks/{id}")).await.status, 200);
    let log = ann.get(&format!("/api/tasks/{id}/log")).await;
    assert_eq!(log.status, 200, "{}", log.text);
    for client in [&eve, &admin] {
        let mut other = browser_of(&server, client).await;
        for path in [format!("/tasks/{id}"), format!("/tasks?from={id}")] {
            assert_eq!(other.page(&path).await.status, 404, "{path}");
        }
        for verb in ["cancel", "again"] {
            let response = other.submit(&format!("/tasks/{id}/{verb}"), &[]).await;
            assert_eq!(response.status, 404, "{verb}");
        }
        for rest in ["events", "log"] {
            let path = format!("/api/tasks/{id}/{rest}");
            client.get(&path).await.problem(404, "task_not_found");
        }
    }
    let mut guest = CookieClient::new(&server.url);
    for path in ["/tasks".to_owned(), format!("/tasks/{id}")] {
        let response = guest.page(&path).await;
        assert!(response.location().starts_with("/sign-in"), "{path}");
    }
    let path = format!("/api/tasks/{id}/log");
    server.guest().get(&path).await.problem(401, "unauthorized");
    assert_eq!(page.page("/tasks/nonsense").await.status, 404);
    assert!(record(&server, &id).await.is_active());
}

async fn user_starts_only_permitted_types(database: Database) {
    let server = TestServer::start(database).await;
    let mut page = browser_of(&server, &server.user().await).await;
    let types = |page: &TestResponse| attributes(&page.text, "select[name=task] option", "value");
    let shown = types(&page.page("/tasks?state=probe").await);
    assert!(shown.contains(&"echo".to_owned()), "{shown:?}");
    assert!(!shown.contains(&"admins_only".to_owned()), "{shown:?}");
    let filters = page.page("/tasks").await;
    let filters = attributes(&filters.text, "select[name=kind] option", "value");
    assert!(!filters.contains(&"probe/admins_only".to_owned()));
    // The page falls back to a permitted type, whereas a request to start a task does not.
    let page_of_it = page.page("/tasks?state=probe&task=admins_only").await;
    let chosen = attributes(&page_of_it.text, "#start-task [name=task]", "value");
    assert_ne!(chosen, ["admins_only"]);
    for (task, status) in [("admins_only", 403), ("nonsense", 404), ("", 404)] {
        let fields = [("state", "probe"), ("task", task)];
        let response = page.submit("/tasks/start", &fields).await;
        assert_eq!(response.status, status, "{task}");
    }
    assert_eq!(listed(&page.page("/tasks").await), [""; 0]);
    let mut admin = browser_of(&server, &server.admin().await).await;
    let id = start(&mut admin, "probe", "admins_only", &[]).await;
    until(&server, &id, "COMPLETED").await;
}

async fn set_role(server: &TestServer, user: &Client, role: &str) {
    let me = user.get("/api/auth/me").await.json();
    let id = me["id"].as_str().expect("response has an id").to_owned();
    let change = json!({ "user_type": role });
    let admin = server.admin().await;
    let response = admin.patch(&format!("/api/users/{id}"), &change).await;
    assert_eq!(response.status, 200, "{}", response.text);
}

async fn lost_permission_hides_tasks_and_fails_pending_ones(database: Database) {
    let server = TestServer::start(database).await;
    let deputy = server.sign_in("deputy@example.com").await;
    set_role(&server, &deputy, "ADMIN").await;
    let mut page = browser_of(&server, &deputy).await;
    let done = start(&mut page, "probe", "admins_only", &[]).await;
    until(&server, &done, "COMPLETED").await;
    let paused = tasks(&server);
    paused
        .pause_type("probe", "admins_only")
        .await
        .expect("the task type is paused");
    let waits = start(&mut page, "probe", "admins_only", &[]).await;
    assert_eq!(
        listed(&page.page("/tasks").await),
        [waits.clone(), done.clone()]
    );
    set_role(&server, &deputy, "USER").await;
    paused
        .resume_type("probe", "admins_only")
        .await
        .expect("the task type is resumed");
    let refused = until(&server, &waits, "ERROR").await;
    assert_eq!(refused.code.as_deref(), Some("forbidden"));
    assert_eq!(listed(&page.page("/tasks").await), [""; 0]);
    for id in [&done, &waits] {
        assert_eq!(page.page(&format!("/tasks/{id}")).await.status, 404);
        let path = format!("/api/tasks/{id}/log");
        deputy.get(&path).await.problem(404, "task_not_found");
    }
}

async fn unique_task_of_another_user_is_not_revealed(database: Database) {
    let server = TestServer::start(database).await;
    let mut ann = browser_of(&server, &server.user().await).await;
    let eve = server.sign_in("eve@example.com").await;
    let mut eve = browser_of(&server, &eve).await;
    let fields = [
        ("state", "engine"),
        ("task", "unique_number"),
        ("args.number", "7"),
    ];
    let id = start(&mut ann, "engine", "unique_number", &fields[2..]).await;
    let refused = eve.submit("/tasks/start", &fields).await;
    assert_eq!(refused.status, 409);
    assert!(
        !refused.text.contains(&id),
        "the other task is not revealed"
    );
    let values = attributes(&refused.text, "[name='args.number']", "value");
    assert_eq!(values, ["7"], "the form keeps its values");
    assert!(
        refused
            .text
            .contains("is already active with the same arguments"),
        "{}",
        refused.text
    );
    let again = start(&mut ann, "engine", "unique_number", &fields[2..]).await;
    assert_eq!(again, id, "the user's own task is shown");
}

async fn rejected_form_can_refresh_its_live_regions(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    for path in ["/tasks/start", "/admin/tasks/start"] {
        let request = admin
            .request(Method::GET, path)
            .header("accept", "text/html")
            .header("x-portal-region", "bell-side");
        let response = TestResponse::of(request).await;
        assert_eq!(response.status, 200, "{path}");
        assert!(
            response.text.starts_with("<pt-live id=\"bell-side\""),
            "{path}: {}",
            response.text
        );
    }
}

async fn start_form_keeps_type_and_values(database: Database) {
    let server = TestServer::start(database).await;
    let mut page = browser_of(&server, &server.user().await).await;
    let args = [("args.name", "Zoë"), ("args.age", "41")];
    let id = start(&mut page, "probe", "echo", &args).await;
    let path = format!("/tasks?state=probe&task=echo&from={id}");
    let shown = page.page(&path).await;
    assert!(shown.text.contains("Task started"), "{}", shown.text);
    assert_eq!(
        attributes(&shown.text, "pt-toast a", "href"),
        [format!("/tasks/{id}")]
    );
    for (name, value) in args {
        let css = format!("[name='{name}']");
        assert_eq!(attributes(&shown.text, &css, "value"), [value]);
    }
    // Filtering the list leaves the form unchanged.
    let filters = attributes(&shown.text, ".pt-statuses a", "href");
    assert!(
        filters.iter().all(|href| href.starts_with(&path)),
        "{filters:?}"
    );
}

async fn run_again_returns_to_the_list(database: Database) {
    let server = TestServer::start(database).await;
    let mut page = browser_of(&server, &server.user().await).await;
    let id = start(&mut page, "probe", "fails_task", &[]).await;
    until(&server, &id, "ERROR").await;
    let again = format!("/tasks/{id}/again");

    // From a list, the action returns to the list with its query; the toast links to the new task.
    let list = "/tasks?state=probe&task=echo&status=ERROR";
    let shown = page.page(list).await;
    let form = "form[data-when=ended]";
    assert_eq!(
        attributes(&shown.text, form, "action"),
        std::slice::from_ref(&again)
    );
    let button = format!("{form} button");
    assert_eq!(
        attributes(&shown.text, &button, "aria-label"),
        ["Run again: Fails"]
    );
    let backs = attributes(&shown.text, &format!("{form} [name=back]"), "value");
    assert_eq!(backs, [list]);
    let response = page.submit(&again, &[("back", list)]).await;
    assert_eq!((response.status.as_u16(), response.location()), (303, list));
    let shown = page.page(list).await;
    let links = attributes(&shown.text, "pt-toast a", "href");
    let new = links[0]
        .strip_prefix("/tasks/")
        .expect("the link leads to a task");
    assert_ne!(new, id);
    let new = record(&server, new).await;
    assert_eq!(
        (&*new.name, new.owner_user_id),
        ("fails_task", record(&server, &id).await.owner_user_id)
    );

    // From a task's page, the action leads to the page of the new task.
    let response = page.submit(&again, &[]).await;
    let to = response
        .location()
        .strip_prefix("/tasks/")
        .expect("the link leads to a task");
    assert!(to != id && to != new.id.to_string(), "{to}");
    assert_eq!(record(&server, to).await.name, "fails_task");

    // Users' own actions add no entries to the administrators' audit log.
    let entries = server.admin().await.get("/api/admin/audit").await.text;
    assert!(!entries.contains("run_again"), "{entries}");
}

async fn cancellation_shows_until_the_task_finishes(database: Database) {
    let server = TestServer::start(database).await;
    let mut page = browser_of(&server, &server.user().await).await;
    let id = start(&mut page, "probe", "stubborn", &[]).await;
    until(&server, &id, "PROCESSING").await;
    let response = page.submit(&format!("/tasks/{id}/cancel"), &[]).await;
    assert_eq!(response.location(), "/tasks");
    for path in ["/tasks".to_owned(), format!("/tasks/{id}")] {
        let shown = page.page(&path).await;
        let badge = texts(&shown.text, "[data-part=status]");
        assert_eq!(badge, ["Cancelling…"], "{path}");
        let button = ".pt-task [data-when=active] button[disabled], .pt-detail-head button[data-key=c][disabled]";
        assert_eq!(
            attributes(&shown.text, button, "disabled").len(),
            1,
            "{path}"
        );
    }
    until(&server, &id, "ERROR").await;
    let shown = page.page(&format!("/tasks/{id}")).await;
    assert!(!shown.text.contains("Cancelling…") && shown.text.contains("Cancelled"));
}

async fn cancelled_tasks_have_their_own_filter(database: Database) {
    let server = TestServer::start(database).await;
    let mut page = browser_of(&server, &server.user().await).await;
    let failed = start(&mut page, "probe", "fails_task", &[]).await;
    until(&server, &failed, "ERROR").await;
    let cancelled = start(&mut page, "probe", "waits", &[]).await;
    page.submit(&format!("/tasks/{cancelled}/cancel"), &[])
        .await;
    until(&server, &cancelled, "ERROR").await;
    let mut admin = browser_of(&server, &server.admin().await).await;
    for (status, id) in [("ERROR", &failed), ("CANCELLED", &cancelled)] {
        let path = format!("/tasks?status={status}");
        assert_eq!(
            listed(&page.page(&path).await),
            std::slice::from_ref(id),
            "{path}"
        );
        let path = format!("/admin/tasks/all?status={status}");
        assert_eq!(
            listed(&admin.page(&path).await),
            std::slice::from_ref(id),
            "{path}"
        );
    }
}

async fn task_of_a_paused_type_shows_the_reason(database: Database) {
    let server = TestServer::start(database).await;
    let mut page = browser_of(&server, &server.user().await).await;
    tasks(&server)
        .pause_type("other", "other")
        .await
        .expect("the task type is paused");
    let id = start(&mut page, "other", "other", &[]).await;
    let waits = "this task type is paused";
    assert!(page.page("/tasks").await.text.contains(waits));
    let mut admin = browser_of(&server, &server.admin().await).await;
    assert!(admin.page("/admin/tasks/all").await.text.contains(waits));
    let shown = page.page(&format!("/tasks/{id}")).await;
    assert!(shown.text.contains("This task type is paused."));
    tasks(&server)
        .resume_type("other", "other")
        .await
        .expect("the task type is resumed");
    until(&server, &id, "COMPLETED").await;
    assert!(!page.page("/tasks").await.text.contains(waits));
}

async fn text_result_has_no_quotes(database: Database) {
    let server = TestServer::start(database).await;
    let mut page = browser_of(&server, &server.user().await).await;
    let text = start(&mut page, "probe", "steps", &[]).await;
    let number = start(&mut page, "other", "other", &[]).await;
    for id in [&text, &number] {
        until(&server, id, "COMPLETED").await;
    }
    let list = page.page("/tasks").await;
    let results = texts(&list.text, "[data-part=result]");
    assert_eq!(results, ["7", "done"]);
    for (id, result) in [(&text, "done"), (&number, "7")] {
        let shown = page.page(&format!("/tasks/{id}")).await;
        let results = texts(&shown.text, "[aria-label=Result] pre");
        assert_eq!(results, [result]);
    }
}

async fn event_stream_of_own_task_requires_same_origin(database: Database) {
    let server = TestServer::start(database).await;
    let ann = server.user().await;
    let mut page = browser_of(&server, &ann).await;
    let id = start(&mut page, "probe", "waits", &[]).await;
    until(&server, &id, "PROCESSING").await;
    let path = format!("/api/tasks/{id}/events");
    for (headers, status) in [
        (vec![], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("sec-fetch-site", "same-origin")], 200),
    ] {
        let request = page.request(Method::GET, &path);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let response = request.send().await.expect("the portal responds");
        assert_eq!(response.status(), status, "{headers:?}");
    }
    let events = ann.request(Method::GET, &path).send().await;
    let mut events = events.expect("the portal responds");
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while !text.contains("\"PROCESSING\"") {
        let chunk = events
            .chunk()
            .await
            .expect("the stream is open")
            .expect("an event arrives");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    page.submit(&format!("/tasks/{id}/cancel"), &[]).await;
    while let Some(chunk) = events
        .chunk()
        .await
        .expect("the stream ends without an error")
    {
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(text.contains("event: end"), "{text}");
    assert!(!text.contains(ADMIN));
}
