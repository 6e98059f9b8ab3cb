//! Background tasks. The name of a task's module is its task group.

pub(crate) mod imports;
