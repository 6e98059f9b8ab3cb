//! Portal applications: the only module that depends on all others.

mod assemble;
mod build;
mod build_error;
mod builder;
pub(crate) mod cli;
mod collect_pages;
mod compress;
mod discover;
mod health;
mod known_pages;
mod limited;
mod linger;
mod listen;
mod loggable;
mod maintenance;
mod maintenance_page;
mod outer;
mod overlap;
mod patience;
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
