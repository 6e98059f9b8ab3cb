//! Embeddable user portal for axum.

pub mod auth;
pub mod config;
mod error;
mod request;
mod source;
mod state;
pub mod store;

pub use auth::{Access, AdminUser, AuthProvider, CurrentUser, Denied, Role, User};
pub use error::{Error, Fault, Result};
pub use source::Source;
pub use state::{Data, PortalState};
