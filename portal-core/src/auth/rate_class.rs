//! Rate classes: groups of operations that share a rate limit.

/// A group of operations whose requests are counted together.
///
/// The rates are in [`Limits`](crate::config::Limits). A route without a class is not limited.
///
/// ```
/// use portal_core::Access;
/// use portal_core::auth::{RateClass, Routes};
///
/// let routes: Routes = Routes::new()
///     .post("/api/prices", Access::Admin, async || "saved")
///     .rate_class(RateClass::AdminWrite);
/// assert_eq!(routes.list()[0].rate_class, Some(RateClass::AdminWrite));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RateClass {
    /// Signing in and out; counted per network, because the user has not been identified yet.
    SignIn,
    /// Creating or revoking client tokens, and requesting a record from the identity provider.
    ClientToken,
    /// Enqueueing a task, or running one again.
    StartTask,
    /// Changes by administrators.
    AdminWrite,
    /// Changes to the user's own data.
    OwnWrite,
}
