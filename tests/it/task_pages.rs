//! The task pages without scripts: argument forms, filters, and the page of a task.

use garde::Validate;
use portal_core::prelude::*;
use portal_core::{Task, source};
use reqwest::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app;
use crate::support::{
    Client, CookieClient, Database, TaskClient, TestResponse, TestServer, attributes, on_both,
};

on_both!(
    nested_arguments_are_entered_row_by_row,
    arguments_switch_between_form_and_json,
    arguments_of_a_task_prefill_the_form,
    list_is_filtered_by_text_and_owner,
    task_page_shows_all_details,
    task_pages_require_an_administrator,
    event_stream_follows_a_task_and_resumes,
    client_tokens_are_listed_and_revoked,
    action_has_no_effect_when_auditing_fails,
);

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
struct ParcelArgs {
    #[garde(length(min = 2))]
    to: String,
    #[garde(dive)]
    lines: Vec<Line>,
    #[garde(dive)]
    insurance: Option<Insurance>,
    #[garde(skip)]
    way: Way,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
struct Line {
    #[garde(skip)]
    item: String,
    #[garde(range(min = 1))]
    count: u8,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
struct Insurance {
    #[garde(skip)]
    value: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Way {
    Post,
    Courier { name: String },
}

// This task is built by hand, because the portals in all other tests would discover a task that a
// macro registers.
fn parcel() -> Task<ParcelArgs, ParcelArgs> {
    Task::new(source!(parcel), "mail", "parcel", |_, _, args| {
        Box::pin(async { Ok(args) })
    })
    .title("Send a parcel")
}

async fn start(database: Database) -> (TestServer, CookieClient) {
    let server =
        TestServer::start_with(database, &[], |portal| app::build(portal).task(parcel)).await;
    let browser = CookieClient::of(&server.url, &server.admin().await);
    (server, browser)
}

const START: &str = "/admin/tasks/start";

/// Returns the values of the form fields on a page, as a browser would submit them.
fn fields(page: &TestResponse) -> Vec<(String, String)> {
    let document = scraper::Html::parse_document(&page.text);
    let all = scraper::Selector::parse("#start-task :is(input,select,textarea)")
        .expect("selector is valid");
    let chosen = scraper::Selector::parse("option[selected]").expect("selector is valid");
    let mut sent = Vec::new();
    for field in document.select(&all) {
        let attribute = |name: &str| field.value().attr(name).map(str::to_owned);
        let Some(name) = attribute("name") else {
            continue;
        };
        let value = match field.value().name() {
            "select" => {
                let option = field.select(&chosen).next();
                option.and_then(|option| option.value().attr("value").map(str::to_owned))
            }
            "textarea" => Some(
                field
                    .text()
                    .collect::<String>()
                    .trim_start_matches('\n')
                    .to_owned(),
            ),
            _ if attribute("type").as_deref() == Some("checkbox") => {
                attribute("checked").and(attribute("value"))
            }
            _ => Some(attribute("value").unwrap_or_default()),
        };
        sent.extend(value.map(|value| (name, value)));
    }
    sent
}

/// Submits the form on a page with some fields changed, as one of its buttons would.
async fn send(
    browser: &mut CookieClient,
    page: &TestResponse,
    typed: &[(&str, &str)],
) -> TestResponse {
    let mut sent = fields(page);
    for (name, value) in typed {
        sent.retain(|(known, _)| known != name);
        sent.push(((*name).to_owned(), (*value).to_owned()));
    }
    let sent: Vec<_> = sent
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    browser.submit(START, &sent).await
}

async fn newest(server: &TestServer) -> portal_core::tasks::TaskRecord {
    let tasks = server.state.get::<Tasks>().expect("the service exists");
    let all = tasks.list(&portal_core::tasks::TaskFilter::default()).await;
    all.expect("the database responds").swap_remove(0)
}

async fn args_of_newest(server: &TestServer) -> serde_json::Value {
    let newest = newest(server).await;
    let tasks = server.state.get::<Tasks>().expect("the service exists");
    let args = tasks.args(newest.id).await.expect("the database responds");
    args.expect("task exists")
}

async fn nested_arguments_are_entered_row_by_row(database: Database) {
    let (server, mut browser) = start(database).await;
    let page = browser.page("/admin/tasks?state=mail&task=parcel").await;
    assert_eq!(
        attributes(&page.text, "[name='args.lines']", "value"),
        [""; 0]
    );
    let page = send(
        &mut browser,
        &page,
        &[("do", "add args.lines"), ("args.to", "bob")],
    )
    .await;
    assert_eq!(page.status, 200, "{}", page.text);
    let page = send(&mut browser, &page, &[("do", "add args.lines")]).await;
    assert_eq!(
        attributes(&page.text, "[name='args.lines']", "value"),
        ["0", "1"]
    );
    assert_eq!(attributes(&page.text, "[name='args.to']", "value"), ["bob"]);
    let typed = [
        ("args.lines/0/item", "pen"),
        ("args.lines/0/count", "2"),
        ("args.lines/1/item", "ink"),
        ("args.lines/1/count", "0"),
        ("args.insurance?", "true"),
        ("args.insurance/value", "much"),
        ("args.way", "1"),
        ("args.way/@1/name", "Ann"),
    ];
    let page = send(&mut browser, &page, &typed).await;
    assert_eq!(page.status, 422);
    let wrong = |page: &TestResponse| attributes(&page.text, "[aria-invalid=true]", "name");
    assert_eq!(
        wrong(&page),
        ["args.lines/1/count", "args.insurance/value"],
        "in a nested list and in an optional object"
    );
    assert_eq!(
        attributes(&page.text, "[autofocus]", "name"),
        ["args.lines/1/count"]
    );
    assert_eq!(
        attributes(&page.text, "[name='args.insurance/value']", "value"),
        ["much"]
    );
    let page = send(&mut browser, &page, &[("args.insurance/value", "50")]).await;
    assert_eq!(page.status, 422);
    assert_eq!(wrong(&page), ["args.lines/1/count"]);
    let page = send(&mut browser, &page, &[("do", "up args.lines 1")]).await;
    assert_eq!(
        attributes(&page.text, "[name='args.lines']", "value"),
        ["1", "0"]
    );
    let done = send(&mut browser, &page, &[("args.lines/1/count", "9")]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let started = newest(&server).await;
    assert_eq!(
        done.location(),
        format!("/admin/tasks?state=mail&task=parcel&from={}", started.id),
        "the form keeps the type and its values"
    );
    assert_eq!(
        args_of_newest(&server).await,
        json!({
            "to": "bob",
            "lines": [{"item": "ink", "count": 9}, {"item": "pen", "count": 2}],
            "insurance": {"value": 50},
            "way": {"kind": "courier", "name": "Ann"},
        })
    );
}

async fn arguments_switch_between_form_and_json(database: Database) {
    let (server, mut browser) = start(database).await;
    let page = browser.page("/admin/tasks?state=mail&task=parcel").await;
    let page = send(&mut browser, &page, &[("do", "json"), ("args.to", "bob")]).await;
    let (_, text) = fields(&page)
        .into_iter()
        .find(|(name, _)| name == "json")
        .expect("the field exists");
    let mut args: Value = serde_json::from_str(&text).expect("the text is JSON");
    assert_eq!(args["to"], "bob");

    let page = send(&mut browser, &page, &[("json", "{")]).await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("nvalid JSON at line 1"), "{}", page.text);
    assert!(
        fields(&page).contains(&("json".to_owned(), "{".to_owned())),
        "the text is kept"
    );
    let stays = send(&mut browser, &page, &[("do", "form")]).await;
    assert!(stays.text.contains("nvalid JSON at line 1"));

    args["lines"] = json!([{"item": "pen", "count": 0}]);
    args["way"] = json!({"kind": "post"});
    let page = send(&mut browser, &page, &[("json", &args.to_string())]).await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("/lines/0/count"), "{}", page.text);
    let page = send(&mut browser, &page, &[("do", "form")]).await;
    assert_eq!(
        attributes(&page.text, "[name='args.lines/0/item']", "value"),
        ["pen"]
    );
    let done = send(&mut browser, &page, &[("args.lines/0/count", "1")]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert_eq!(
        args_of_newest(&server).await["lines"],
        json!([{"item": "pen", "count": 1}])
    );
}

async fn arguments_of_a_task_prefill_the_form(database: Database) {
    let (server, mut browser) = start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let args = json!({"to": "bob", "lines": [{"item": "pen", "count": 2}], "way": {"kind": "courier", "name": "Ann"}});
    let id = client.start_in("mail", "parcel", &args).await;
    client.ended_in("mail", &id).await;
    let page = browser.page(&format!("/admin/tasks?from={id}")).await;
    let done = send(&mut browser, &page, &[("args.way/@1/name", "Ruth")]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let mut expected = args;
    expected["way"]["name"] = json!("Ruth");
    // The arguments are stored as serialized by their type.
    expected["insurance"] = Value::Null;
    assert_eq!(args_of_newest(&server).await, expected);
    let unknown = browser.page("/admin/tasks?from=nonsense").await;
    assert_eq!(unknown.status, 404);
}

async fn list_is_filtered_by_text_and_owner(database: Database) {
    let (server, mut browser) = start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let failed = client.start("fails_task").await;
    let error = client.ended(&failed).await["error"]
        .as_str()
        .expect("value is a string")
        .to_uppercase();
    let of_admin = TaskClient::of(&server.admin().await).await;
    let other = of_admin.start_in("other", "other", &json!({})).await;
    of_admin.ended_in("other", &other).await;
    let email = "ann@example.com";
    for (query, ids) in [
        ("q=FAILS_T", vec![&failed]),
        ("q=%25", vec![]),
        (&format!("q={}", error.replace(' ', "+")), vec![&failed]),
        (&format!("q={other}"), vec![&other]),
        (&format!("owner={email}"), vec![&failed]),
        ("owner=nobody@example.com", vec![]),
        (&format!("owner={email}&status=COMPLETED"), vec![]),
    ] {
        let page = browser.page(&format!("/admin/tasks/all?{query}")).await;
        let shown = attributes(&page.text, "[data-task-id]", "data-task-id");
        assert_eq!(shown.iter().collect::<Vec<_>>(), ids, "{query}");
    }
    let page = browser.page("/admin/tasks/all").await;
    assert!(page.text.contains("Test Person"), "the row names the owner");
    let links = attributes(&page.text, "[data-task-link]", "href");
    assert_eq!(
        links,
        [
            format!("/admin/tasks/{other}"),
            format!("/admin/tasks/{failed}")
        ]
    );
}

async fn task_page_shows_all_details(database: Database) {
    let (server, mut browser) = start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let args = json!({"to": "<bob>", "lines": [], "way": {"kind": "post"}});
    let id = client.start_in("mail", "parcel", &args).await;
    client.ended_in("mail", &id).await;
    let page = browser.page(&format!("/admin/tasks/{id}")).await;
    for part in [
        "Send a parcel",
        "mail/parcel",
        "&lt;bob&gt;",
        "Completed",
        "Result",
        "Queued",
        "Started",
        "Run again",
    ] {
        assert!(page.text.contains(part), "{part} is not in {}", page.text);
    }
    assert!(
        !page.text.contains("data-stream"),
        "a finished task has no stream"
    );
    let failed = client.start("fails_task").await;
    client.ended(&failed).await;
    let response = browser
        .submit(&format!("/admin/tasks/{failed}/again"), &[])
        .await;
    assert_eq!(response.status, 303);
    let page = browser.page(&format!("/admin/tasks/{failed}")).await;
    assert!(page.text.contains("never_works"), "{}", page.text);
    let new = newest(&server).await.id;
    assert!(
        page.text.contains(&format!("/admin/tasks/{new}")),
        "the new task is linked"
    );
    let waits = client.start("waits").await;
    client.until(&waits, "PROCESSING").await;
    let page = browser.page(&format!("/admin/tasks/{waits}")).await;
    assert!(
        page.text.contains("Cancel “"),
        "the confirmation names the task: {}",
        page.text
    );
    assert_eq!(
        attributes(&page.text, "pt-task", "data-status"),
        ["PROCESSING"]
    );
}

async fn task_pages_require_an_administrator(database: Database) {
    let (server, mut admin) = start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let id = client.start("waits").await;
    client.until(&id, "PROCESSING").await;
    let mut user = CookieClient::of(&server.url, &server.user().await);
    let mut guest = CookieClient::new(&server.url);
    for path in [
        format!("/admin/tasks/{id}"),
        "/admin/tasks/schedules".to_owned(),
        "/admin/tasks/tokens".to_owned(),
    ] {
        assert_eq!(user.page(&path).await.status, 403, "{path}");
        assert_eq!(guest.page(&path).await.status, 303, "{path}");
        assert_eq!(admin.page(&path).await.status, 200, "{path}");
    }
    for rest in ["events", "log"] {
        let path = format!("/api/admin/tasks/{id}/{rest}");
        server.guest().get(&path).await.problem(401, "unauthorized");
        server
            .user()
            .await
            .get(&path)
            .await
            .problem(403, "forbidden");
        let unknown = format!("/api/admin/tasks/nonsense/{rest}");
        server
            .admin()
            .await
            .get(&unknown)
            .await
            .problem(404, "task_not_found");
    }
    assert_eq!(admin.page("/admin/tasks/nonsense").await.status, 404);
}

/// Reads a stream until it ends; returns the id, name and data of each event.
async fn stream(
    client: &Client,
    path: &str,
    last_id: Option<&str>,
) -> Vec<(String, String, Value)> {
    let mut request = client.request(Method::GET, path);
    if let Some(id) = last_id {
        request = request.header("last-event-id", id);
    }
    let text = TestResponse::of(request).await.text;
    let mut events = Vec::new();
    for block in text.split("\n\n") {
        let field = |name: &str| {
            let mut lines = block.lines();
            let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_default().to_owned()
        };
        if let Ok(data) = serde_json::from_str(&field("data")) {
            events.push((field("id"), field("event"), data));
        }
    }
    events
}

async fn event_stream_follows_a_task_and_resumes(database: Database) {
    let (server, _) = start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let id = client.start("steps").await;
    let admin = server.admin().await;
    let path = format!("/api/admin/tasks/{id}/events");
    let events = stream(&admin, &path, None).await;
    let names: Vec<_> = events.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names.last(), Some(&"end"));
    let states = || events.iter().filter(|(_, name, _)| name == "state");
    assert_eq!(
        states().next_back().expect("the stream contains a state").2["status"],
        "COMPLETED"
    );
    let entries: Vec<_> = events
        .iter()
        .filter(|(_, name, _)| name == "entry")
        .collect();
    assert!(entries.len() >= 2, "{events:?}");
    let progress: Vec<_> = entries
        .iter()
        .filter_map(|(_, _, data)| data["progress"].as_u64())
        .collect();
    assert!(progress.is_sorted(), "{progress:?}");

    let (half, _, _) = entries[entries.len() / 2 - 1];
    let rest = stream(&admin, &path, Some(half)).await;
    let rest: Vec<_> = rest
        .into_iter()
        .filter(|(_, name, _)| name == "entry")
        .collect();
    let expected: Vec<_> = entries[entries.len() / 2..]
        .iter()
        .map(|entry| (*entry).clone())
        .collect();
    assert_eq!(rest, expected, "resumed where the stream was cut off");
    let (last, _, _) = entries[entries.len() - 1];
    let rest = stream(&admin, &format!("{path}?after={last}"), None).await;
    assert!(rest.iter().all(|(_, name, _)| name != "entry"), "{rest:?}");
}

async fn client_tokens_are_listed_and_revoked(database: Database) {
    let (server, mut browser) = start(database).await;
    let admin = server.admin().await;
    let token = admin.client_token().await;
    let page = browser.page("/admin/tasks/tokens").await;
    assert!(page.text.contains(&token[..8]) && !page.text.contains(&token));
    let of_another = server.user().await.client_token().await;
    assert!(!page.text.contains(&of_another));
    let revoke = "/admin/tasks/tokens/revoke";
    browser.submit(revoke, &[("token", &of_another)]).await;
    let path = |token: &str| format!("/api/probe/tasks/{token}/status");
    assert_eq!(
        server.guest().get(&path(&of_another)).await.status,
        200,
        "another user's token is not revoked"
    );
    browser.submit(revoke, &[("token", &token)]).await;
    server
        .guest()
        .get(&path(&token))
        .await
        .problem(404, "client_token_unknown");
    let created = browser.submit("/admin/tasks/tokens/new", &[]).await;
    let document = scraper::Html::parse_document(&created.text);
    let selector = scraper::Selector::parse("[data-part=client-token]").expect("selector is valid");
    let shown: String = document
        .select(&selector)
        .flat_map(|element| element.text())
        .collect();
    let created = server.guest().get(&path(&shown)).await;
    assert_eq!(created.status, 200, "the page shows the secret once");
    let page = browser.page("/admin/tasks/tokens").await;
    assert!(!page.text.contains(&shown) && page.text.contains("Last used"));
}

async fn action_has_no_effect_when_auditing_fails(database: Database) {
    let (server, mut browser) = start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let ended = client.start("fails_task").await;
    client.ended(&ended).await;
    let active = client.start("waits").await;
    client.until(&active, "PROCESSING").await;
    server
        .sql("ALTER TABLE portal_audit_log RENAME TO portal_audit_gone".to_owned())
        .await;
    for (path, fields) in [
        (
            format!("/admin/tasks/{active}/cancel"),
            &[] as &[(&str, &str)],
        ),
        (format!("/admin/tasks/{ended}/again"), &[]),
        ("/admin/tasks/prune".to_owned(), &[("days", "0")]),
    ] {
        assert_eq!(browser.submit(&path, fields).await.status, 500, "{path}");
    }
    server
        .sql("ALTER TABLE portal_audit_gone RENAME TO portal_audit_log".to_owned())
        .await;
    assert_eq!(client.status(&active).await["status"], "PROCESSING");
    assert_eq!(
        newest(&server).await.id.to_string(),
        active,
        "nothing was started"
    );
    assert_eq!(
        client.status(&ended).await["status"],
        "ERROR",
        "nothing was deleted"
    );
}
