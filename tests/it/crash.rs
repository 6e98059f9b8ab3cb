//! Recovery of tasks after their process was killed or stopped.

use serde_json::json;

use crate::support::{Client, Database, ReferencePortal, TaskClient, TestServer, on_both};

on_both!(
    tasks_of_a_killed_process_are_rescued_and_complete,
    accepted_task_survives_an_immediate_kill,
    running_task_is_released_when_the_portal_stops,
    task_within_the_grace_period_completes_when_portal_stops,
);

/// Starts the reference portal on an empty database.
async fn start(database: Database) -> ReferencePortal {
    let directory = tempfile::tempdir().expect("the directory can be created");
    match database {
        Database::Sqlite => ReferencePortal::start(&[]).await,
        Database::Postgres => {
            let uri = database.create(&directory).await;
            ReferencePortal::start(&[("DB_LOCAL_URI", &uri)]).await
        }
    }
}

async fn client_of(portal: &ReferencePortal) -> TaskClient {
    let guest = portal.guest();
    let response = guest
        .post("/dev/token", &json!({"email": "ann@example.com"}))
        .await;
    assert_eq!(response.status, 200, "{}", response.text);
    let token = response.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    TaskClient::of(&Client::new(&portal.url, Some(token))).await
}

async fn tasks_of_a_killed_process_are_rescued_and_complete(database: Database) {
    let mut portal = start(database).await;
    let client = client_of(&portal).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(client.start_in("example_task", "task1", &json!({})).await);
    }
    for id in &ids {
        crate::support::eventually("each task has made progress", async || {
            let task = client.status_in("example_task", id).await;
            task["progress"].as_u64().filter(|progress| *progress >= 20)
        })
        .await;
    }
    portal.kill().await;
    portal.start_again().await;
    for id in &ids {
        let task = client.ended_in("example_task", id).await;
        assert_eq!(
            (&task["status"], &task["result"], &task["attempt"]),
            (&json!("COMPLETED"), &json!("<My Task Result>"), &json!(2)),
            "{task}"
        );
    }
}

async fn accepted_task_survives_an_immediate_kill(database: Database) {
    let mut portal = start(database).await;
    let client = client_of(&portal).await;
    let id = client.start_in("example_task", "task1", &json!({})).await;
    portal.kill().await;
    portal.start_again().await;
    let task = client.ended_in("example_task", &id).await;
    assert_eq!(task["status"], "COMPLETED", "{task}");
}

async fn running_task_is_released_when_the_portal_stops(database: Database) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let ids = [
        client.start("second_attempt").await,
        client.start("waits").await,
        client.start("only_once").await,
    ];
    for id in &ids {
        client.until(id, "PROCESSING").await;
    }
    let server = server.start_again().await;
    let client = TaskClient {
        http: server.guest(),
        token: client.token,
    };
    let [again, waits, only_once] = &ids;
    let task = client.ended(again).await;
    assert_eq!(
        (&task["status"], &task["result"]),
        (&json!("COMPLETED"), &json!(2))
    );
    let task = client.until(waits, "PROCESSING").await;
    assert_eq!(
        task["attempt"], 2,
        "the task did not fail because of the shutdown"
    );
    let task = client.ended(only_once).await;
    assert_eq!(
        (&task["status"], &task["code"], &task["attempt"]),
        (&json!("ERROR"), &json!("crashed"), &json!(1))
    );
}

async fn task_within_the_grace_period_completes_when_portal_stops(database: Database) {
    let mut portal = start(database).await;
    let client = client_of(&portal).await;
    let id = client.start_in("example_task", "task1", &json!({})).await;
    client.until_in("example_task", &id, "PROCESSING").await;
    assert_eq!(portal.terminate().await, Some(0));
    portal.start_again().await;
    let task = client.status_in("example_task", &id).await;
    assert_eq!(
        (&task["status"], &task["attempt"]),
        (&json!("COMPLETED"), &json!(1))
    );
}
