//! Imports for an application's `main.rs`.

pub use maud::{Markup, html};
pub use rust_decimal::Decimal;
pub use uuid::Uuid;

pub use crate::admin::{ActionReport, AdminChoice, Models, Rows};
pub use crate::app::{Plugin, Portal, PortalBuilder};
pub use crate::auth::{
    Access, AdminUser, CurrentUser, Permission, Role, RoleDefinition, User, Users,
};
pub use crate::error::{Error, Result};
pub use crate::live::Live;
pub use crate::pages::{
    Flash, FormInput, FormState, Href, IntoPage, NavItem, Page, PageResponse, Theme,
};
pub use crate::state::{Data, PortalState};
pub use crate::tasks::{NoArgs, TaskContext, TaskError, Tasks};
#[cfg(feature = "macros")]
pub use portal_macros::{admin_action, admin_model, monitored_background_task, page};
