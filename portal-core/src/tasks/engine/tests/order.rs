//! Order of claims: owners and types take turns.

use super::*;
use crate::tasks::engine::turn::Turns;

on_both!(
    owners_take_turns_within_a_type,
    first_task_behind_a_long_queue_is_claimed_next,
    tasks_without_turns_are_placed_once_due,
    types_take_turns,
);

/// Stores tasks for an owner as `Tasks::enqueue` does, and returns their ids.
async fn insert_of(
    store: &Store,
    turns: &Turns,
    owner: Option<Uuid>,
    name: &'static str,
    count: usize,
) -> Vec<Uuid> {
    let mut tasks = Vec::new();
    for _ in 0..count {
        let mut task = new(name);
        task.owner_user_id = owner;
        turns.assign(store, &mut task).await;
        assert!(task.turn.is_some());
        tasks.push(task);
    }
    let ids = tasks.iter().map(|task| task.id).collect();
    for some in tasks.chunks(256) {
        for stored in insert::insert_all(store, some.to_vec()).await {
            assert!(matches!(stored, Ok(InsertOutcome::Inserted)));
        }
    }
    ids
}

async fn owners_take_turns_within_a_type(store: Store) {
    let turns = Turns::default();
    let (ann, eve) = (Some(Uuid::new_v4()), Some(Uuid::new_v4()));
    let of_ann = insert_of(&store, &turns, ann, "work", 4).await;
    let of_nobody = insert_of(&store, &turns, None, "work", 2).await;
    let of_eve = insert_of(&store, &turns, eve, "work", 3).await;
    let claimer = Uuid::new_v4();
    let mut order = Vec::new();
    for _ in 0..9 {
        order.push(claim_one(&store, claimer).await.id);
    }
    let expected = [
        of_ann[0],
        of_nobody[0],
        of_eve[0],
        of_ann[1],
        of_nobody[1],
        of_eve[1],
        of_ann[2],
        of_eve[2],
        of_ann[3],
    ];
    assert_eq!(order, expected);
}

async fn first_task_behind_a_long_queue_is_claimed_next(store: Store) {
    let turns = Turns::default();
    let (ann, eve) = (Some(Uuid::new_v4()), Some(Uuid::new_v4()));
    insert_of(&store, &turns, ann, "work", 10_000).await;
    let claimer = Uuid::new_v4();
    assert_eq!(claim(&store, claimer, 100).await.len(), 100);
    // Another replica, which has not seen the previous tasks, stores the next ones.
    let turns = Turns::default();
    let of_eve = insert_of(&store, &turns, eve, "work", 3).await;
    let next = claim(&store, claimer, 2).await;
    assert!(next.iter().any(|record| record.id == of_eve[0]), "{next:?}");
    let mut next: Vec<_> = claim(&store, claimer, 4)
        .await
        .into_iter()
        .map(|record| record.id)
        .collect();
    next.retain(|id| of_eve.contains(id));
    assert_eq!(next.len(), 2, "the owners alternate");
}

async fn tasks_without_turns_are_placed_once_due(store: Store) {
    let turns = Turns::default();
    let (ann, eve) = (Some(Uuid::new_v4()), Some(Uuid::new_v4()));
    insert_of(&store, &turns, ann, "work", 20).await;
    let mut later = new("work");
    later.owner_user_id = eve;
    later.run_at = now() + TimeDelta::hours(1);
    turns.assign(&store, &mut later).await;
    assert_eq!(later.turn, None);
    let id = later.id;
    store_one(&store, later).await;
    let claimer = Uuid::new_v4();
    assert_eq!(claim(&store, claimer, 2).await.len(), 2);
    assert_eq!(get(&store, id).await.status, TaskStatus::Pending);
    set(&store, id, "run_at", now()).await;
    let next = claim(&store, claimer, 2).await;
    assert!(next.iter().any(|record| record.id == id), "{next:?}");
}

async fn types_take_turns(store: Store) {
    let turns = Turns::default();
    insert_of(&store, &turns, None, "work", 50).await;
    insert_of(&store, &turns, None, "once", 2).await;
    let rotation = Rotation::default();
    let task_types = task_types();
    let claimer = ClaimRequest {
        owner: Uuid::new_v4(),
        lease: TimeDelta::seconds(30),
        task_types: &task_types,
        global_concurrency: None,
        rotation: &rotation,
    };
    let mut names = Vec::new();
    for _ in 0..5 {
        let claimed = claim::claim(&store, claimer, 1).await.unwrap().pop();
        names.push(claimed.unwrap().record.name);
    }
    assert_eq!(names, ["work", "once", "work", "once", "work"]);
}
