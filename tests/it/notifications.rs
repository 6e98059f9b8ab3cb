//! Notifications: access, grouping, limits, and notifications about tasks and account changes.

use portal_core::TaskNotify;
use portal_core::auth::Users;
use portal_core::notifications::{Notification, Notifications};
use portal_core::pages::components::Tone;
use portal_core::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app;
use crate::notification_pages::submit;
use crate::support::{Client, Database, TaskClient, TestServer, eventually, on_both};

on_both!(
    users_see_and_change_only_their_own_notifications,
    list_is_paginated,
    invalid_notification_is_rejected,
    unread_notifications_of_a_group_share_one_entry,
    newest_and_unread_notifications_are_retained,
    failed_task_notifies_once_and_bursts_share_one_entry,
    quick_cancelled_and_muted_tasks_send_no_notification,
    account_changes_notify_the_user,
    notification_reaches_another_replica,
);

/// Finishes at once and always notifies
#[monitored_background_task(group = "notify", notify = always)]
async fn finishes(_task: TaskContext) -> u8 {
    1
}

/// Fails without a notification
#[monitored_background_task(group = "notify", notify = never)]
async fn untold(_task: TaskContext) -> Result<(), TaskError> {
    Err(TaskError::new("no notification is sent"))
}

pub(crate) async fn id_of(client: &Client) -> Uuid {
    let me = client.get("/api/auth/me").await.json();
    me["id"]
        .as_str()
        .expect("value is a string")
        .parse()
        .expect("id is a UUID")
}

pub(crate) fn bell(server: &TestServer) -> Notifications {
    let bell = server
        .state
        .get::<Notifications>()
        .expect("the service exists");
    Notifications::clone(&bell)
}

pub(crate) async fn listed(client: &Client) -> Value {
    let response = client.get("/api/notifications").await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()
}

/// Returns the list once it has the given number of entries.
pub(crate) async fn until(client: &Client, entries: usize) -> Value {
    eventually(&format!("{entries} notifications"), async || {
        let list = listed(client).await;
        let items = list["items"].as_array().expect("value is a list");
        (items.len() == entries).then_some(list.clone())
    })
    .await
}

async fn users_see_and_change_only_their_own_notifications(database: Database) {
    let server = TestServer::start(database).await;
    let (ann, bob) = (server.user().await, server.sign_in("bob@example.com").await);
    let message = Notification::new("Report ready")
        .text("All of it.")
        .link("/members")
        .tone(Tone::Success)
        .kind("report");
    bell(&server)
        .send(id_of(&ann).await, &message)
        .await
        .expect("the notification is sent");

    let list = listed(&ann).await;
    assert_eq!(list["unread"], 1);
    let item = &list["items"][0];
    assert_eq!(
        [
            &item["title"],
            &item["text"],
            &item["link"],
            &item["tone"],
            &item["kind"]
        ],
        [
            "Report ready",
            "All of it.",
            "/members",
            "success",
            "report"
        ]
    );
    assert_eq!(item["read_at"], Value::Null);
    assert_eq!(listed(&bob).await, json!({"unread": 0, "items": []}));

    let id = item["id"].as_str().expect("response has an id");
    let (read, one) = (
        format!("/api/notifications/{id}/read"),
        format!("/api/notifications/{id}"),
    );
    let others = [bob.post(&read, &json!({})).await, bob.delete(&one).await];
    for response in others {
        response.problem(404, "notification_not_found");
    }
    assert_eq!(
        bob.page(&format!("/admin/notifications/{id}")).await.status,
        404
    );
    assert_eq!(submit(&bob, &format!("{id}/delete"), &[]).await.status, 404);
    assert_eq!(
        bob.post("/api/notifications/read", &json!({})).await.json()["read"],
        0
    );
    assert_eq!(listed(&ann).await["unread"], 1);
    let guest = server.guest();
    guest
        .get("/api/notifications")
        .await
        .problem(401, "unauthorized");
    guest.delete(&one).await.problem(401, "unauthorized");
    assert_eq!(guest.page("/admin/notifications").await.status, 303);

    for _ in 0..2 {
        assert_eq!(ann.post(&read, &json!({})).await.status, 204);
    }
    assert_eq!(listed(&ann).await["unread"], 0);
    assert_eq!(ann.delete(&one).await.status, 204);
    ann.delete(&one)
        .await
        .problem(404, "notification_not_found");
    for path in ["/api/notifications/7/read", "/api/notifications/x/read"] {
        ann.post(path, &json!({}))
            .await
            .problem(404, "notification_not_found");
    }
    assert_eq!(listed(&ann).await, json!({"unread": 0, "items": []}));
    let stranger = bell(&server).send(Uuid::now_v7(), &message).await;
    assert_eq!(
        stranger.expect_err("the user is unknown").code(),
        "user_not_found"
    );
}

async fn list_is_paginated(database: Database) {
    let server = TestServer::start(database).await;
    let ann = server.user().await;
    let id = id_of(&ann).await;
    for number in 0..5 {
        let message = Notification::new(format!("number {number}"));
        bell(&server)
            .send(id, &message)
            .await
            .expect("the notification is sent");
    }
    let mut seen = Vec::new();
    let mut path = "/api/notifications?limit=2".to_owned();
    loop {
        let page = ann.get(&path).await.json();
        assert_eq!(page["unread"], 5);
        let items = page["items"].as_array().expect("value is a list").clone();
        seen.extend(items.iter().map(|item| {
            item["title"]
                .as_str()
                .expect("the notification has a title")
                .to_owned()
        }));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/notifications?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(
        seen,
        ["number 4", "number 3", "number 2", "number 1", "number 0"]
    );
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=x", "/limit"),
        ("cursor=7", "/cursor"),
        ("unread=maybe", "/unread"),
    ] {
        let response = ann.get(&format!("/api/notifications?{query}")).await;
        let problem = response.problem(422, "invalid_parameters");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    assert_eq!(
        ann.page("/admin/notifications?cursor=nonsense")
            .await
            .status,
        200
    );
    assert_eq!(
        ann.post("/api/notifications/read", &json!({})).await.json()["read"],
        5
    );
    let unread = ann.get("/api/notifications?unread=true").await.json();
    assert_eq!(unread, json!({"unread": 0, "items": []}));
}

async fn invalid_notification_is_rejected(database: Database) {
    let server = TestServer::start(database).await;
    let id = id_of(&server.user().await).await;
    for message in [
        Notification::new(""),
        Notification::new("a\0b"),
        Notification::new("x".repeat(200)),
        Notification::new("x").link("https://evil.example"),
        Notification::new("x").link("//evil.example"),
        Notification::new("x").link("javascript:alert(1)"),
    ] {
        let error = bell(&server)
            .send(id, &message)
            .await
            .expect_err("the call is rejected");
        assert_eq!(error.code(), "invalid_parameters", "{message:?}");
    }
    assert_eq!(bell(&server).count_unread(id).await.expect("counted"), 0);
}

async fn unread_notifications_of_a_group_share_one_entry(database: Database) {
    let server = TestServer::start(database).await;
    let ann = server.user().await;
    let id = id_of(&ann).await;
    let order = |text: &str| {
        Notification::new("New order")
            .text(text)
            .group("orders", "{count} new orders")
    };
    let messages = ["1", "2", "3"].map(order);
    let sent = messages.iter().map(|message| {
        let bell = bell(&server);
        async move { bell.send(id, message).await }
    });
    for sent in futures_util::future::join_all(sent).await {
        sent.expect("the notification is sent");
    }
    let list = listed(&ann).await;
    assert_eq!(
        (&list["unread"], &list["items"][0]["count"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(list["items"][0]["title"], "3 new orders");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));

    bell(&server)
        .mark_all_read(id)
        .await
        .expect("the database responds");
    bell(&server)
        .send(id, &order("4"))
        .await
        .expect("the notification is sent");
    let list = listed(&ann).await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(list["items"][0]["title"], "New order");
    assert_eq!(list["unread"], 1);
}

async fn newest_and_unread_notifications_are_retained(database: Database) {
    let server = TestServer::start(database).await;
    let ann = server.user().await;
    let id = id_of(&ann).await;
    let send = async |title: String| bell(&server).send(id, &Notification::new(title)).await;
    send("first, unread".to_owned())
        .await
        .expect("the notification is sent");
    let first = listed(&ann).await["items"][0]["id"].clone();
    for number in 0..199 {
        send(format!("{number}"))
            .await
            .expect("the notification is sent");
    }
    bell(&server)
        .mark_all_read(id)
        .await
        .expect("the database responds");
    let unread =
        "UPDATE portal_notifications SET read_at = NULL WHERE title LIKE 'first%'".to_owned();
    assert_eq!(server.sql(unread).await, 1);
    for number in 0..3 {
        send(format!("late {number}"))
            .await
            .expect("the notification is sent");
    }
    let kept = ann.get("/api/notifications?limit=200").await.json();
    assert!(kept.get("next_cursor").is_none());
    let items = kept["items"].as_array().expect("value is a list");
    assert_eq!(items.len(), 200);
    assert_eq!(items[199]["id"], first, "unread entries are retained");
    assert_eq!(
        (&items[0]["title"], &items[198]["title"]),
        (&json!("late 2"), &json!("3"))
    );
}

async fn failed_task_notifies_once_and_bursts_share_one_entry(database: Database) {
    let server = TestServer::start(database).await;
    let ann = server.user().await;
    let client = TaskClient::of(&ann).await;
    let id = client.start("fails_task").await;
    client.until(&id, "ERROR").await;
    let list = until(&ann, 1).await;
    let item = &list["items"][0];
    assert_eq!(
        (&item["title"], &item["text"], &item["tone"], &item["kind"]),
        (
            &json!("“Fails” failed"),
            &json!("it never works"),
            &json!("danger"),
            &json!("task")
        )
    );
    assert_eq!(item["link"], format!("/tasks/{id}"));
    let page = ann.page(&format!("/tasks/{id}")).await;
    assert!(page.status == 200 && page.text.contains("it never works"));

    let starts = (0..20).map(|_| client.start("fails_task"));
    for id in futures_util::future::join_all(starts).await {
        client.until(&id, "ERROR").await;
    }
    let list = until(&ann, 1).await;
    assert_eq!(
        (&list["items"][0]["count"], &list["unread"]),
        (&json!(21), &json!(1))
    );
    assert_eq!(list["items"][0]["title"], "21 tasks failed");
    let link = list["items"][0]["link"]
        .as_str()
        .expect("the notification has a link");
    let failed = ann.page(link).await;
    let listed = crate::support::attributes(&failed.text, "[data-task-id]", "data-task-id");
    assert_eq!(listed.len(), 21, "{link}");

    let id = client.start_in("notify", "finishes", &json!({})).await;
    client.until_in("notify", &id, "COMPLETED").await;
    let list = until(&ann, 2).await;
    assert_eq!(
        list["items"][0]["title"],
        "“Finishes at once and always notifies” completed"
    );

    let admin = server.admin().await;
    let client = TaskClient::of(&admin).await;
    let id = client.start("fails_task").await;
    client.until(&id, "ERROR").await;
    let list = until(&admin, 1).await;
    let link = list["items"][0]["link"]
        .as_str()
        .expect("the notification has a link");
    assert_eq!(admin.page(link).await.status, 200);
}

async fn quick_cancelled_and_muted_tasks_send_no_notification(database: Database) {
    let server = TestServer::start(database).await;
    let ann = server.user().await;
    let client = TaskClient::of(&ann).await;
    // A task that finishes quickly sends no notification.
    let id = client.start_in("other", "other", &json!({})).await;
    client.until_in("other", &id, "COMPLETED").await;
    // A task that its user cancels sends no notification.
    let id = client.start("waits").await;
    client.until(&id, "PROCESSING").await;
    client.cancel(&id).await;
    client.until(&id, "ERROR").await;
    let id = client.start_in("notify", "untold", &json!({})).await;
    client.until_in("notify", &id, "ERROR").await;
    // A task without an initiator sends no notification.
    let tasks = server.state.get::<Tasks>().expect("the service exists");
    let quiet = tasks
        .enqueue(app::fails_task, NoArgs {})
        .await
        .expect("the task is enqueued");
    quiet.result().await.expect_err("the task fails");
    assert_eq!(listed(&ann).await, json!({"unread": 0, "items": []}));
    assert_eq!(TaskNotify::default(), TaskNotify::Slow);
}

async fn account_changes_notify_the_user(database: Database) {
    let server = TestServer::start(database).await;
    let (admin, ann) = (server.admin().await, server.user().await);
    let path = format!("/api/users/{}", id_of(&ann).await);
    let change = async |body: Value| assert_eq!(admin.patch(&path, &body).await.status, 200);
    change(json!({"user_type": "EDITOR"})).await;
    assert_eq!(
        until(&ann, 1).await["items"][0]["title"],
        "Your role is now Editor"
    );
    change(json!({"user_type": "EDITOR"})).await;
    change(json!({"is_active": false})).await;
    change(json!({"is_active": true})).await;
    let list = until(&ann, 2).await;
    assert_eq!(list["items"][0]["title"], "Your account is active again");
    // Users are not notified of changes that they make to their own accounts.
    let own = format!("/api/users/{}", id_of(&admin).await);
    assert_eq!(
        admin
            .patch(&path, &json!({"user_type": "ADMIN"}))
            .await
            .status,
        200
    );
    assert_eq!(
        admin
            .patch(&own, &json!({"user_type": "EDITOR"}))
            .await
            .status,
        200
    );
    assert_eq!(listed(&admin).await, json!({"unread": 0, "items": []}));
}

async fn notification_reaches_another_replica(database: Database) {
    if database == Database::Sqlite {
        return;
    }
    let server = TestServer::start(database).await;
    let other = server.replica_of_sessions().await;
    let ann = server.user().await;
    let id = id_of(&ann).await;
    let there = Client::new(&other.url, ann.token.clone());
    let unread = async || {
        let page = there.page("/members").await;
        assert_eq!(page.status, 200);
        page.text.contains("aria-label=\"Notifications, 1 unread\"")
    };
    assert!(!unread().await);
    bell(&server)
        .send(id, &Notification::new("Hello"))
        .await
        .expect("the notification is sent");
    eventually("the other replica shows it", async || {
        unread().await.then_some(())
    })
    .await;
    bell(&server)
        .mark_all_read(id)
        .await
        .expect("the database responds");
    eventually("the other replica shows it as read", async || {
        (!unread().await).then_some(())
    })
    .await;
    let users = server.state.get::<Users>().expect("the service exists");
    assert!(
        users
            .get(id)
            .await
            .expect("the database responds")
            .is_some()
    );
}
