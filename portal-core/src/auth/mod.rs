//! Who is calling, and what he may do.

mod access;
mod accounts;
mod api;
mod audit;
mod content_sources;
mod declared;
mod directory;
mod extract;
mod identity;
mod permission;
mod preferences;
mod provider;
mod records;
mod redirect;
mod role;
mod roles;
mod service;
mod sessions;
mod user;
mod users;
mod values;

pub use access::{Access, Denied};
pub use accounts::Accounts;
pub(crate) use audit::FieldChange;
pub use audit::{Actor, AuditEntry, AuditFilter, AuditLog};
pub use content_sources::ContentSources;
pub use declared::{DeclaredRoute, Guard, RouteKind, Routes};
pub use directory::{Applied, Directory, DirectoryChange, SyncReport};
pub use extract::{AdminUser, CurrentUser};
pub(crate) use extract::{admit, caller, known_caller};
pub use identity::{AuthError, CredentialSource, Identity, Profile};
pub use permission::{Permission, PermissionError};
pub use provider::{AuthProvider, AuthSetup, Navigation, PageAddition, ShownPage, SignIn};
pub use redirect::safe_redirect;
pub(crate) use redirect::{address, safe_return};
pub use role::{Role, RoleError};
pub use roles::RoleDefinition;
pub use users::{User, UserChange, UserFilter, UserSort, Users};
pub use values::Values;

pub(crate) use api::routes;
pub(crate) use preferences::PreferenceChecks;
pub(crate) use provider::{ErasedProvider, NoProvider};
pub(crate) use roles::Roles;
pub(crate) use service::Auth;
pub(crate) use users::escape_like;
