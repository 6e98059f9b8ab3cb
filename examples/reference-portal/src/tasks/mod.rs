//! The tasks of the reference portal; the module of each is its state.

mod example_task;
mod example_task2;
mod reports;
