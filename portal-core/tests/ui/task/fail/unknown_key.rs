use portal_core::{TaskContext, monitored_background_task};

#[monitored_background_task(timout = "5m")]
async fn digest(_task: TaskContext) {}

#[monitored_background_task(on_crash = ignore)]
async fn report(_task: TaskContext) {}

fn main() {
    let _ = (digest(), report());
}
