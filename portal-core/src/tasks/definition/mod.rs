//! Task types as declared in code: their settings, their arguments, and the registry.

pub(in crate::tasks) mod args;
pub(in crate::tasks) mod args_schema;
pub(in crate::tasks) mod registry;
pub(in crate::tasks) mod task;
