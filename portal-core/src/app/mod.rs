//! Portal applications: the only module that depends on all others.

mod assemble;
mod build_error;
mod builder;
pub(crate) mod cli;
mod collect_pages;
mod compression;
mod discover;
mod health;
mod http_server;
mod known_pages;
mod linger;
mod loggable;
mod maintenance;
mod maintenance_page;
mod overlap;
mod pipeline;
mod plugin;
mod portal;
mod rate_limit;
mod routes;
mod serve;
mod unread;
mod validate;
mod write_timeout;

pub use build_error::{BuildError, BuildProblem};
pub use builder::PortalBuilder;
pub use maintenance::{Maintenance, MaintenanceNotice};
pub use plugin::Plugin;
pub use portal::Portal;

pub use discover::{PageEntry, TaskEntry};
