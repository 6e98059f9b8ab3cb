use portal_core::{TaskContext, monitored_background_task};

struct Plain;

#[monitored_background_task]
async fn digest(_task: TaskContext) -> Result<u8, Plain> {
    Err(Plain)
}

fn main() {
    let _ = digest();
}
