//! Layout of the home page: a top bar and a footer instead of the portal's sidebar.

use portal_core::pages::components::{Button, toast_region};
use portal_core::pages::layout::{Document, PageContext, document};
use portal_core::pages::{Layout, LayoutParts, Requirement, require};
use portal_core::prelude::*;

/// Layout with a top bar, the content and a footer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HomeLayout;

/// Uses the default parts, so that the brand is the same as on all other pages.
impl LayoutParts for HomeLayout {}

impl Layout for HomeLayout {
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Document {
        require(Requirement::site_stylesheet());
        document(
            page,
            html! {
                a class="pt-skip" href="#main" { "Skip to content" }
                header class="pt-site-bar" {
                    (HomeLayout.brand(page))
                    nav aria-label="Main" {
                        a href="#attributes" { "Attributes" }
                        a href="#features" { "Features" }
                        a href="#start" { "Get started" }
                        a href=(page.url("/admin/about")) { "About" }
                    }
                    @match page.user {
                        Some(_) => (Button::new("Open the portal").solid().icon_end("arrow-right").href(page.url("/admin/overview"))),
                        None => {
                            (Button::new("See the demo").ghost().href(page.url("/admin/overview")))
                            (Button::new("Sign in").solid().href(page.sign_in_url))
                        }
                    }
                }
                main class="pt-site" id="main" tabindex="-1" { (content) }
                footer class="pt-site-footer" {
                    div {
                        (HomeLayout.brand(page))
                        p { "Built with Portal. MIT license." }
                    }
                    nav aria-label="Footer" {
                        a href=(page.url("/admin/overview")) { "Overview" }
                        a href=(page.url("/admin/tasks")) { "Background tasks" }
                        a href=(page.url("/admin/app-settings")) { "Appearance" }
                        a href=(page.url("/admin/about")) { "About" }
                        a href=(super::SOURCE) rel="noopener noreferrer" { "Source code" }
                    }
                }
                (toast_region(page.flash))
            },
        )
    }

    fn is_cacheable(&self) -> bool {
        true
    }
}
