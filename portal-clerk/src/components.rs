//! Clerk's components, for the portal's and the application's pages.
//!
//! Each component is a placeholder that is filled by Clerk's script. A page that contains one
//! automatically gets the required script and content security policy. If the portal does not use
//! Clerk or scripts do not run, the page shows the fallback described at each component.
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
use portal_core::pages::{Requirement, require};

/// Renders Clerk's sign-in form, which redirects to the path `return_to` within the portal after
/// sign-in.
///
/// `fallback`, for example a link to Clerk's hosted pages, is shown until the script has loaded,
/// and permanently if scripts do not run.
#[must_use]
pub fn sign_in(return_to: &str, fallback: Markup) -> Markup {
    require(Requirement::provider_markup());
    html! { div class="pt-center" data-clerk-part="sign-in" data-return-to=(return_to) { (fallback) } }
}

/// Renders Clerk's sign-up form; see [`sign_in`].
#[must_use]
pub fn sign_up(return_to: &str, fallback: Markup) -> Markup {
    require(Requirement::provider_markup());
    html! { div class="pt-center" data-clerk-part="sign-up" data-return-to=(return_to) { (fallback) } }
}

/// Renders the signed-in user's picture, which opens Clerk's menu. Renders nothing without Clerk.
#[must_use]
pub fn user_button() -> Markup {
    require(Requirement::provider_markup());
    html! { div data-clerk-part="user-button" hidden {} }
}

/// Renders Clerk's account settings: e-mail addresses, password, second factor and devices.
///
/// Empty without Clerk.
#[must_use]
pub fn user_profile() -> Markup {
    require(Requirement::provider_markup());
    html! { div data-clerk-part="user-profile" hidden {} }
}
