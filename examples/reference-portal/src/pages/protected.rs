//! `/protected/route`: an example of a page that requires sign-in.

use portal_core::pages::components::{Card, EmptyState, PageHead};
use portal_core::prelude::*;

/// Protected route
#[page(
    route = "/protected/route",
    requires_auth = true,
    requires_admin = false
)]
async fn protected_page(user: CurrentUser) -> Markup {
    html! {
        (PageHead::new("Protected route"))
        (Card::new().body(
            EmptyState::new("key-round", "You’re signed in")
                .text(format!("Only signed-in users can see this page. You are {}.", user.full_name()))
        ))
    }
}
