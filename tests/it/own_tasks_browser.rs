//! Users' own tasks in a browser.

use std::time::Duration;

use portal_core::TaskSettings;
use portal_core::prelude::*;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::{
    Chromium, Client, Database, ReferencePortal, TaskClient, TestServer, eventually,
};

const USER: &str = "zoe@example.com";

struct Setup {
    portal: ReferencePortal,
    user: Client,
    browser: Chromium,
}

/// Starts a portal and a browser with a signed-in user.
async fn setup() -> Setup {
    let portal = ReferencePortal::start(&[]).await;
    let person = json!({"email": USER, "first_name": "Zoë", "last_name": "Ott"});
    let response = portal.guest().post("/dev/token", &person).await;
    let session = response.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    let browser = Chromium::open(&portal.url).await;
    browser.use_session(&session).await;
    Setup {
        user: Client::new(&portal.url, Some(session)),
        portal,
        browser,
    }
}

async fn wait_for_path(browser: &Chromium, path: &str) {
    eventually(&format!("the browser is at {path}"), async || {
        (browser.path().await == path).then_some(())
    })
    .await;
}

async fn assert_quiet(browser: &Chromium) {
    let said = browser.console().await;
    assert!(said.is_empty(), "{said:#?}");
}

async fn is_true(browser: &Chromium, what: &str, script: &str) {
    eventually(what, async || {
        (browser.script(script).await == true).then_some(())
    })
    .await;
}

#[tokio::test]
async fn user_starts_a_first_task_from_the_overview() {
    let Setup {
        portal: _portal,
        browser,
        ..
    } = setup().await;
    browser.goto("/admin/overview").await;
    browser
        .click("a[href='/tasks'].pt-btn[data-kind=solid]")
        .await;
    wait_for_path(&browser, "/tasks").await;
    browser.choose("select[name=state]", "example_task2").await;
    browser
        .find("select[name=task] option[value=loaded_task]")
        .await;
    browser.choose("select[name=task]", "loaded_task").await;
    browser.find("input[name='args.name']").await;
    browser.fill("input[name='args.name']", "Zoë").await;
    browser.fill("input[name='args.age']", "41").await;
    browser.click("#start-task button[data-kind=solid]").await;
    browser.see("Task started").await;
    // The row appears and follows the task without a reload.
    browser.script("window.same = true").await;
    browser.find("li[data-status=COMPLETED]").await;
    browser.see("Completed task for Zoë, age 41").await;
    assert_eq!(browser.script("return window.same").await, true);
    let result = "return document.querySelector('[data-part=result]').textContent";
    let live = browser.script(result).await;
    assert_eq!(
        browser
            .script("return document.querySelector(\"[name='args.age']\").value")
            .await,
        "41",
        "the form keeps its values"
    );
    browser.script("location.reload()").await;
    is_true(
        &browser,
        "the page is reloaded",
        "return window.same === undefined && document.readyState === 'complete'",
    )
    .await;
    assert_eq!(
        browser.script(result).await,
        live,
        "the same live and after a reload"
    );
    browser.click("[data-task-link]").await;
    browser
        .find("dialog.pt-task-drawer[open] pt-task[data-status=COMPLETED]")
        .await;
    assert_quiet(&browser).await;

    // A failure is announced with a link to its task.
    browser
        .goto("/tasks?state=example_task2&task=failing_task")
        .await;
    browser.click("#start-task button[data-kind=solid]").await;
    let failed = "li[data-status=ERROR]:has([data-part=error]:not(:empty))";
    browser.find(failed).await;
    browser.goto("/admin/notifications").await;
    browser.click(".pt-note-title button").await;
    eventually("the page of the task", async || {
        browser.path().await.starts_with("/tasks/").then_some(())
    })
    .await;
    browser.find("pt-task[data-status=ERROR]").await;
    // The log of a finished task cannot be followed.
    let follow = "return !document.querySelector('[data-log=follow]')";
    assert_eq!(browser.script(follow).await, true);
    assert_quiet(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn tasks_of_every_client_token_stay_on_the_page() {
    let Setup {
        portal: _portal,
        user,
        browser,
    } = setup().await;
    let first = TaskClient::of(&user).await;
    let old = first.start_in("example_task", "task1", &json!({})).await;
    browser.goto("/tasks").await;
    browser.script("window.same = true").await;
    browser.find(&format!("li[data-task-id='{old}']")).await;
    // A program requests its own token and starts a task with it.
    let second = TaskClient::of(&user).await;
    let new = second.start_in("example_task", "task1", &json!({})).await;
    for id in [&old, &new] {
        browser
            .find(&format!("li[data-task-id='{id}'][data-status=COMPLETED]"))
            .await;
    }
    assert_eq!(browser.script("return window.same").await, true);
    user.client_token().await;
    browser.goto("/tasks?n=1").await;
    for id in [&old, &new] {
        browser.find(&format!("li[data-task-id='{id}']")).await;
    }
    assert_quiet(&browser).await;
    browser.close().await;
}

/// Script that delays the live stream until the test calls `go()`.
const HELD: &str = "const real = fetch; const held = new Promise((go) => { window.go = go; }); \
    window.fetch = async (to, ...more) => { \
        if (String(to).includes('/api/live')) await held; \
        return real(to, ...more); };";

#[tokio::test]
async fn tasks_finished_before_the_stream_opens_are_shown() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    let client = TaskClient::of(&user).await;
    let mut ids = Vec::new();
    for _ in 0..25 {
        ids.push(client.start("waits").await);
    }
    let browser = Chromium::open(&server.url).await;
    browser
        .use_session(user.token.as_deref().expect("client has a token"))
        .await;
    browser.in_every_page(HELD).await;
    browser.goto("/tasks").await;
    let active = "document.querySelectorAll('.pt-task:is([data-status=PENDING],[data-status=PROCESSING])').length";
    is_true(&browser, "the script is loaded", "return !!window.go").await;
    assert_eq!(browser.script(&format!("return {active}")).await, 25);
    for id in &ids {
        client.cancel(id).await;
    }
    for id in &ids {
        client.ended(id).await;
    }
    assert_eq!(browser.script(&format!("return {active}")).await, 25);
    browser.script("window.go()").await;
    is_true(
        &browser,
        "no task is shown as active",
        &format!("return {active} === 0"),
    )
    .await;
    browser.close().await;
}

#[tokio::test]
async fn row_buttons_confirm_and_return_to_the_list() {
    let Setup {
        portal: _portal,
        user,
        browser,
    } = setup().await;
    let client = TaskClient::of(&user).await;
    let id = client.start_in("reports", "import_lines", &json!({})).await;
    let list = "/tasks?state=example_task2&task=loaded_task&kind=reports%2Fimport_lines";
    browser.goto(list).await;
    browser
        .find(&format!("li[data-task-id='{id}'][data-status=PROCESSING]"))
        .await;
    let cancel = "button[aria-label='Cancel: Import a file']";
    browser.click(cancel).await;
    browser.see("Cancel “Import a file”?").await;
    browser.click("dialog[open] button[value='']").await;
    is_true(
        &browser,
        "the dialog is closed",
        "return !document.querySelector('dialog[open]')",
    )
    .await;
    assert_eq!(client.status_in("reports", &id).await["active"], true);
    browser.click(cancel).await;
    browser.click("dialog[open] button[value=yes]").await;
    browser
        .find(&format!("li[data-task-id='{id}'][data-status=ERROR]"))
        .await;
    assert_eq!(browser.path().await, list);
    assert_eq!(client.ended_in("reports", &id).await["code"], "cancelled");

    browser
        .click(&format!(
            "li[data-task-id='{id}'] button[aria-label='Run again: Import a file']"
        ))
        .await;
    browser.see("Run “Import a file” again?").await;
    browser.click("dialog[open] button[value=yes]").await;
    browser.see("New task started").await;
    assert_eq!(browser.path().await, list);
    let chosen = "return document.querySelector('#start-task [name=task]').value";
    assert_eq!(browser.script(chosen).await, "loaded_task");
    let second = "li[data-status=PROCESSING], li[data-status=PENDING]";
    browser.find(second).await;

    // The toast links to the new task, and running the new task again leads to the next one.
    browser.click("pt-toast a").await;
    eventually("the page of the new task is open", async || {
        browser.path().await.starts_with("/tasks/").then_some(())
    })
    .await;
    let new = browser.path().await;
    assert_ne!(new, format!("/tasks/{id}"));
    browser.find("[data-part=connection][data-live=on]").await;
    browser.click("[data-key=c]").await;
    browser.see("Keep running").await;
    browser.click("dialog[open] button[data-kind=danger]").await;
    browser.find("pt-task[data-status=ERROR]").await;
    browser.click("form[action$='/again'] button").await;
    eventually("the page of the third task", async || {
        let path = browser.path().await;
        (path.starts_with("/tasks/") && path != new).then_some(())
    })
    .await;
    browser
        .find("pt-task:is([data-status=PROCESSING],[data-status=PENDING])")
        .await;
    assert_quiet(&browser).await;
    browser.close().await;
}

/// Each permit allows `gated` one progress update.
static GATE: Semaphore = Semaphore::const_new(0);

/// Pass the gate
#[monitored_background_task(group = "rules", requires_auth)]
async fn gated(task: TaskContext) -> Result<(), TaskError> {
    loop {
        GATE.acquire().await?.forget();
        task.update().message("passed").await?;
    }
}

#[tokio::test]
async fn cancelled_task_shows_cancelling_until_its_next_update() {
    // The grace period is longer than the time limit of the test, so only an update can stop the
    // task.
    let server = TestServer::start_with(Database::Sqlite, &[], |portal| {
        crate::app::build(portal)
            .task_settings(TaskSettings::default().cancel_grace_period(Duration::from_secs(3600)))
    })
    .await;
    let user = server.user().await;
    let client = TaskClient::of(&user).await;
    let browser = Chromium::open(&server.url).await;
    browser
        .use_session(user.token.as_deref().expect("client has a token"))
        .await;
    for in_list in [false, true] {
        let id = client.start_in("rules", "gated", &json!({})).await;
        client.until_in("rules", &id, "PROCESSING").await;
        let badge = if in_list {
            browser.goto("/tasks").await;
            browser.find(&format!("li[data-task-id='{id}']")).await;
            browser
                .click("button[aria-label='Cancel: Pass the gate']")
                .await;
            browser.click("dialog[open] button[value=yes]").await;
            format!("li[data-task-id='{id}'] [data-part=status]")
        } else {
            browser.goto(&format!("/tasks/{id}")).await;
            browser.find("[data-part=connection][data-live=on]").await;
            browser.click("[data-key=c]").await;
            browser.click("dialog[open] button[data-kind=danger]").await;
            browser.see("The task stops at its next update.").await;
            "pt-task [data-part=status]".to_owned()
        };
        let shows = async |word: &str| {
            let script =
                format!("return document.querySelector(\"{badge}\")?.innerText === '{word}'");
            is_true(&browser, word, &script).await;
        };
        shows("Cancelling…").await;
        browser.script("window.same = true").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        shows("Cancelling…").await;
        assert_eq!(client.status_in("rules", &id).await["active"], true);
        GATE.add_permits(1);
        shows("Cancelled").await;
        assert_eq!(browser.script("return window.same").await, true);
        assert_eq!(client.ended_in("rules", &id).await["code"], "cancelled");
    }
    browser.close().await;
}

#[tokio::test]
async fn toast_of_a_failed_task_is_red_and_links_to_the_task() {
    let Setup {
        portal: _portal,
        user,
        browser,
    } = setup().await;
    let client = TaskClient::of(&user).await;
    browser.goto("/admin/profile").await;
    browser.find(".pt-side pt-bell").await;
    let fail = async || {
        let id = client
            .start_in("example_task2", "failing_task", &json!({}))
            .await;
        browser
            .find(".pt-toasts > pt-toast[data-tone=danger] a")
            .await;
        let text = "return document.querySelector('pt-toast [data-part=text]').innerText";
        let text = browser.script(text).await;
        let text = text.as_str().unwrap_or_default();
        assert!(text.starts_with("“Fail halfway” failed: "), "{text}");
        id
    };
    let id = fail().await;
    browser.click(".pt-toasts pt-toast a").await;
    wait_for_path(&browser, &format!("/tasks/{id}")).await;
    // The second failure is added to the notification about the first; its toast also links to a
    // single task.
    browser.find(".pt-side pt-bell").await;
    fail().await;
    assert_quiet(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn empty_log_is_below_the_timeline() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    let client = TaskClient::of(&user).await;
    let id = client.start_in("other", "other", &json!({})).await;
    client.ended_in("other", &id).await;
    let browser = Chromium::open(&server.url).await;
    browser
        .use_session(user.token.as_deref().expect("client has a token"))
        .await;
    browser.goto(&format!("/tasks/{id}")).await;
    browser.see("No log output").await;
    let is_below = "const top = (css) => document.querySelector(css).getBoundingClientRect().top; \
        return top('.pt-timeline') < top('.pt-log')";
    assert_eq!(browser.script(is_below).await, true);
    browser.close().await;
}

#[tokio::test]
async fn json_editor_scrolls_into_view() {
    let Setup {
        portal: _portal,
        browser,
        ..
    } = setup().await;
    // Chromium logs each field that could not take the focus while loading.
    browser.allow_console_message("Autofocus");
    browser.resize(1280, 700).await;
    browser.goto("/tasks?state=reports&task=write_report").await;
    browser.find("#start-task button[value=json]").await;
    browser
        .script("document.querySelector('#start-task button[value=json]').scrollIntoView({block: 'end'})")
        .await;
    browser.click("#start-task button[value=json]").await;
    is_true(
        &browser,
        "the editor has the focus and is in view",
        "const field = document.querySelector('textarea[name=json]'); \
         const box = field?.getBoundingClientRect(); \
         return !!field && document.activeElement === field && box.bottom > 40 && box.top < innerHeight - 40",
    )
    .await;
    browser.click("#start-task button[value=form]").await;
    is_true(
        &browser,
        "the first field has the focus and is in view",
        "const field = document.querySelector(\"[name='args.title']\"); \
         const box = field?.getBoundingClientRect(); \
         return !!field && document.activeElement === field && box.top >= 0 && box.bottom <= innerHeight",
    )
    .await;
    browser.close().await;
}
