//! Tasks that are stored or finished in batches.

use super::*;

on_both!(
    unique_key_allows_one_active_task_at_a_time,
    tasks_in_one_commit_get_separate_results,
    attempts_finished_in_one_commit_are_fenced_separately,
);

async fn unique_key_allows_one_active_task_at_a_time(store: Store) {
    let unique = || NewTask {
        unique_key: Some("probe/work/abc".to_owned()),
        ..new("work")
    };
    let first = unique();
    let id = first.id;
    assert!(matches!(
        store_one(&store, first).await,
        InsertOutcome::Inserted
    ));
    let clash = store_one(&store, unique()).await;
    assert!(matches!(clash, InsertOutcome::AlreadyActive { id: active, .. } if active == id));
    let record = claim_one(&store, Uuid::new_v4()).await;
    let clash = store_one(&store, unique()).await;
    assert!(
        matches!(clash, InsertOutcome::AlreadyActive { .. }),
        "still running"
    );
    finish(&store, &record, &Ok(Value::Null)).await;
    assert!(matches!(
        store_one(&store, unique()).await,
        InsertOutcome::Inserted
    ));
}

async fn tasks_in_one_commit_get_separate_results(store: Store) {
    let keyed = |key: &str| NewTask {
        client_token_id: Some(Uuid::nil()),
        idempotency_key: Some(key.to_owned()),
        ..new("work")
    };
    let (a, same, other) = (keyed("a"), keyed("a"), keyed("a"));
    let other = NewTask {
        name: "once",
        ..other
    };
    let first = a.id;
    let outcomes = insert::insert_all(&store, vec![a, keyed("b"), same, other]).await;
    let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert!(matches!(outcomes[0], InsertOutcome::Inserted));
    assert!(matches!(outcomes[1], InsertOutcome::Inserted));
    assert!(matches!(outcomes[2], InsertOutcome::Duplicate(id) if id == first));
    assert!(matches!(outcomes[3], InsertOutcome::KeyReused));
}

async fn attempts_finished_in_one_commit_are_fenced_separately(store: Store) {
    for _ in 0..3 {
        insert(&store, "work").await;
    }
    let owner = Uuid::new_v4();
    let running = claim(&store, owner, 3).await;
    queue::cancel(&store, running[1].id).await.unwrap();
    expire(&store, running[2].id).await;
    rescue(&store, OrphanScope::Expired).await;
    let newer = claim_one(&store, owner).await;
    let endings = running
        .iter()
        .map(|record| FinishedAttempt::last(Arc::new(record.clone()), Ok(json!("done"))))
        .collect();
    let ended = finish::finish_all(&store, endings).await;
    let ended: Vec<_> = ended.into_iter().map(Result::unwrap).collect();
    assert_eq!(ended[0].as_ref().unwrap().status, TaskStatus::Completed);
    assert_eq!(
        ended[1].as_ref().unwrap().code.as_deref(),
        Some("cancelled")
    );
    assert_eq!(ended[2], None);
    assert_eq!(get(&store, newer.id).await, newer);
}

#[tokio::test]
async fn full_disk_rejects_new_tasks_and_loses_nothing() {
    let store = sqlite().await;
    let id = insert(&store, "work").await;
    let record = claim_one(&store, Uuid::new_v4()).await;
    // A page limit on the only writing connection simulates a full disk. The limit is lost with the
    // connection, so it is set before each attempt.
    let fill = async || store.run_script("PRAGMA max_page_count = 1").await.unwrap();
    fill().await;
    let large = NewTask::new("probe", "work", json!("x".repeat(1_000_000)));
    let refused = insert::insert_all(&store, vec![large.clone(), new("work")]).await;
    for outcome in refused {
        let error = outcome.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    }
    assert!(queue::get(&store, large.id).await.unwrap().is_none());
    let long = Ok(json!("y".repeat(1_000_000)));
    let ending = || FinishedAttempt::last(Arc::new(record.clone()), long.clone());
    let ended = finish::finish_all(&store, vec![ending()]).await;
    assert!(matches!(ended[0], Err(StoreError::Unavailable(_))));
    assert_eq!(get(&store, id).await.status, TaskStatus::Processing);

    store
        .run_script("PRAGMA max_page_count = 1000000")
        .await
        .unwrap();
    let ended = finish::finish_all(&store, vec![ending()]).await;
    assert!(matches!(&ended[0], Ok(Some(record)) if record.result == long.clone().ok()));
    assert!(matches!(
        store_one(&store, large).await,
        InsertOutcome::Inserted
    ));
}
