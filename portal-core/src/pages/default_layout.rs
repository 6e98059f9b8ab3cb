//! The layouts that come with the portal.

use maud::{Markup, html};

use super::{
    components::{
        Button, Tone, badge, icon, logo, palette_button, rel, sized_avatar, toast_region,
    },
    layout::{Layout, NavLink, PageContext, UserSummary, document},
};

/// Sidebar, icon rail or top bar with drawer, as wide as the screen is.
#[derive(Debug, Clone, Copy, Default)]
pub struct DefaultLayout;

/// A centred card: sign-in, errors.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainLayout;

impl Layout for DefaultLayout {
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Markup {
        let body = html! {
            (skip_link())
            div class="pt-shell" {
                header class="pt-topbar" {
                    (brand(page))
                    (palette_button(page))
                    (Button::icon_only("menu", "Open navigation").opens("pt-nav"))
                }
                aside class="pt-side" aria-label="Sidebar" {
                    (brand(page))
                    div class="pt-side-search" { (palette_button(page)) }
                    (navigation(page))
                    (foot(page, "pt-user-menu"))
                }
                main class="pt-main" id="main" tabindex="-1" { (content) }
            }
            dialog class="pt-drawer" id="pt-nav" data-side="start" popover="auto" aria-label="Navigation" {
                div class="pt-drawer-head" {
                    (brand(page))
                    (Button::icon_only("x", "Close navigation").closes()
                        .attribute("popovertarget", "pt-nav").attribute("popovertargetaction", "hide"))
                }
                (navigation(page))
                (foot(page, "pt-drawer-user-menu"))
            }
            (toast_region(page.flash))
        };
        document(page, body)
    }
}

impl Layout for PlainLayout {
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Markup {
        let body = html! {
            (skip_link())
            div class="pt-plain" {
                header { (brand(page)) }
                main id="main" tabindex="-1" { (content) }
            }
            (toast_region(page.flash))
        };
        document(page, body)
    }
}

fn skip_link() -> Markup {
    html! { a class="pt-skip" href="#main" { "Skip to content" } }
}

fn brand(page: &PageContext<'_>) -> Markup {
    html! {
        a class="pt-brand" href=(page.url("/")) { (logo()) span { (page.app_name) } }
    }
}

fn navigation(page: &PageContext<'_>) -> Markup {
    let groups = page.nav.chunk_by(|one, next| one.group == next.group);
    html! {
        nav class="pt-nav" aria-label="Main" {
            @for links in groups {
                @if let Some(group) = links.first().and_then(|link| link.group.as_deref()) { h2 { (group) } }
                ul { @for link in links { (nav_link(link)) } }
            }
        }
    }
}

fn nav_link(link: &NavLink) -> Markup {
    html! {
        li {
            a href=(link.href) rel=[rel(&link.href)] aria-current=[link.active.then_some("page")] { (icon(&link.icon)) span { (link.label) } }
        }
    }
}

fn foot(page: &PageContext<'_>, menu_id: &str) -> Markup {
    html! {
        @if page.development { div class="pt-dev" { (badge("Development", Tone::Warning)) } }
        div class="pt-foot" {
            @match &page.user {
                Some(user) => (user_menu(page, user, menu_id)),
                None => a class="pt-btn" data-kind="solid" data-wide data-tip href=(page.sign_in_url) { (icon("log-in")) span { "Sign in" } },
            }
        }
    }
}

fn user_menu(page: &PageContext<'_>, user: &UserSummary<'_>, menu_id: &str) -> Markup {
    html! {
        button type="button" class="pt-user" popovertarget=(menu_id) {
            (sized_avatar(user.id, user.name, user.avatar_url, 2))
            span class="pt-who" { span { (user.name) } span { (user.role.unwrap_or(user.email)) } }
            (icon("chevrons-up-down"))
        }
        div class="pt-menu" id=(menu_id) popover data-place="top" {
            div class="pt-menu-head pt-who" { span { (user.name) } span { (user.email) } }
            hr;
            @if let Some(profile) = user.profile_url { a href=(profile) { (icon("user")) "Profile" } }
            form method="post" action=(page.url("/sign-out")) {
                @if let Some(fields) = page.form_fields { (fields) }
                button type="submit" { (icon("log-out")) "Sign out" }
            }
        }
    }
}
