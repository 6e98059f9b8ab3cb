//! Task queue: takes tasks from insertion to their final status, on every replica.
//!
//! Nothing here depends on routes or pages.

pub(in crate::tasks) mod actions;
mod batch;
mod claim;
pub(in crate::tasks) mod detail_fields;
mod due;
pub(in crate::tasks) mod finish;
pub(in crate::tasks) mod finish_notification;
pub(in crate::tasks) mod insert;
mod lease;
#[cfg(test)]
mod model_tests;
pub(in crate::tasks) mod queue;
pub(in crate::tasks) mod queue_depth;
mod quota;
pub(in crate::tasks) mod results;
pub(in crate::tasks) mod retry;
pub(in crate::tasks) mod running;
pub(in crate::tasks) mod schedule;
pub(in crate::tasks) mod shared;
#[cfg(test)]
mod tests;
mod turn;
pub(in crate::tasks) mod worker;
