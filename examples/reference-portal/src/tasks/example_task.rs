//! Tasks without arguments.

use std::time::Duration;

use portal_core::prelude::*;
use serde_json::{Map, Value};

use crate::models::AdminConfig;

/// Count to a hundred
///
/// Takes ten steps of half a second each.
#[monitored_background_task]
async fn task1(task: TaskContext) -> Result<&'static str, TaskError> {
    for step in 1..=10 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        task.update()
            .progress(step * 10)
            .message(format!("Step {step} of 10"))
            .await?;
    }
    Ok("<My Task Result>")
}

/// Show the database configuration
///
/// Returns the active configuration documents from Settings. Only administrators can read them.
#[monitored_background_task(requires_admin)]
async fn task2_show_db_config(task: TaskContext, models: Data<Models>) -> Result<Value, TaskError> {
    task.update()
        .progress(50)
        .message("Reading the configuration")
        .await?;
    let documents = models.all::<AdminConfig>().await?;
    let active = documents.into_iter().filter(|document| document.active);
    let by_name: Map<String, Value> = active
        .map(|document| (document.name, document.configuration))
        .collect();
    Ok(Value::Object(by_name))
}
