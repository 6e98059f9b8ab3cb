//! Tasks of the reference portal. The module of a task is its task group.

mod example_task;
mod example_task2;
mod reports;
