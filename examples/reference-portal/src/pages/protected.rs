//! `/protected/route`: the example of a page that needs sign-in.

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
            EmptyState::new("key-round", "You are in")
                .text(format!("Only signed-in users see this page, and you are {}.", user.full_name()))
        ))
    }
}
