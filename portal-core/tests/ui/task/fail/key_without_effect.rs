use portal_core::{TaskContext, monitored_background_task};

#[monitored_background_task(backoff = "2s")]
async fn digest(_task: TaskContext) {}

#[monitored_background_task(retry = 3)]
async fn sync(_task: TaskContext) {}

fn main() {
    let _ = (digest(), sync());
}
