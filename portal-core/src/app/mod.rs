//! Portal applications: the only module that depends on all others.

mod assemble;
mod validate;
mod build_error;
mod builder;
pub(crate) mod cli;
mod collect_pages;
mod compression;
mod discover;
mod health;
mod known_pages;
mod rate_limit;
mod linger;
mod http_server;
mod loggable;
mod maintenance;
mod maintenance_page;
mod pipeline;
mod overlap;
mod write_timeout;
mod plugin;
mod portal;
mod routes;
mod serve;
mod unread;

pub use build_error::{BuildError, BuildProblem};
pub use builder::PortalBuilder;
pub use maintenance::{Maintenance, MaintenanceNotice};
pub use plugin::Plugin;
pub use portal::Portal;

pub use discover::{PageEntry, TaskEntry};
