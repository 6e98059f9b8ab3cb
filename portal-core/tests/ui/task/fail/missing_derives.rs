use garde::Validate;
use portal_core::{TaskContext, monitored_background_task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Validate)]
struct WithoutSchema {
    #[garde(skip)]
    _count: u8,
}

#[derive(JsonSchema, Validate)]
struct WithoutSerde {
    #[garde(skip)]
    _count: u8,
}

#[monitored_background_task]
async fn one(_task: TaskContext, _task_args: WithoutSchema) {}

#[monitored_background_task]
async fn two(_task: TaskContext, _task_args: WithoutSerde) {}

fn main() {
    let _ = (one(), two());
}
