//! Larger components, each for one purpose.

use super::example::{Section, example};
use crate::pages::components::{TaskList, TaskRowView, task_status};

fn running() -> TaskRowView {
    TaskRowView {
        id: "demo-1".to_owned(),
        title: "Monthly report".to_owned(),
        name: "report".to_owned(),
        group: "reports".to_owned(),
        status: "PROCESSING".to_owned(),
        progress: 40,
        message: Some("Counting orders".to_owned()),
        created_at: "2026-11-22T08:30:00Z".to_owned(),
        ..TaskRowView::default()
    }
}

pub(super) fn sections() -> Vec<Section> {
    vec![Section::new(
        "tasks",
        "Task list",
        "Background tasks as they run. Live if the URL of a monitor is set.",
        vec![
            example!("Running", TaskList::new(vec![running()]).title("Tasks")).wide(),
            example!(
                "Done",
                TaskList::new(vec![TaskRowView {
                    id: "demo-2".into(),
                    status: "COMPLETED".into(),
                    progress: 100,
                    ..running()
                }])
            )
            .wide(),
            example!("Status only", task_status(&running())),
            example!("No tasks yet", TaskList::new(Vec::new()).title("Tasks")).wide(),
        ],
    )]
}
