//! Notifications about finished tasks: sent once, and only for stored outcomes.

use super::*;
use crate::config::Config;
use crate::live::{Live, Topics};
use crate::notifications::{NotificationFilter, Notifications};
use crate::tasks::engine::finish_notification::{FinishNotification, TaskNotify};

on_both!(
    finish_notification_is_stored_once_with_the_outcome,
    owner_is_notified_of_a_crash,
    failed_notification_does_not_lose_the_outcome,
);

fn finish_notification() -> Option<FinishNotification> {
    Some(FinishNotification::for_tests("Work", TaskNotify::Always))
}

/// Stores a user and returns its id; the values in the other columns do not matter here.
async fn user(store: &Store) -> Uuid {
    let id = Uuid::now_v7();
    let now = now();
    let insert = Query::insert()
        .into_table("portal_users")
        .columns([
            "id",
            "subject",
            "email",
            "user_type",
            "created_at",
            "updated_at",
        ])
        .values_panic([
            id.into(),
            id.to_string().into(),
            "ann@example.com".into(),
            "USER".into(),
            now.into(),
            now.into(),
        ])
        .take();
    store.execute(&insert).await.unwrap();
    id
}

async fn insert_for(store: &Store, user: Uuid, name: &'static str) -> Uuid {
    let task = NewTask {
        owner_user_id: Some(user),
        ..new(name)
    };
    let id = task.id;
    assert!(matches!(
        store_one(store, task).await,
        InsertOutcome::Inserted
    ));
    id
}

/// Returns the titles and counts of a user's notifications.
async fn notifications_of(store: &Store, user: Uuid) -> Vec<(String, u32)> {
    let live = Live::new(store.clone(), Topics::new(), &Config::default());
    let bell = Notifications::new(store.clone(), live);
    let (items, _) = bell
        .list(user, &NotificationFilter::default())
        .await
        .unwrap();
    items
        .into_iter()
        .map(|item| (item.title, item.count))
        .collect()
}

fn ending(record: &TaskRecord, outcome: Result<Value, TaskError>) -> FinishedAttempt {
    FinishedAttempt {
        notification: finish_notification(),
        ..FinishedAttempt::last(Arc::new(record.clone()), outcome)
    }
}

async fn finish_notification_is_stored_once_with_the_outcome(store: Store) {
    let (ann, bob) = (user(&store).await, user(&store).await);
    for user in [ann, ann, ann, bob] {
        insert_for(&store, user, "work").await;
    }
    let running = claim(&store, Uuid::new_v4(), 4).await;
    queue::cancel(&store, running[2].id).await.unwrap();
    let failed = || Err(TaskError::new("no mail"));
    let endings =
        || -> Vec<FinishedAttempt> { running.iter().map(|it| ending(it, failed())).collect() };
    // The database's response was lost, so the outcomes are written again; the third task was
    // cancelled.
    for _ in 0..2 {
        finish::finish_all(&store, endings()).await;
    }
    assert_eq!(
        notifications_of(&store, ann).await,
        [("2 tasks failed".to_owned(), 2)]
    );
    assert_eq!(
        notifications_of(&store, bob).await,
        [("“Work” failed".to_owned(), 1)]
    );

    // A superseded attempt sends no notification.
    let id = insert_for(&store, bob, "work").await;
    let late = claim_one(&store, Uuid::new_v4()).await;
    expire(&store, id).await;
    rescue(&store, OrphanScope::Expired).await;
    let newer = claim_one(&store, Uuid::new_v4()).await;
    finish::finish_all(&store, vec![ending(&late, Ok(json!(1)))]).await;
    assert_eq!(notifications_of(&store, bob).await.len(), 1);
    finish::finish_all(&store, vec![ending(&newer, Ok(json!(1)))]).await;
    assert_eq!(
        notifications_of(&store, bob).await[0],
        ("“Work” completed".to_owned(), 1)
    );
    // Tasks that belong to deleted users do not cause notifications.
    let gone = Uuid::now_v7();
    insert_for(&store, gone, "work").await;
    let record = claim_one(&store, Uuid::new_v4()).await;
    let ended = finish::finish_all(&store, vec![ending(&record, failed())]).await;
    assert!(matches!(&ended[0], Ok(Some(record)) if record.status == TaskStatus::Error));
    assert_eq!(notifications_of(&store, gone).await, []);
}

async fn owner_is_notified_of_a_crash(store: Store) {
    let ann = user(&store).await;
    insert_for(&store, ann, "once").await;
    claim_one(&store, Uuid::new_v4()).await;
    let mut task_types = task_types();
    for task_type in &mut task_types {
        task_type.finish_notification = finish_notification();
    }
    for _ in 0..2 {
        lease::rescue(&store, OrphanScope::All, &task_types)
            .await
            .unwrap();
    }
    assert_eq!(
        notifications_of(&store, ann).await,
        [("“Work” failed".to_owned(), 1)]
    );
}

async fn failed_notification_does_not_lose_the_outcome(store: Store) {
    let ann = user(&store).await;
    for _ in 0..2 {
        insert_for(&store, ann, "work").await;
    }
    let running = claim(&store, Uuid::new_v4(), 2).await;
    store
        .run_script("DROP TABLE portal_notifications")
        .await
        .unwrap();
    let endings = running.iter().map(|it| ending(it, Ok(json!("done"))));
    for ended in finish::finish_all(&store, endings.collect()).await {
        assert_eq!(ended.unwrap().unwrap().result, Some(json!("done")));
    }
    assert_eq!(
        get(&store, running[1].id).await.status,
        TaskStatus::Completed
    );
}

#[test]
fn notify_setting_selects_the_outcomes() {
    let record = |status, seconds: i64, code: Option<&str>| {
        let mut record = new("work").record();
        record.owner_user_id = Some(Uuid::nil());
        record.status = status;
        record.code = code.map(str::to_owned);
        record.started_at = Some(record.created_at);
        record.finished_at = Some(record.created_at + TimeDelta::seconds(seconds));
        record
    };
    let ends = [
        record(TaskStatus::Completed, 1, None),
        record(TaskStatus::Completed, 10, None),
        record(TaskStatus::Error, 1, None),
        record(TaskStatus::Error, 60, Some("cancelled")),
        record(TaskStatus::Pending, 60, None),
    ];
    for (notify, expected) in [
        (TaskNotify::Failure, [false, false, true, false, false]),
        (TaskNotify::Slow, [false, true, true, false, false]),
        (TaskNotify::Always, [true, true, true, false, false]),
    ] {
        let rule = FinishNotification::for_tests("Work", notify);
        let applied: Vec<bool> = ends.iter().map(|it| rule.message(it).is_some()).collect();
        assert_eq!(applied, expected, "{notify:?}");
    }
    let mut nobodys = ends[2].clone();
    nobodys.owner_user_id = None;
    assert!(finish_notification().unwrap().message(&nobodys).is_none());
}
