use portal_core::{TaskContext, monitored_background_task};

#[monitored_background_task]
fn digest(_task: TaskContext) {}

fn main() {
    let _ = digest();
}
