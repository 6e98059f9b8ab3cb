use std::borrow::Cow;

use portal_core::{TaskContext, monitored_background_task};

#[monitored_background_task]
async fn text(_task: TaskContext, _name: &str) {}

#[monitored_background_task]
async fn cow(_task: TaskContext, _name: Cow<'_, str>) {}

#[monitored_background_task]
async fn context(_task: &TaskContext) {}

fn main() {
    let _ = (text(), cow(), context());
}
