use portal_core::{NoArgs, TaskContext, monitored_background_task};

struct Plain;

#[monitored_background_task]
async fn digest(_task: TaskContext) -> Plain {
    Plain
}

#[monitored_background_task]
async fn report(_task: TaskContext, _task_args: NoArgs) -> Vec<Plain> {
    vec![]
}

fn main() {
    let _ = (digest(), report());
}
