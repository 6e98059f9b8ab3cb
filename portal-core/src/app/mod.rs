//! Portal applications: the only module that depends on all others.

mod assemble;
mod build_error;
mod builder;
pub(crate) mod cli;
mod collect_pages;
mod database_cli;
mod discover;
mod header_timer;
mod health;
mod http_server;
mod known_pages;
mod linger;
mod maintenance;
mod maintenance_page;
mod migration_files;
mod overlap;
mod pipeline;
mod plugin;
mod portal;
mod router;
mod routes;
mod serve;
mod validate;
mod write_timeout;

pub use build_error::{BuildError, BuildProblem};
pub use builder::PortalBuilder;
pub use maintenance::{Maintenance, MaintenanceNotice};
pub use plugin::Plugin;
pub use portal::Portal;

pub use discover::{PageEntry, TaskEntry};
