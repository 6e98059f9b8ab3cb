use portal_core::{NoArgs, TaskContext, monitored_background_task};

#[monitored_background_task(max_args = "64KB")]
async fn import(_task: TaskContext, _args: NoArgs) {}

#[monitored_background_task(max_args = 65536)]
async fn export(_task: TaskContext, _args: NoArgs) {}

#[monitored_background_task(max_args = "1MiB")]
async fn ping(_task: TaskContext) {}

fn main() {
    let _ = (import(), export(), ping());
}
