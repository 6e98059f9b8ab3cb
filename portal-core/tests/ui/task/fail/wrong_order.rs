use garde::Validate;
use portal_core::{Data, TaskContext, monitored_background_task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
#[garde(allow_unvalidated)]
struct Args {
    count: u8,
}

#[monitored_background_task]
async fn arguments_first(task_args: Args, _task: TaskContext) -> u8 {
    task_args.count
}

#[monitored_background_task]
async fn data_last(_task: TaskContext, task_args: Args, _mailer: Data<String>) -> u8 {
    task_args.count
}

#[monitored_background_task]
async fn two_arguments(_task: TaskContext, first: Args, second: Args) -> u8 {
    first.count + second.count
}

#[monitored_background_task]
async fn nothing() {}

fn main() {
    let _ = (arguments_first(), data_last(), two_arguments(), nothing());
}
