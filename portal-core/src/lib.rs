//! Embeddable user portal for axum.

pub mod admin;
pub mod auth;
pub mod config;
mod error;
mod request;
mod source;
mod state;
pub mod store;

pub use admin::{AdminField, AdminModel, FieldSpec, ModelOptions, Widget};
pub use auth::{Access, AdminUser, AuthProvider, CurrentUser, Denied, Role, User};
pub use error::{Error, Fault, Result};
pub use source::Source;
pub use state::{Data, PortalState};
