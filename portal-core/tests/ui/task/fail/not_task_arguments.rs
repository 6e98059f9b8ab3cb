use portal_core::{TaskContext, monitored_background_task};

struct Plain {
    _count: u8,
}

#[monitored_background_task]
async fn digest(_task: TaskContext, _task_args: Plain) {}

fn main() {
    let _ = digest();
}
