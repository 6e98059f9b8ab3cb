//! Who is calling, and what he may do.

mod access;
mod api;
mod audit;
mod declared;
mod extract;
mod identity;
mod provider;
mod redirect;
mod role;
mod service;
mod sessions;
mod users;
mod values;
mod watch;

pub use access::{Access, Denied};
pub use audit::{AuditEntry, AuditFilter, AuditLog};
pub use declared::{DeclaredRoute, Guard, RouteKind, Routes};
pub(crate) use extract::caller;
pub use extract::{AdminUser, CurrentUser};
pub use identity::{AuthError, CredentialSource, Identity, Profile};
pub use provider::{AuthProvider, AuthSetup, Navigation, SignIn};
pub use redirect::safe_redirect;
pub(crate) use redirect::{address, safe_return};
pub use role::Role;
pub use users::{User, UserChange, UserFilter, UserSort, Users};
pub use values::Values;

pub(crate) use api::routes;
pub(crate) use provider::{ErasedProvider, NoProvider};
pub(crate) use role::Roles;
pub(crate) use service::{Auth, Presented};
pub(crate) use users::escape_like;
pub(crate) use watch::{AccessWatch, Revoked};
