use std::rc::Rc;

use portal_core::{TaskContext, monitored_background_task};

#[monitored_background_task]
async fn digest(_task: TaskContext) -> u8 {
    let counter = Rc::new(1);
    std::future::ready(()).await;
    *counter
}

fn main() {
    let _ = digest();
}
