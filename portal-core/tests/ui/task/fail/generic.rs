use portal_core::{TaskContext, monitored_background_task};

#[monitored_background_task]
async fn digest<T>(_task: TaskContext) {}

#[monitored_background_task]
async fn report(_task: TaskContext) -> impl Sized {
    3
}

fn main() {
    let _ = digest();
}
