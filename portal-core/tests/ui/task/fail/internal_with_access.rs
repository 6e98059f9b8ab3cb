use portal_core::{TaskContext, monitored_background_task};

#[monitored_background_task(internal, requires_admin)]
async fn digest(_task: TaskContext) {}

fn main() {
    let _ = digest();
}
