use portal_core::{TaskContext, monitored_background_task};

#[monitored_background_task(schedule = 5)]
async fn number(_task: TaskContext) {}

#[monitored_background_task(schedule)]
async fn nothing(_task: TaskContext) {}

#[monitored_background_task(time_zone = "Europe/Berlin")]
async fn zone_alone(_task: TaskContext) {}

#[monitored_background_task(schedule = "0 3 * * *", time_zone = Europe/Berlin)]
async fn without_quotes(_task: TaskContext) {}

fn main() {
    let _ = (number(), nothing(), zone_alone(), without_quotes());
}
