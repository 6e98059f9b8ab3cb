//! Statistics on both databases, and the overview of the reference portal.

use chrono::{TimeDelta, Utc};
use portal_core::prelude::*;
use portal_core::store::TimeRange;
use portal_core::tasks::TaskScope;
use reqwest::Method;
use scraper::{Html, Selector};
use serde_json::{Value, json};

use crate::support::{
    Chromium, Client, Database, ReferencePortal, TaskClient, TestResponse, TestServer, eventually,
    on_both,
};

on_both!(
    sign_ups_and_sign_ins_are_counted_by_time,
    tasks_are_counted_by_outcome_and_finish_time,
    demo_data_is_added_once_and_removed_completely,
);

const ADMIN: &str = "root@example.com";

/// Returns a time before now, in a format that both databases can read.
fn ago(span: TimeDelta) -> String {
    let at = Utc::now() - span;
    at.format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

fn users_of(server: &TestServer) -> Users {
    (*server.state.get::<Users>().expect("the service exists")).clone()
}

fn tasks_of(server: &TestServer) -> Tasks {
    (*server.state.get::<Tasks>().expect("the service exists")).clone()
}

async fn sign_ups_and_sign_ins_are_counted_by_time(database: Database) {
    let mut server = TestServer::start(database).await;
    let users = users_of(&server);
    // Everyone signs in today; then the dates for Ann, Bob and Dan are moved back by 3, 10 and 200
    // days.
    let now = TimeDelta::zero();
    for (email, came, seen) in [
        ("ann@example.com", TimeDelta::days(3), TimeDelta::days(3)),
        ("bob@example.com", TimeDelta::days(10), TimeDelta::days(10)),
        ("cid@example.com", now, now),
        (
            "dan@example.com",
            TimeDelta::days(200),
            TimeDelta::days(200),
        ),
    ] {
        server.sign_in(email).await.get("/api/auth/me").await;
        for (table, column, by, span) in [
            (
                "portal_users",
                "created_at",
                format!("email = '{email}'"),
                came,
            ),
            (
                "portal_sessions",
                "created_at",
                format!("user_id = (SELECT id FROM portal_users WHERE email = '{email}')"),
                seen,
            ),
        ] {
            let at = ago(span);
            let changed = server
                .sql(format!("UPDATE {table} SET {column} = '{at}' WHERE {by}"))
                .await;
            assert_eq!(changed, 1, "{table} {email}");
        }
    }
    // Ann signs in again on another day, and must be counted on both days, but as one user.
    server
        .sign_in("ann@example.com")
        .await
        .get("/api/auth/me")
        .await;

    let week = users
        .sign_ups(TimeRange::Week)
        .await
        .expect("the database responds");
    assert_eq!(week.values, [0, 0, 0, 1, 0, 0, 1]);
    assert_eq!((week.total, week.previous), (2, 1));
    let month = users
        .sign_ups(TimeRange::Month)
        .await
        .expect("the database responds");
    assert_eq!(
        (month.total, month.previous, month.values.len()),
        (3, 0, 30)
    );
    let quarter = users
        .sign_ups(TimeRange::Quarter)
        .await
        .expect("the database responds");
    assert_eq!(
        (quarter.total, quarter.previous),
        (3, 0),
        "200 days ago is out of range"
    );
    let day = users
        .sign_ups(TimeRange::Day)
        .await
        .expect("the database responds");
    assert_eq!((day.total, day.values[23]), (1, 1));

    let active = users
        .active(TimeRange::Week)
        .await
        .expect("the database responds");
    assert_eq!(active.values, [0, 0, 0, 1, 0, 0, 2]);
    assert_eq!(
        (active.total, active.previous),
        (2, 1),
        "two sign-ins count as one user"
    );

    let ann = &users
        .find_by_email("ann@example.com")
        .await
        .expect("user exists")[0];
    let hers = users
        .sign_ins(ann.id, TimeRange::Week)
        .await
        .expect("the database responds");
    assert_eq!((hers.total, hers.previous), (2, 0));
    let latest = users
        .latest_sign_ins(ann.id, 10)
        .await
        .expect("the database responds");
    assert_eq!(latest.len(), 2);
    assert!(latest[0].at > latest[1].at && latest[0].is_open);
    server.stop().await;
}

async fn tasks_are_counted_by_outcome_and_finish_time(database: Database) {
    let mut server = TestServer::start(database).await;
    let tasks = tasks_of(&server);
    let ann = TaskClient::of(&server.user().await).await;
    let bob = TaskClient::of(&server.sign_in("bob@example.com").await).await;
    let args = json!({"name": "x", "age": 1});
    for client in [&ann, &ann, &ann, &bob] {
        let id = client.start_in("probe", "echo", &args).await;
        client.ended_in("probe", &id).await;
    }
    let failing = ann.start("waits").await;
    ann.until(&failing, "PROCESSING").await;
    ann.cancel(&failing).await;
    ann.ended_in("probe", &failing).await;

    // Three tasks finished two days ago, after 1, 2 and 9 seconds; the fourth, Bob's, 8 days ago.
    let spans = [(2, 1), (2, 2), (2, 9), (8, 5)];
    for (days, seconds) in spans {
        let ended = TimeDelta::days(days);
        let begun = ago(ended + TimeDelta::seconds(seconds));
        let changed = server
            .sql(format!(
                "UPDATE portal_tasks SET started_at = '{begun}', finished_at = '{}' WHERE status = 'COMPLETED' \
                 AND created_at = (SELECT min(created_at) FROM portal_tasks WHERE status = 'COMPLETED' AND \
                 finished_at > '{}')",
                ago(ended),
                ago(TimeDelta::days(1)),
            ))
            .await;
        assert_eq!(changed, 1, "{days}");
    }
    let all = TaskScope::default();
    let week = tasks
        .counts(TimeRange::Week, &all)
        .await
        .expect("the database responds");
    assert_eq!(week.completed.values, [0, 0, 0, 0, 3, 0, 0]);
    assert_eq!(week.cancelled.values, [0, 0, 0, 0, 0, 0, 1]);
    assert_eq!((week.failed.total, week.completed.previous), (0, 1));
    assert_eq!(week.finished().total, 4);
    assert_eq!(week.failure_rate(), Some(0.0));
    assert_eq!(week.previous_failure_rate(), Some(0.0));
    assert_eq!(week.failure_rate_by_bucket()[0], None);

    let took = tasks
        .durations(TimeRange::Week, &all)
        .await
        .expect("the database responds");
    let near =
        |value: Option<f64>, seconds: f64| (value.expect("the value exists") - seconds).abs() < 0.2;
    assert!(near(took.median[4], 2.0), "{took:?}");
    assert!(near(took.p95[4], 9.0), "{took:?}");
    assert!(near(took.overall_median, 2.0) && !took.is_sample);
    assert_eq!(took.median[0], None);

    let users = users_of(&server);
    let bob = &users
        .find_by_email("bob@example.com")
        .await
        .expect("user exists")[0];
    let his = tasks
        .counts(TimeRange::Month, &TaskScope::of_user(bob.id))
        .await
        .expect("the database responds");
    assert_eq!(his.finished().total, 1);
    let none = TaskScope {
        name: Some("other".to_owned()),
        ..TaskScope::default()
    };
    let none = tasks
        .counts(TimeRange::Month, &none)
        .await
        .expect("the database responds");
    assert_eq!(
        (
            none.finished().total,
            none.failure_rate(),
            none.previous_failure_rate()
        ),
        (0, None, None)
    );
    server.stop().await;
}

async fn demo_data_is_added_once_and_removed_completely(database: Database) {
    let mut server = TestServer::start(database).await;
    server.user().await.get("/api/auth/me").await;
    let (users, tasks) = (users_of(&server), tasks_of(&server));
    let before = users.count().await.expect("the database responds");
    let owners = users
        .add_demo_users()
        .await
        .expect("the demo data is added");
    let count = tasks
        .add_demo_tasks(&owners)
        .await
        .expect("the demo data is added");
    assert!(owners.len() > 20 && count > 200);
    assert_eq!(
        users
            .add_demo_users()
            .await
            .expect("the demo data was already added")
            .len(),
        owners.len()
    );
    assert_eq!(
        tasks
            .add_demo_tasks(&owners)
            .await
            .expect("the demo data was already added"),
        count
    );
    let ended = tasks
        .counts(TimeRange::Month, &TaskScope::default())
        .await
        .expect("the database responds");
    assert!(ended.completed.total > ended.failed.total && ended.failed.total > 0);
    let found = users
        .find_by_email("ann@example.com")
        .await
        .expect("user exists");
    assert!(found[0].attributes.get("example").is_none());

    tasks
        .remove_demo_tasks()
        .await
        .expect("the demo data is removed");
    users
        .remove_demo_users()
        .await
        .expect("the demo data is removed");
    assert_eq!(users.count().await.expect("the database responds"), before);
    assert!(
        users
            .demo_user_ids()
            .await
            .expect("the database responds")
            .is_empty()
    );
    assert_eq!(
        tasks
            .count_by_status()
            .await
            .expect("the database responds"),
        []
    );
    server.stop().await;
}

async fn sign_in(portal: &ReferencePortal, email: &str) -> Client {
    let body = json!({"email": email, "first_name": "Ada"});
    let response = portal.guest().post("/dev/token", &body).await;
    let token = response.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    Client::new(&portal.url, Some(token))
}

fn texts(html: &str, css: &str) -> Vec<String> {
    let selector = Selector::parse(css).expect("selector is valid");
    let page = Html::parse_document(html);
    let found = page.select(&selector);
    found
        .map(|element| {
            element
                .text()
                .collect::<Vec<_>>()
                .join(" ")
                .trim()
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn overview_depends_on_the_caller() {
    let portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let overview = "/admin/overview";
    let guest = portal.guest().page(overview).await;
    assert_eq!(guest.status, 200);
    assert!(texts(&guest.text, ".pt-stat, .pt-chart, [data-topics]").is_empty());
    assert!(guest.text.contains("Sign in to get started"));

    let admin = sign_in(&portal, ADMIN).await;
    let fresh = admin.page(overview).await;
    assert!(
        fresh.text.contains("Your portal is ready"),
        "{}",
        fresh.text
    );
    assert!(texts(&fresh.text, ".pt-stat").is_empty(), "no zeros");

    // Another user runs a task; the administrator sees it, whereas a third user does not.
    let ann = sign_in(&portal, "ann@example.com").await;
    let runs = TaskClient::of(&ann).await;
    let id = runs
        .start_in(
            "example_task2",
            "task2_with_args",
            &json!({"name": "bob", "age": 6}),
        )
        .await;
    runs.ended_in("example_task2", &id).await;

    let all = admin.page(&format!("{overview}?range=24h")).await;
    let labels = texts(&all.text, ".pt-stat dt");
    assert_eq!(
        labels,
        ["Users", "Active users", "Tasks run", "Failure rate"]
    );
    let values = texts(&all.text, ".pt-stat > dd:nth-of-type(1)");
    assert_eq!(values, ["2", "2", "1", "0%"]);
    assert_eq!(
        texts(&all.text, ".pt-ranges [aria-current] [aria-hidden]"),
        ["24h"]
    );
    assert_eq!(texts(&all.text, "pt-live .pt-figures").len(), 4);
    assert!(texts(&all.text, ".pt-feed b").is_empty() || all.text.contains("ADMIN_USER_EMAILS"));
    let topics =
        Selector::parse("#overview[data-topics='users tasks audit']").expect("selector is valid");
    assert!(
        Html::parse_document(&all.text)
            .select(&topics)
            .next()
            .is_some()
    );
    // An unknown range falls back to the default.
    let odd = admin.page(&format!("{overview}?range=1000y")).await;
    assert_eq!(
        texts(&odd.text, ".pt-ranges [aria-current] [aria-hidden]"),
        ["7d"]
    );

    let hers = ann.page(overview).await;
    assert_eq!(
        texts(&hers.text, ".pt-stat dt"),
        ["Your tasks", "Failure rate", "Your sign-ins"]
    );
    assert!(!hers.text.contains("Recent activity") && !hers.text.contains("example data"));
    let other = sign_in(&portal, "bob@example.com")
        .await
        .page(overview)
        .await;
    assert!(other.text.contains("Start your first task"));
    assert!(texts(&other.text, ".pt-stat").is_empty());
}

#[tokio::test]
async fn recent_activity_shows_users_by_name() {
    let portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let person = async |email: &str, first: &str, last: &str| {
        let person = json!({"email": email, "first_name": first, "last_name": last});
        let response = portal.guest().post("/dev/token", &person).await.json();
        let token = response["token"]
            .as_str()
            .expect("response has a token")
            .to_owned();
        Client::new(&portal.url, Some(token))
    };
    let admin = person(ADMIN, "Grace", "Hopper").await;
    let zoe = person("zoe@example.com", "Zoë", "Ott").await;
    let id = zoe.get("/api/auth/me").await.json()["id"].clone();
    let id = id.as_str().expect("response has an id");
    let body = json!({"is_active": false});
    let changed = admin.patch(&format!("/api/users/{id}"), &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let page = admin.page("/admin/overview").await;
    let lines = texts(&page.text, ".pt-feed .pt-break");
    let words: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(words.join(" "), "Grace Hopper changed user “Zoë Ott”");
}

#[tokio::test]
async fn first_charts_of_a_live_page_load_their_styles() {
    let portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let admin = sign_in(&portal, ADMIN).await;
    let browser = Chromium::open(&portal.url).await;
    browser
        .use_session(admin.token.as_deref().expect("client has a token"))
        .await;
    browser.goto("/admin/overview").await;
    browser.see("Your portal is ready").await;
    let sheets = "return document.querySelectorAll('head>link[href*=\"/chart.\"]').length";
    assert_eq!(browser.script(sheets).await, 0);
    let runs = TaskClient::of(&admin).await;
    let person = json!({"name": "bob", "age": 6});
    let id = runs
        .start_in("example_task2", "task2_with_args", &person)
        .await;
    runs.ended_in("example_task2", &id).await;
    eventually("the charts are rendered with their styles", async || {
        let plot = "const plot = document.querySelector('.pt-plot'); \
                    return plot && getComputedStyle(plot).display";
        (browser.script(plot).await == "grid").then_some(())
    })
    .await;
    assert_eq!(
        browser.script(sheets).await,
        1,
        "one style sheet for all charts"
    );
    browser.goto("/admin/overview").await;
    browser.see("Tasks by outcome").await;
    assert_eq!(browser.script(sheets).await, 1, "the page links it");
    browser.close().await;
}

#[tokio::test]
async fn demo_data_requires_an_administrator() {
    let portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let add = "/admin/overview/examples";
    let post = async |client: &Client, path: &str| {
        TestResponse::of(
            client
                .request(Method::POST, path)
                .header("accept", "text/html"),
        )
        .await
    };
    let user = sign_in(&portal, "ann@example.com").await;
    assert_eq!(post(&user, add).await.status, 403);
    let admin = sign_in(&portal, ADMIN).await;
    assert_eq!(post(&admin, add).await.status, 303);
    let filled = admin.page("/admin/overview?range=90d").await;
    assert!(
        filled.text.contains("example.invalid"),
        "it is marked as example data"
    );
    assert_eq!(texts(&filled.text, ".pt-chart-none"), Vec::<String>::new());
    assert_eq!(post(&user, &format!("{add}/remove")).await.status, 403);
    assert_eq!(post(&admin, &format!("{add}/remove")).await.status, 303);
    let empty = admin.page("/admin/overview").await;
    assert!(!empty.text.contains("are example data"));
}

#[tokio::test]
async fn chart_values_are_readable_by_keyboard_and_as_a_table() {
    let portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let admin = sign_in(&portal, ADMIN).await;
    let added = admin.request(Method::POST, "/admin/overview/examples");
    assert_eq!(TestResponse::of(added).await.status, 303);
    let browser = Chromium::open(&portal.url).await;
    browser.goto("/sign-in?redirect_url=/admin/overview").await;
    browser.fill("input[name=email]", ADMIN).await;
    browser
        .click("form[action$='/dev/sign-in'] button[type=submit]")
        .await;
    let tip = "[aria-label='Tasks by outcome, by point']";
    let slider = browser
        .find(&format!("pt-chart-tip{tip}[role=slider]"))
        .await;
    let said = async || {
        let of = format!("return document.querySelector(\"{tip}\").ariaValueText");
        browser
            .script(&of)
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let last = said().await;
    assert!(
        last.contains("Completed ") && last.contains(", Failed "),
        "{last}"
    );
    slider
        .send_keys("\u{e012}")
        .await
        .expect("the element accepts keys");
    let before = said().await;
    assert_ne!(before, last);
    let shown = format!("return document.querySelector(\"{tip} div\").innerText");
    let shown = browser.script(&shown).await;
    let day = before
        .split(", Completed")
        .next()
        .expect("the label comes first");
    assert!(
        shown.as_str().is_some_and(|shown| shown.contains(day)),
        "{shown} {day}"
    );
    slider
        .send_keys("\u{e00c}")
        .await
        .expect("the element accepts keys");
    let gone = format!("return document.querySelector(\"{tip}\").childElementCount");
    assert_eq!(browser.script(&gone).await, 0);

    browser.click(".pt-figures summary").await;
    let rows = browser
        .script("return document.querySelectorAll('.pt-figures[open] tbody tr').length")
        .await;
    assert_eq!(rows, Value::from(7));
    let said = browser.console().await;
    assert!(said.is_empty(), "{said:#?}");
    browser.close().await;
}
