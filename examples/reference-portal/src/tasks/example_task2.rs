//! Tasks with typed arguments, and a task that fails.

use std::time::Duration;

use garde::Validate;
use portal_core::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name and age of a person. The name can be any text, the age any whole number.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
pub(crate) struct InputArgs {
    /// Name of the person
    #[garde(skip)]
    #[schemars(example = &"bob")]
    pub(crate) name: String,
    /// Age in years
    #[garde(skip)]
    #[schemars(example = 6)]
    pub(crate) age: i64,
}

/// Three steps
#[monitored_background_task]
async fn task1(task: TaskContext) -> Result<&'static str, TaskError> {
    for step in 1..=3 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        task.update()
            .progress(step * 33)
            .message(format!("Step {step} of 3"))
            .await?;
    }
    Ok("<Task1 Result>")
}

/// Return the arguments
#[monitored_background_task]
async fn task2_with_args(task: TaskContext, task_args: InputArgs) -> Result<InputArgs, TaskError> {
    task.update()
        .progress(50)
        .message(format!("Hello {}", task_args.name))
        .await?;
    Ok(task_args)
}

/// Process a record
///
/// Takes a name and an age, and finishes in five steps.
#[monitored_background_task]
async fn loaded_task(task: TaskContext, task_args: InputArgs) -> Result<String, TaskError> {
    for step in 1..=5 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        task.update()
            .progress(step * 20)
            .message(format!("Processing {}", task_args.name))
            .await?;
    }
    Ok(format!(
        "Completed task for {}, age {}",
        task_args.name, task_args.age
    ))
}

/// Fail halfway
#[monitored_background_task]
async fn failing_task(task: TaskContext) -> Result<(), TaskError> {
    task.update()
        .progress(50)
        .message("Everything is going well")
        .await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    Err(TaskError::new(
        "this task always fails, to demonstrate how failures are shown",
    ))
}
