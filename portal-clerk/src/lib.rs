//! Sign-in for Portal: verifies session tokens from Clerk or the development identity provider.
//!
//! The development identity provider runs on a developer's machine and speaks the same protocol.
//!
//! ```
//! use portal_clerk::ClerkAuth;
//! use portal_core::AuthProvider;
//!
//! let auth = ClerkAuth::new();
//! assert!(auth.settings().iter().any(|setting| setting.name == "CLERK_SECRET_KEY"));
//! ```
//!
//! Pass this value to the portal's builder. With both of Clerk's keys in the environment, the
//! portal uses Clerk; with neither, in `DEV`, it uses the development identity provider. The
//! variables are documented under [`AuthProvider::settings`](portal_core::AuthProvider::settings).
//!
//! The development identity provider lets anyone sign in as any user. It therefore requires all of
//! the following: the feature `dev-identity`, `APP_ENV=DEV`, a loopback address in `HOST`, a
//! `PUBLIC_URL` that starts with `http://` and refers to this machine, no `TRUSTED_PROXIES`, no
//! Clerk keys, and, in each request to it, a loopback name in the `Host` header and no proxy
//! headers. Its signing key is generated for each database, so its tokens are not valid anywhere
//! else.

mod auth_state;
mod backend;
mod claims;
mod clerk;
mod clerk_js;
pub mod components;
mod config;
mod cookies;
mod credential;
#[cfg(feature = "dev-identity")]
mod dev;
#[cfg(any(test, feature = "testing"))]
mod fake;
#[cfg(test)]
mod fuzz;
mod handshake;
mod http;
mod jwks;
mod log_rate;
mod provider;
mod query;
mod revoke;
mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod token;
mod token_cache;
mod user_record;
mod verifier;
mod webhook;

pub use backend::{BackendApi, BackendError, ClerkSession, ClerkUser, MetadataChange, UserQuery};
pub use claims::{Claims, Organization};
pub use provider::ClerkAuth;
