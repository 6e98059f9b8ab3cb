//! The application under test: one item of each kind, declared by the macros.

use std::time::Duration;

use garde::Validate;
use portal_core::PortalBuilder;
use portal_core::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Adds the settings and values of the test application; `discover` finds its pages and tasks.
pub(crate) fn build(portal: PortalBuilder) -> PortalBuilder {
    portal
        .discover()
        .role(Role::custom("reviewer"))
        .role(Role::custom("sales"))
        .role(RoleDefinition::new("finance").permission("deals:read"))
        .role(RoleDefinition::new("auditor").permission("deals:read"))
        .role(
            RoleDefinition::new("editor")
                .title("Editor")
                .permission("articles:write")
                .permission("articles:publish"),
        )
        .data(Greeting("hello".to_owned()))
        .home_path("/members")
        .default_records(DEFAULTS)
}

pub(crate) const DEFAULTS: &str =
    "plan:\n  - name: Basic\n    price: 0\n  - name: Pro\n    price: 12\n";

pub(crate) struct Greeting(String);

/// Home
#[page("/", nav(icon = "house", order = 1))]
async fn home() -> Markup {
    html! { h1 { "Home" } }
}

/// Members only
#[page("/members", requires_auth, nav(icon = "user", order = 2))]
async fn members(user: CurrentUser) -> Markup {
    html! { h1 { "Members" } p { (user.email()) } }
}

/// Admins only
#[page("/secret", requires_admin, nav(icon = "shield", order = 3))]
async fn secret() -> Markup {
    html! { h1 { "Secret" } }
}

/// An item
#[page("/items/{id}")]
async fn item(
    axum::extract::Path(id): axum::extract::Path<u32>,
    greeting: Data<Greeting>,
) -> Markup {
    html! { p { (greeting.0) " item " (id) } }
}

/// Panics
#[page("/panics")]
async fn panics() -> Markup {
    panic!("the secret inside")
}

/// Fails
#[page("/fails")]
async fn fails() -> Result<Markup> {
    Err(Error::internal("the cause that stays in the log"))
}

/// Plans that people can buy
#[admin_model(list(name, price), search(name), order_by = name)]
pub(crate) struct Plan {
    pub(crate) id: i64,
    #[admin(unique)]
    pub(crate) name: String,
    #[admin(default = 0)]
    pub(crate) price: i32,
    pub(crate) note: Option<String>,
    pub(crate) settings: Option<Value>,
}

/// Orders of customers
#[admin_model(title = "Order")]
pub(crate) struct PlanOrder {
    pub(crate) id: i64,
    #[admin(references = Plan)]
    pub(crate) plan_id: i64,
    pub(crate) customer: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
pub(crate) struct EchoArgs {
    #[garde(length(min = 1, max = 20))]
    pub(crate) name: String,
    #[garde(range(min = 0, max = 150))]
    pub(crate) age: i32,
}

/// Echo
#[monitored_background_task(group = "probe")]
pub(crate) async fn echo(_task: TaskContext, task_args: EchoArgs) -> EchoArgs {
    task_args
}

/// Reports five steps
#[monitored_background_task(group = "probe")]
async fn steps(task: TaskContext) -> Result<String, TaskError> {
    for step in 1..=5 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        task.update()
            .progress(step * 20)
            .message(format!("step {step}"))
            .await?;
    }
    Ok("done".to_owned())
}

/// Waits until it is cancelled
#[monitored_background_task(group = "probe")]
async fn waits(task: TaskContext) -> Result<(), TaskError> {
    task.cancelled().await;
    Err(TaskError::new("cancellation requested"))
}

/// Fails
#[monitored_background_task(group = "probe")]
pub(crate) async fn fails_task(_task: TaskContext) -> Result<(), TaskError> {
    Err(TaskError::new("it never works").with_code("never_works"))
}

/// Panics
#[monitored_background_task(group = "probe")]
async fn panics_task(_task: TaskContext) -> Result<(), TaskError> {
    panic!("the secret inside")
}

/// Takes too long
#[monitored_background_task(group = "probe", timeout = "100ms")]
async fn slow(_task: TaskContext) -> Result<(), TaskError> {
    std::future::pending().await
}

/// For administrators
#[monitored_background_task(group = "probe", requires_admin)]
async fn admins_only(_task: TaskContext, greeting: Data<Greeting>) -> Result<String, TaskError> {
    Ok(greeting.0.clone())
}

/// In another task group
#[monitored_background_task(group = "other")]
async fn other(_task: TaskContext) -> u8 {
    7
}

/// Reports less progress than before
#[monitored_background_task(group = "probe")]
async fn falls(task: TaskContext) -> Result<(), TaskError> {
    task.update().progress(80).await?;
    task.update().progress(10).message("going back").await?;
    task.cancelled().await;
    Ok(())
}

/// Ignores cancellation and would complete a little later
#[monitored_background_task(group = "probe")]
async fn stubborn(_task: TaskContext) -> Result<&'static str, TaskError> {
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok("done all the same")
}

/// Returns a text that PostgreSQL cannot store
#[monitored_background_task(group = "probe")]
async fn gives_nul(_task: TaskContext) -> Result<&'static str, TaskError> {
    Ok("a\0b")
}

/// Reports a text that PostgreSQL cannot store
#[monitored_background_task(group = "probe")]
async fn says_nul(task: TaskContext) -> Result<(), TaskError> {
    task.update().progress(50).message("a\0b").await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    Err(TaskError::new("c\0d"))
}

/// Completes only on its second attempt
#[monitored_background_task(group = "probe")]
async fn second_attempt(task: TaskContext) -> Result<u32, TaskError> {
    match task.attempt() {
        1 => std::future::pending().await,
        attempt => Ok(attempt),
    }
}

/// Must not run twice
#[monitored_background_task(group = "probe", on_crash = fail)]
async fn only_once(_task: TaskContext) -> Result<(), TaskError> {
    std::future::pending().await
}

/// Reports thousands of steps of one kilobyte each, then completes
#[monitored_background_task(group = "probe")]
async fn floods(task: TaskContext) -> Result<u32, TaskError> {
    const STEPS: u32 = 20_000;
    for step in 0..STEPS {
        let message = format!("{step:>1000}");
        task.update().message(message).await?;
        tokio::task::yield_now().await;
    }
    Ok(STEPS)
}

/// Logs and reports, then fails
#[monitored_background_task(group = "probe")]
async fn talks(task: TaskContext) -> Result<(), TaskError> {
    tracing::info!(count = 42, "hello from inside");
    tracing::debug!("too small to keep");
    task.update().progress(10).message("first").await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    tracing::warn!("about to end");
    task.update().progress(90).message("last").await?;
    Err(TaskError::new("enough said"))
}

/// Logs more than the history stores
#[monitored_background_task(group = "probe")]
async fn babbles(_task: TaskContext) -> u32 {
    tracing::info!("{}", "long ".repeat(4000));
    for line in 0..5000 {
        tracing::info!("line {line}");
        tokio::task::yield_now().await;
    }
    5000
}

/// Counts until it is cancelled
#[monitored_background_task(group = "probe")]
async fn counts(task: TaskContext) -> Result<(), TaskError> {
    for count in 0_u64.. {
        task.update().message(count.to_string()).await?;
        tokio::select! {
            () = task.cancelled() => break,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
    Ok(())
}
