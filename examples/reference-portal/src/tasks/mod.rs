//! Tasks of the reference portal. The name of a task's module is its task group.

mod example_task;
mod example_task2;
mod reports;
