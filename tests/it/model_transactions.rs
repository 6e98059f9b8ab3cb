//! Changes of models within transactions: isolation, rollback, conflicts and custom statements.

use portal_core::prelude::*;
use portal_core::store::Transaction;
use tokio::sync::Barrier;

use crate::live_stream::Tab;
use crate::model_queries::Supplier;
use crate::support::{Database, TestServer, on_both};

on_both!(
    changes_take_effect_with_the_commit,
    rejected_change_leaves_the_transaction_usable,
    concurrent_transactions_do_not_lose_updates,
    custom_statements_run_in_the_transaction,
);

fn models(server: &TestServer) -> Models {
    Models::clone(&server.state.get::<Models>().expect("the service exists"))
}

fn supplier(name: &str) -> Supplier {
    Supplier {
        id: 0,
        name: name.to_owned(),
        parent_id: None,
    }
}

async fn count(models: &Models) -> u64 {
    let count = models.query::<Supplier>().count().await;
    count.expect("the query runs")
}

async fn begin(models: &Models) -> Transaction {
    models.begin().await.expect("the transaction starts")
}

async fn changes_take_effect_with_the_commit(database: Database) {
    let server = crate::live_stream::start(database).await;
    let (models, admin) = (models(&server), server.admin().await);
    let mut tab = Tab::open(&admin, "model:supplier,model:purchase").await;
    let mut transaction = begin(&models).await;
    let mut within = models.within(&mut transaction);
    let stored = within.insert(&supplier("Lost")).await;
    let stored = stored.expect("the row is valid");
    let read = within.get::<Supplier>(stored.id).await;
    assert!(read.expect("the query runs").is_some(), "own change");
    assert_eq!(
        count(&models).await,
        0,
        "other connections do not see the row"
    );
    drop(transaction);

    let mut transaction = begin(&models).await;
    let mut within = models.within(&mut transaction);
    let mut kept = within.insert(&supplier("Kept")).await.expect("valid");
    let other = within.insert(&supplier("Other")).await.expect("valid");
    kept.name = "Renamed".to_owned();
    within.update(&kept).await.expect("the row exists");
    let deleted = within.delete::<Supplier>(other.id).await;
    assert!(deleted.expect("the row exists"));
    transaction.commit().await.expect("the transaction commits");
    assert_eq!(tab.changed().await, ["model:supplier"]);
    let rows = models.all::<Supplier>().await.expect("the query runs");
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["Renamed"]);

    // A rolled back change is not published, so the next event is that of a later change.
    let mut transaction = begin(&models).await;
    let mut within = models.within(&mut transaction);
    within.insert(&supplier("No")).await.expect("valid");
    transaction.rollback().await.expect("the rollback succeeds");
    let mut live = begin(&models).await;
    server
        .state
        .get::<Live>()
        .expect("the service exists")
        .notify_in(&mut live, "model:purchase");
    live.commit().await.expect("the transaction commits");
    assert_eq!(tab.changed().await, ["model:purchase"]);
}

async fn rejected_change_leaves_the_transaction_usable(database: Database) {
    let server = TestServer::start(database).await;
    let models = models(&server);
    let mut transaction = begin(&models).await;
    let mut within = models.within(&mut transaction);
    within.insert(&supplier("Acme")).await.expect("valid");
    let error = within.insert(&supplier("Acme")).await;
    let error = error.expect_err("the name is taken");
    assert_eq!(error.code(), "not_unique");
    assert_eq!(error.field_errors()[0].pointer, "/name");
    let orphan = Supplier {
        parent_id: Some(77),
        ..supplier("Orphan")
    };
    let error = within.insert(&orphan).await.expect_err("no such row");
    assert_eq!(error.field_errors()[0].code, "reference_unknown");
    within.insert(&supplier("Bolt")).await.expect("valid");
    transaction.commit().await.expect("the transaction commits");
    assert_eq!(count(&models).await, 2);
}

async fn concurrent_transactions_do_not_lose_updates(database: Database) {
    let server = TestServer::start(database).await;
    let models = models(&server);
    models.insert(&supplier("0")).await.expect("valid");
    let writers: Vec<_> = (0..6)
        .map(|_| {
            let models = models.clone();
            tokio::spawn(async move {
                let mut transaction = models.begin().await?;
                let mut within = models.within(&mut transaction);
                let mut row: Supplier = within.query().for_update().one().await?;
                let number: i32 = row.name.parse().map_err(Error::internal)?;
                row.name = (number + 1).to_string();
                within.update(&row).await?;
                transaction.commit().await?;
                Ok::<(), Error>(())
            })
        })
        .collect();
    for writer in writers {
        let written = writer.await.expect("the task does not panic");
        written.expect("the writer waits for the others");
    }
    let row = models.query::<Supplier>().one().await;
    assert_eq!(row.expect("the row exists").name, "6");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlock_is_reported_as_a_conflict() {
    let server = TestServer::start(Database::Postgres).await;
    let models = models(&server);
    let one = models.insert(&supplier("One")).await.expect("valid");
    let two = models.insert(&supplier("Two")).await.expect("valid");
    let barrier = std::sync::Arc::new(Barrier::new(2));
    let writers = [(one.id, two.id), (two.id, one.id)].map(|(first, second)| {
        let (models, barrier) = (models.clone(), barrier.clone());
        tokio::spawn(async move {
            let mut transaction = models.begin().await?;
            let mut within = models.within(&mut transaction);
            for (step, id) in [first, second].into_iter().enumerate() {
                let mut row: Supplier = within.get(id).await?.expect("the row exists");
                row.name = format!("{} by {first}", row.name);
                within.update(&row).await?;
                if step == 0 {
                    barrier.wait().await;
                }
            }
            transaction.commit().await?;
            Ok::<(), Error>(())
        })
    });
    let mut outcomes = Vec::new();
    for writer in writers {
        outcomes.push(writer.await.expect("the task does not panic"));
    }
    let failed: Vec<&Error> = outcomes.iter().filter_map(|it| it.as_ref().err()).collect();
    assert_eq!(failed.len(), 1, "one of the writers succeeds");
    assert_eq!(failed[0].status(), 409);
    assert_eq!(failed[0].code(), "write_conflict");
}

async fn custom_statements_run_in_the_transaction(database: Database) {
    let server = TestServer::start(database).await;
    let models = models(&server);
    let mut transaction = begin(&models).await;
    let mut within = models.within(&mut transaction);
    within.insert(&supplier("Acme")).await.expect("valid");
    let rename = "UPDATE supplier SET name = 'Custom'";
    if let Some(connection) = transaction.sqlite() {
        let done = sqlx::query(rename).execute(connection).await;
        assert_eq!(done.expect("the statement runs").rows_affected(), 1);
    } else if let Some(connection) = transaction.postgres() {
        let done = sqlx::query(rename).execute(connection).await;
        assert_eq!(done.expect("the statement runs").rows_affected(), 1);
    }
    transaction.commit().await.expect("the transaction commits");
    let names = "SELECT name FROM supplier";
    let name: String = match models.store().pool() {
        portal_core::store::DatabasePool::Sqlite { read, .. } => {
            sqlx::query_scalar(names).fetch_one(read).await
        }
        portal_core::store::DatabasePool::Postgres(pool) => {
            sqlx::query_scalar(names).fetch_one(pool).await
        }
    }
    .expect("the statement runs");
    assert_eq!(name, "Custom");
}
