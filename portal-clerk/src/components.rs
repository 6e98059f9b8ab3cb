//! Clerk's own parts, for the portal's pages and the application's.
//!
//! Each is a place in a page that Clerk's script fills. A page that has one gets the script and
//! the content security policy that it needs, without being told. Where the portal does not use
//! Clerk, or scripts do not run, what stands in the place is what [`sign_in`] and the others say
//! below.
//!
//! ```
//! use maud::{Markup, html};
//! use portal_clerk::components;
//!
//! fn account() -> Markup {
//!     html! {
//!         h1 { "Account" }
//!         (components::user_profile())
//!     }
//! }
//! assert!(account().into_string().contains("data-clerk-part=\"user-profile\""));
//! ```

use maud::{Markup, html};

/// The attribute by which the script finds a part, and the provider a page that has one.
///
/// With the quote, which no text of a user can have in a page.
pub(crate) const MARK: &str = "data-clerk-part=\"";

/// Where people sign in; afterwards they come to `return_to`, a path of the portal.
///
/// `fallback` stands there until the script has come, and for good where none runs: a link to
/// the pages that Clerk hosts, for example.
#[must_use]
pub fn sign_in(return_to: &str, fallback: Markup) -> Markup {
    html! { div class="pt-center" data-clerk-part="sign-in" data-return-to=(return_to) { (fallback) } }
}

/// Where people create an account; as [`sign_in`].
#[must_use]
pub fn sign_up(return_to: &str, fallback: Markup) -> Markup {
    html! { div class="pt-center" data-clerk-part="sign-up" data-return-to=(return_to) { (fallback) } }
}

/// The picture of the signed-in user, with Clerk's menu behind it. Nothing without Clerk.
#[must_use]
pub fn user_button() -> Markup {
    html! { div data-clerk-part="user-button" hidden {} }
}

/// Everything a user can change of his account: addresses, password, second factor, devices.
/// Nothing without Clerk.
#[must_use]
pub fn user_profile() -> Markup {
    html! { div data-clerk-part="user-profile" hidden {} }
}
