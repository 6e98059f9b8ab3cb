//! The tasks that the replicas run; each tells the ledger that its code has begun.

use std::time::Duration;

use garde::Validate;
use portal_core::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::time::sleep;
use uuid::Uuid;

/// The group of all of them.
pub(super) const STATE: &str = "chaos";

/// Every kind, and how many of a hundred starts are of it.
pub(super) const KINDS: [(&str, u32); 8] = [
    ("quick", 30),
    ("flaky", 10),
    ("limited", 10),
    ("stepping", 15),
    ("slow", 10),
    ("once", 10),
    ("failing", 10),
    ("panicking", 5),
];

/// How often the ledger is asked again while the database is away.
const PAUSE: Duration = Duration::from_millis(100);

/// Adds every kind.
pub(super) fn add_to(portal: PortalBuilder, ledger: Ledger) -> PortalBuilder {
    portal
        .data(ledger)
        .task(quick)
        .task(stepping)
        .task(slow)
        .task(once)
        .task(failing)
        .task(panicking)
        .task(flaky)
        .task(limited)
        .task(every_second)
}

/// Where tasks tell that they have run; not the portal's own connections.
pub(super) struct Ledger(pub(super) PgPool);

impl Ledger {
    /// Stores that the code of an attempt has begun; waits for the database if it is away.
    async fn begin(&self, task: &TaskContext) {
        // Under a name of its own: a write whose answer got lost is not counted twice.
        let run = Uuid::new_v4();
        let attempt = task.attempt().cast_signed();
        loop {
            let insert = "INSERT INTO chaos_effects (run, task_id, attempt) VALUES ($1, $2, $3) \
                          ON CONFLICT DO NOTHING";
            let insert = sqlx::query(insert).bind(run).bind(task.id()).bind(attempt);
            match insert.execute(&self.0).await {
                Ok(_) => return,
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

/// What a task is given.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
struct Order {
    #[garde(skip)]
    number: u32,
}

/// What a task gives.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    number: u32,
    attempt: u32,
}

impl Outcome {
    fn of(task: &TaskContext, order: &Order) -> Self {
        Self {
            number: order.number,
            attempt: task.attempt(),
        }
    }
}

/// Ends at once
#[monitored_background_task(state = "chaos")]
async fn quick(task: TaskContext, ledger: Data<Ledger>, order: Order) -> Outcome {
    ledger.begin(&task).await;
    Outcome::of(&task, &order)
}

/// Tells of ten steps
#[monitored_background_task(state = "chaos")]
async fn stepping(
    task: TaskContext,
    ledger: Data<Ledger>,
    order: Order,
) -> Result<Outcome, TaskError> {
    ledger.begin(&task).await;
    walk(&task, 10, Duration::from_millis(60)).await?;
    Ok(Outcome::of(&task, &order))
}

/// Lasts longer than a lease
#[monitored_background_task(state = "chaos")]
async fn slow(task: TaskContext, ledger: Data<Ledger>, order: Order) -> Result<Outcome, TaskError> {
    ledger.begin(&task).await;
    walk(&task, 25, Duration::from_millis(150)).await?;
    Ok(Outcome::of(&task, &order))
}

/// Must not run twice
#[monitored_background_task(state = "chaos", on_crash = fail)]
async fn once(task: TaskContext, ledger: Data<Ledger>, order: Order) -> Result<Outcome, TaskError> {
    ledger.begin(&task).await;
    walk(&task, 4, Duration::from_millis(100)).await?;
    Ok(Outcome::of(&task, &order))
}

/// Fails
#[monitored_background_task(state = "chaos")]
async fn failing(task: TaskContext, ledger: Data<Ledger>, order: Order) -> Result<(), TaskError> {
    ledger.begin(&task).await;
    let Order { number } = order;
    Err(TaskError::new(format!("number {number} fails")).with_code("failing"))
}

/// Works at its third attempt only
#[monitored_background_task(state = "chaos", retries = 20, backoff = "100ms")]
async fn flaky(
    task: TaskContext,
    ledger: Data<Ledger>,
    order: Order,
) -> Result<Outcome, TaskError> {
    ledger.begin(&task).await;
    match task.attempt() {
        1 | 2 => Err(TaskError::new("not yet")),
        _ => Ok(Outcome::of(&task, &order)),
    }
}

/// At most two at once, over all replicas
#[monitored_background_task(state = "chaos", concurrency = 2)]
async fn limited(
    task: TaskContext,
    ledger: Data<Ledger>,
    order: Order,
) -> Result<Outcome, TaskError> {
    ledger.begin(&task).await;
    walk(&task, 2, Duration::from_millis(30)).await?;
    Ok(Outcome::of(&task, &order))
}

/// Begins with each second, once over all replicas
#[monitored_background_task(state = "chaos", schedule = "* * * * * *")]
async fn every_second(task: TaskContext, ledger: Data<Ledger>) {
    ledger.begin(&task).await;
}

/// Panics
#[monitored_background_task(state = "chaos")]
async fn panicking(
    task: TaskContext,
    ledger: Data<Ledger>,
    _order: Order,
) -> Result<(), TaskError> {
    ledger.begin(&task).await;
    // As `panic!` does, without its message in the log.
    std::panic::resume_unwind(Box::new("as it was told"))
}

/// Takes steps, each with a message that names its attempt.
async fn walk(task: &TaskContext, steps: u8, pause: Duration) -> Result<(), TaskError> {
    for step in 1..=steps {
        sleep(pause).await;
        let message = format!("attempt {} step {step}", task.attempt());
        let progress = u16::from(step) * 99 / u16::from(steps);
        let progress = u8::try_from(progress).unwrap_or(99);
        task.update().progress(progress).message(message).await?;
    }
    Ok(())
}
