//! Notifications in the UI: the page, the bell and the form for sending them.

use portal_core::auth::{AuditFilter, AuditLog};
use portal_core::notifications::{Audience, Notification};
use portal_core::prelude::*;
use reqwest::Method;
use serde_json::json;

use crate::notifications::{bell, id_of, listed, until};
use crate::support::{
    ADMIN, Chromium, Client, Database, TestResponse, TestServer, eventually, form, on_both,
};

on_both!(
    sending_requires_the_confirmed_recipient_count,
    opening_a_notification_marks_it_as_read,
);

/// Submits a form on the page to an action such as `send` or `{id}/delete`.
pub(crate) async fn submit(client: &Client, action: &str, fields: &[(&str, &str)]) -> TestResponse {
    let request = client.request(Method::POST, &format!("/admin/notifications/{action}"));
    TestResponse::of(
        request
            .header("accept", "text/html")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(fields)),
    )
    .await
}

async fn sending_requires_the_confirmed_recipient_count(database: Database) {
    let server = TestServer::start(database).await;
    let (admin, ann, bob) = (
        server.admin().await,
        server.user().await,
        server.sign_in("bob@example.com").await,
    );
    for client in [&admin, &ann, &bob] {
        id_of(client).await;
    }
    assert!(
        admin
            .page("/admin/notifications")
            .await
            .text
            .contains("Send a message")
    );
    assert!(
        !ann.page("/admin/notifications?send=1")
            .await
            .text
            .contains("Send a message")
    );
    let everyone = [
        ("audience", "everyone"),
        ("title", "Maintenance at noon"),
        ("text", "For an hour."),
        ("link", "/members"),
    ];
    assert_eq!(submit(&ann, "send", &everyone).await.status, 403);
    let asked = submit(&admin, "send", &everyone).await;
    assert_eq!(asked.status, 200);
    assert!(
        asked.text.contains("This reaches 3 people."),
        "{}",
        asked.text
    );
    assert_eq!(listed(&ann).await["unread"], 0);

    let confirmed = |count| {
        everyone
            .into_iter()
            .chain([("confirmed", count)])
            .collect::<Vec<_>>()
    };
    // If the recipient count is outdated, it must be confirmed again.
    let asked = submit(&admin, "send", &confirmed("2")).await;
    assert!(asked.text.contains("This reaches 3 people."));
    assert_eq!(submit(&admin, "send", &confirmed("3")).await.status, 303);
    for client in [&admin, &ann, &bob] {
        let list = until(client, 1).await;
        assert_eq!(list["items"][0]["title"], "Maintenance at noon");
    }
    let log = server.state.get::<AuditLog>().expect("the service exists");
    let filter = AuditFilter {
        target: Some("users:all".to_owned()),
        ..AuditFilter::default()
    };
    let entries = log.list(&filter).await.expect("the entries can be listed");
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (
            &*entries[0].action,
            &*entries[0].actor_email,
            &entries[0].details["reached"]
        ),
        ("notification.send", ADMIN, &json!(3))
    );

    let one = |email| {
        let fields = [("audience", "user"), ("title", "Hello"), ("confirmed", "1")];
        fields
            .into_iter()
            .chain([("email", email)])
            .collect::<Vec<_>>()
    };
    assert_eq!(
        submit(&admin, "send", &one("bob@example.com")).await.status,
        303
    );
    until(&bob, 2).await;
    let wrong = submit(&admin, "send", &one("nobody@example.com")).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("no user has this e-mail address"));
    let faulty = [
        ("audience", "role:ADMIN"),
        ("title", "x"),
        ("link", "//evil"),
    ];
    let wrong = submit(&admin, "send", &faulty).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("must be a path within this portal"));
    let admins = bell(&server)
        .count_recipients(&Audience::Role(Role::Admin))
        .await;
    assert_eq!(admins.expect("counted"), 1);
    assert_eq!(
        listed(&ann).await["items"].as_array().map(Vec::len),
        Some(1)
    );
}

async fn opening_a_notification_marks_it_as_read(database: Database) {
    let server = TestServer::start(database).await;
    let ann = server.user().await;
    let id = id_of(&ann).await;
    let message = Notification::new("Look <here>").link("/members?a=b");
    bell(&server)
        .send(id, &message)
        .await
        .expect("the notification is sent");
    let page = ann.page("/admin/notifications").await;
    assert!(page.text.contains("Look &lt;here&gt;"));
    assert!(page.text.contains("aria-label=\"Notifications, 1 unread\""));
    let listed = listed(&ann).await;
    let path = format!(
        "/admin/notifications/{}",
        listed["items"][0]["id"]
            .as_str()
            .expect("response has an id")
    );
    let opened = TestResponse::of(
        ann.request(Method::POST, &path)
            .header("accept", "text/html"),
    );
    let opened = opened.await;
    assert_eq!(
        (opened.status.as_u16(), opened.location()),
        (303, "/members?a=b")
    );
    let page = ann.page("/members").await.text;
    assert!(page.contains("aria-label=\"Notifications\""), "{page}");
    let menu = ann.page("/admin/notifications/latest").await.text;
    assert!(menu.contains("Look &lt;here&gt;") && !menu.contains("<html"));

    let id = &path["/admin/notifications/".len()..];
    for action in [
        "read-all",
        "send",
        &format!("{id}/read"),
        &format!("{id}/delete"),
    ] {
        let page = ann.page(&format!("/admin/notifications/{action}")).await;
        assert_eq!(page.location(), "/admin/notifications", "{action}");
    }
    assert_eq!(submit(&ann, &format!("{id}/delete"), &[]).await.status, 303);
    let empty = ann.page("/admin/notifications").await.text;
    assert!(empty.contains("You're all caught up"));
}

#[tokio::test]
async fn bell_updates_on_an_open_page() {
    let server = TestServer::start(Database::Sqlite).await;
    let ann = server.user().await;
    let id = id_of(&ann).await;
    let browser = Chromium::open(&server.url).await;
    browser.goto("/sign-in?redirect_url=/members").await;
    browser.fill("input[name=email]", "ann@example.com").await;
    browser
        .click("form[action$='/dev/sign-in'] button[type=submit]")
        .await;
    browser
        .find(".pt-side a.pt-bell[aria-label=Notifications]")
        .await;
    // A page load would discard this variable.
    browser.script("window.same = true").await;

    let message = Notification::new("The report is ready").link("/items/7");
    bell(&server)
        .send(id, &message)
        .await
        .expect("the notification is sent");
    browser
        .find(".pt-side a.pt-bell[aria-label='Notifications, 1 unread'] .pt-count")
        .await;
    browser.find(".pt-toasts pt-toast").await;
    let toasts = "return [...document.querySelectorAll('.pt-toasts > pt-toast')].map((it) => it.innerText.trim())";
    assert_eq!(
        browser.script(toasts).await,
        json!(["The report is ready\nView"]),
        "shown once"
    );
    bell(&server)
        .send(id, &Notification::new("Another"))
        .await
        .expect("the notification is sent");
    browser
        .find(".pt-side a[aria-label='Notifications, 2 unread']")
        .await;
    assert_eq!(browser.script("return window.same").await, true);

    browser.click(".pt-side a.pt-bell").await;
    browser
        .find("#pt-inbox:popover-open .pt-note[data-unread]")
        .await;
    browser.see("Another").await;
    browser
        .click("#pt-inbox .pt-note[data-link] .pt-note-title button")
        .await;
    eventually("the browser is at the link target", async || {
        (browser.path().await == "/items/7").then_some(())
    })
    .await;
    browser
        .find(".pt-side a[aria-label='Notifications, 1 unread']")
        .await;
    browser.goto("/admin/notifications").await;
    browser.click(".pt-head form button").await;
    browser
        .find(".pt-side a.pt-bell[aria-label=Notifications]")
        .await;
    assert_eq!(bell(&server).count_unread(id).await.expect("counted"), 0);
    let said = browser.console().await;
    assert!(said.is_empty(), "{said:#?}");
    browser.close().await;
}
