use portal_core::{TaskContext, monitored_background_task};

#[monitored_background_task(timeout = "5 minutes")]
async fn words(_task: TaskContext) {}

#[monitored_background_task(timeout = 5)]
async fn number(_task: TaskContext) {}

#[monitored_background_task(timeout = "0s", name = "send/digest")]
async fn nothing(_task: TaskContext) {}

fn main() {
    let _ = (words(), number(), nothing());
}
