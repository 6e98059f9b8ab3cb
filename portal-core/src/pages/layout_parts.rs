//! Replaceable parts of the default layout.

use maud::{Markup, html};

use super::components::{Button, icon, logo, rel, sized_avatar};
use super::layout::{NavLink, PageContext, UserSummary};
use super::theme::Appearance;

/// Parts of [`DefaultLayout`](super::DefaultLayout) that an application can replace one by one.
///
/// Methods that are not overridden render the builtin part.
///
/// ```
/// use maud::{Markup, html};
/// use portal_core::pages::{DefaultLayout, LayoutParts, NavLink, PageContext};
///
/// struct Numbered;
///
/// impl LayoutParts for Numbered {
///     fn nav_link(&self, _: &PageContext<'_>, link: &NavLink) -> Markup {
///         html! { a href=(link.href) aria-current=[link.active.then_some("page")] { "→ " (link.label) } }
///     }
/// }
/// let layout = DefaultLayout::new().parts(Numbered);
/// ```
pub trait LayoutParts: Send + Sync + 'static {
    /// Renders the logo and name as a link to the home page.
    ///
    /// [`PlainLayout`](super::PlainLayout), for example on sign-in pages, shows the builtin brand.
    fn brand(&self, page: &PageContext<'_>) -> Markup {
        brand(page)
    }

    /// Renders a navigation entry, inside a list item that the layout provides.
    ///
    /// While the sidebar is collapsed, a `span` in the link is shown as a tooltip.
    fn nav_link(&self, page: &PageContext<'_>, link: &NavLink) -> Markup {
        let _ = page;
        nav_link(link)
    }

    /// Renders the button with the user's name and its menu, which must have the ID `menu_id`.
    ///
    /// A page contains it twice: in the sidebar and in the drawer for small screens.
    fn user_menu(&self, page: &PageContext<'_>, user: &UserSummary<'_>, menu_id: &str) -> Markup {
        user_menu(page, user, menu_id)
    }

    /// Renders the content that guests see instead of the user menu.
    fn guest_menu(&self, page: &PageContext<'_>) -> Markup {
        guest(page)
    }
}

/// Builtin parts.
pub(super) struct DefaultParts;

impl LayoutParts for DefaultParts {}

/// Renders the logo of the brand, or the portal's logo.
pub(super) fn logo_mark(page: &PageContext<'_>) -> Markup {
    match page.brand.and_then(|brand| brand.logo_url()) {
        Some(url) => {
            html! { img class="pt-logo" data-own src=(page.url(url)) alt="" width="24" height="24"; }
        }
        None => logo(),
    }
}

pub(super) fn brand(page: &PageContext<'_>) -> Markup {
    html! {
        a class="pt-brand" href=(page.url("/")) { (logo_mark(page)) span { (page.app_name) } }
    }
}

fn nav_link(link: &NavLink) -> Markup {
    html! {
        a href=(link.href) rel=[rel(link.href.as_str())] aria-current=[link.active.then_some("page")] {
            (icon(&link.icon)) span { (link.label) }
        }
    }
}

fn user_menu(page: &PageContext<'_>, user: &UserSummary<'_>, menu_id: &str) -> Markup {
    html! {
        button type="button" class="pt-user" popovertarget=(menu_id) {
            (sized_avatar(user.id, user.name, user.avatar_url, 2))
            span class="pt-identity" { span { (user.name) } span { (user.role.unwrap_or(user.email)) } }
            (icon("chevrons-up-down"))
        }
        div class="pt-menu" id=(menu_id) popover data-place="top" {
            div class="pt-menu-head pt-identity" { span { (user.name) } span { (user.email) } }
            hr;
            @if let Some(profile) = user.profile_url { a href=(profile) { (icon("user")) "Profile" } }
            (appearance_switch(page))
            hr;
            form method="post" action=(page.url("/sign-out")) {
                @if let Some(fields) = page.form_fields { (fields) }
                button type="submit" { (icon("log-out")) "Sign out" }
            }
        }
    }
}

fn guest(page: &PageContext<'_>) -> Markup {
    html! {
        (appearance_switch(page))
        a class="pt-btn" data-kind="solid" data-wide data-tip href=(page.sign_in_url) {
            (icon("log-in")) span { "Sign in" }
        }
    }
}

/// Renders the switch between light, dark and system: a form that also works without scripts.
pub(super) fn appearance_switch(page: &PageContext<'_>) -> Markup {
    let choices = [
        (Appearance::Light, "sun"),
        (Appearance::Dark, "moon"),
        (Appearance::Inherit, "monitor"),
    ];
    html! {
        form class="pt-modes" method="post" action=(page.url("/theme")) data-theme-form {
            (return_here(page))
            span { "Appearance" }
            span class="pt-seg" role="group" aria-label="Appearance" {
                @for (appearance, glyph) in choices {
                    button type="submit" name="appearance" value=(appearance.as_str()) aria-label=(appearance.label())
                        title=(appearance.label()) aria-pressed=(page.theme.appearance == appearance) { (icon(glyph)) }
                }
            }
        }
    }
}

/// Renders the button that collapses and expands the sidebar.
pub(super) fn rail_toggle(page: &PageContext<'_>) -> Markup {
    let button = Button::icon_only("panel-left", "Toggle sidebar")
        .size(1)
        .submit()
        .attribute("name", "rail")
        .attribute(
            "value",
            if page.sidebar_collapsed {
                "wide"
            } else {
                "narrow"
            },
        )
        .attribute(
            "aria-expanded",
            if page.sidebar_collapsed {
                "false"
            } else {
                "true"
            },
        );
    html! {
        form class="pt-rail" method="post" action=(page.url("/theme")) data-theme-form {
            (return_here(page)) (button)
        }
    }
}

/// Renders the hidden fields of a form whose submission returns to the current page.
fn return_here(page: &PageContext<'_>) -> Markup {
    html! {
        @if let Some(fields) = page.form_fields { (fields) }
        input type="hidden" name="return_to" value=(page.url(page.path));
    }
}
