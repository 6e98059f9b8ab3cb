//! Task states on pages: they must be correct, whatever happens to the connection.

use axum::extract::Path;
use portal_core::pages::components::{TaskList, TaskRowView};
use portal_core::prelude::*;
use portal_core::tasks::TaskFilter;
use serde_json::{Value, json};

use crate::app;
use crate::support::{
    Chromium, Client, Database, EventStream, Socket, TaskClient, TestServer, eventually, on_both,
};

/// Returns the cursor of a page; the page contains all changes before it.
fn mark_of(page: &str) -> String {
    let (_, mark) = page
        .split_once("data-mark=\"")
        .expect("the page has a cursor");
    mark.split('"').next().unwrap_or_default().to_owned()
}

async fn tasks_finished_before_the_socket_opens_are_sent(database: Database) {
    const TASKS: usize = 500;
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let client = TaskClient::of(&admin).await;
    let page = admin.page("/admin/tasks").await;
    assert_eq!(page.status, 200);
    let since = mark_of(&page.text);
    let mut ids = Vec::new();
    for number in 0..TASKS {
        let args = json!({"name": "Ann", "age": number % 100});
        ids.push(client.start_in("probe", "echo", &args).await);
    }
    for id in &ids {
        client.ended(id).await;
    }
    let path = format!("/api/tasks/{}/monitor?since={since}", client.token);
    let mut socket = Socket::open(&server.url, &path).await;
    let mut finished = std::collections::HashSet::new();
    let mut newest = Value::Null;
    while finished.len() < TASKS {
        let message = socket.update().await;
        assert_eq!(message["data"]["status"], "COMPLETED", "{message}");
        finished.insert(
            message["data"]["task_id"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        );
        newest = message["data"]["updated_at"].clone();
    }
    assert!(ids.iter().all(|id| finished.contains(id)));
    // A client that was disconnected resumes from the newest change that it has seen.
    let newest = newest
        .as_str()
        .expect("value is a time")
        .replace('+', "%2B");
    let path = format!("/api/tasks/{}/monitor?since={newest}", client.token);
    let mut events = EventStream::open(&client.http, &path).await;
    let event = events.next().await.expect("an event arrives");
    assert_eq!(event["data"]["status"], "COMPLETED");
    server.stop().await;
}

on_both!(tasks_finished_before_the_socket_opens_are_sent);

/// Script that delays the task monitor until the test calls `go()` and can block sockets.
const HELD: &str = "const define = customElements.define.bind(customElements); \
    customElements.define = (name, ...rest) => name === 'pt-task-monitor' \
        ? window.go = () => define(name, ...rest) : define(name, ...rest); \
    const Real = WebSocket; window.WebSocket = class extends Real { constructor(url) { \
        super(window.isBlocked ? 'ws://127.0.0.1:9/' : url); window.socket = this; } };";

async fn wait_for(browser: &Chromium, what: &str, script: &str) {
    eventually(what, async || {
        (browser.script(script).await == true).then_some(())
    })
    .await;
}

async fn start_waiting(client: &TaskClient, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(client.start("waits").await);
    }
    ids
}

async fn finish(client: &TaskClient, ids: &[String]) {
    for id in ids {
        client.cancel(id).await;
    }
    for id in ids {
        client.ended(id).await;
    }
}

/// An application page that follows the tasks of a client token.
fn monitored() -> Page {
    Page::get(
        "/monitored/{token}",
        async |tasks: Data<Tasks>, Path(token): Path<String>| {
            let all = tasks.list(&TaskFilter::default()).await;
            let rows = all.expect("the database responds");
            let rows = rows.iter().map(TaskRowView::from).collect();
            let list = TaskList::new(rows).monitor(format!("/api/tasks/{token}/monitor"));
            html! { (list) }
        },
    )
}

async fn start() -> TestServer {
    let build = |portal| app::build(portal).page(monitored);
    TestServer::start_with(Database::Sqlite, &[], build).await
}

async fn open(server: &TestServer, admin: &Client, client: &TaskClient) -> Chromium {
    let browser = Chromium::open(&server.url).await;
    browser
        .use_session(admin.token.as_deref().expect("client has a token"))
        .await;
    browser.in_every_page(HELD).await;
    browser.goto(&format!("/monitored/{}", client.token)).await;
    wait_for(&browser, "the script is loaded", "return !!window.go").await;
    browser
}

const ACTIVE: &str = "document.querySelectorAll('.pt-task:is([data-status=PENDING],[data-status=PROCESSING])').length";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_finished_before_the_connection_are_shown() {
    let mut server = start().await;
    let admin = server.admin().await;
    let client = TaskClient::of(&admin).await;
    let ids = start_waiting(&client, 50).await;
    let browser = open(&server, &admin, &client).await;
    let shown = browser.script(&format!("return {ACTIVE}")).await;
    assert_eq!(shown, 50);
    finish(&client, &ids).await;
    browser.script("window.go()").await;
    wait_for(
        &browser,
        "no task is shown as active",
        &format!("return {ACTIVE} === 0"),
    )
    .await;
    let words = "return [...document.querySelectorAll('.pt-task [data-part=status]')].every((it) => it.textContent === 'Cancelled')";
    assert_eq!(browser.script(words).await, true);
    browser.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_finished_while_disconnected_are_shown() {
    let mut server = start().await;
    let admin = server.admin().await;
    let client = TaskClient::of(&admin).await;
    let ids = start_waiting(&client, 10).await;
    let browser = open(&server, &admin, &client).await;
    browser.allow_console_message("ERR_");
    browser.allow_console_message("WebSocket connection to");
    // The page tries to reconnect to the blocked URL.
    browser.allow_console_message("Content Security Policy");
    browser.script("window.go()").await;
    browser.find("[data-part=connection][data-live=on]").await;
    browser
        .script("window.isBlocked = true; window.socket.close()")
        .await;
    browser.find("[data-part=connection][data-live=wait]").await;
    finish(&client, &ids).await;
    let fresh = client.start("fails_task").await;
    client.ended(&fresh).await;
    assert_eq!(browser.script(&format!("return {ACTIVE}")).await, 10);
    browser.script("window.isBlocked = false").await;
    wait_for(
        &browser,
        "no task is shown as active",
        &format!("return {ACTIVE} === 0"),
    )
    .await;
    let row = format!("[data-task-id='{fresh}'][data-status=ERROR]");
    browser.find(&row).await;
    browser.close().await;
    server.stop().await;
}
