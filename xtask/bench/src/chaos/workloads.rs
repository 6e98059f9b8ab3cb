//! The replicas' task types; each records in the ledger that its code has started.

use std::time::Duration;

use garde::Validate;
use portal_core::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::time::sleep;
use uuid::Uuid;

/// Task group to which all task types belong.
pub(super) const STATE: &str = "chaos";

/// Task types, and the percentage of enqueued tasks that have each type.
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

/// Retry delay for writes to the ledger while the database is unavailable.
const PAUSE: Duration = Duration::from_millis(100);

/// Registers all task types.
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

/// Records executions of tasks, using separate connections from the portal's.
pub(super) struct Ledger(pub(super) PgPool);

impl Ledger {
    /// Records that an attempt's code has started; waits while the database is unavailable.
    async fn begin(&self, task: &TaskContext) {
        // The id is unique, so that a write whose response was lost is not counted twice.
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

/// Arguments of a task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
struct Order {
    #[garde(skip)]
    number: u32,
}

/// Result of a task.
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

/// Finishes immediately
#[monitored_background_task(group = "chaos")]
async fn quick(task: TaskContext, ledger: Data<Ledger>, order: Order) -> Outcome {
    ledger.begin(&task).await;
    Outcome::of(&task, &order)
}

/// Reports ten steps
#[monitored_background_task(group = "chaos")]
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
#[monitored_background_task(group = "chaos")]
async fn slow(task: TaskContext, ledger: Data<Ledger>, order: Order) -> Result<Outcome, TaskError> {
    ledger.begin(&task).await;
    walk(&task, 25, Duration::from_millis(150)).await?;
    Ok(Outcome::of(&task, &order))
}

/// Must not run twice
#[monitored_background_task(group = "chaos", on_crash = fail)]
async fn once(task: TaskContext, ledger: Data<Ledger>, order: Order) -> Result<Outcome, TaskError> {
    ledger.begin(&task).await;
    walk(&task, 4, Duration::from_millis(100)).await?;
    Ok(Outcome::of(&task, &order))
}

/// Fails
#[monitored_background_task(group = "chaos")]
async fn failing(task: TaskContext, ledger: Data<Ledger>, order: Order) -> Result<(), TaskError> {
    ledger.begin(&task).await;
    let Order { number } = order;
    Err(TaskError::new(format!("number {number} fails")).with_code("failing"))
}

/// Succeeds on the third attempt only
#[monitored_background_task(group = "chaos", retries = 20, backoff = "100ms")]
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

/// At most two run at once across all replicas
#[monitored_background_task(group = "chaos", concurrency = 2)]
async fn limited(
    task: TaskContext,
    ledger: Data<Ledger>,
    order: Order,
) -> Result<Outcome, TaskError> {
    ledger.begin(&task).await;
    walk(&task, 2, Duration::from_millis(30)).await?;
    Ok(Outcome::of(&task, &order))
}

/// Starts every second, once across all replicas
#[monitored_background_task(group = "chaos", schedule = "* * * * * *")]
async fn every_second(task: TaskContext, ledger: Data<Ledger>) {
    ledger.begin(&task).await;
}

/// Panics
#[monitored_background_task(group = "chaos")]
async fn panicking(
    task: TaskContext,
    ledger: Data<Ledger>,
    _order: Order,
) -> Result<(), TaskError> {
    ledger.begin(&task).await;
    // This unwinds like `panic!`, but without a message in the log.
    std::panic::resume_unwind(Box::new("as configured"))
}

/// Reports steps, each with a message that contains the attempt's number.
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
