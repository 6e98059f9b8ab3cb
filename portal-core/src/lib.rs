#![doc = include_str!("../README.md")]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod admin;
mod app;
pub mod auth;
pub mod config;
mod error;
mod fields;
mod json;
pub mod live;
pub mod notifications;
pub mod pages;
pub mod prelude;
mod request;
mod security;
mod source;
mod state;
pub mod store;
pub mod tasks;
#[cfg(feature = "telemetry")]
pub mod telemetry;

pub use admin::{AdminField, AdminModel, FieldSpec, ModelOptions, Widget};
pub use app::{
    BuildError, BuildProblem, Maintenance, MaintenanceNotice, Plugin, Portal, PortalBuilder,
};
pub use auth::{
    Access, AdminUser, AuthProvider, CurrentUser, Denied, Permission, Role, RoleDefinition, User,
};
pub use config::Config;
pub use error::{Error, FieldError, Result};
pub use pages::{IntoPage, Layout, Nav, NavItem, Page, Theme};
#[cfg(feature = "macros")]
pub use portal_macros::{admin_action, admin_model, migrations, monitored_background_task, page};
pub use security::ClientAddress;
pub use source::Source;
pub use state::{Data, Dependency, PortalState, TaskInput};
pub use store::Store;
pub use tasks::{
    Initiator, NoArgs, OnCrash, Task, TaskContext, TaskError, TaskNotify, TaskSettings, Tasks,
};
