use portal_core::{CurrentUser, TaskContext, monitored_background_task};

#[monitored_background_task]
async fn digest(_task: TaskContext, _user: CurrentUser) {}

fn main() {
    let _ = digest();
}
