//! Illustrations for error pages: a window in a state that matches the error.

use maud::{Markup, html};

use super::components::icon;

/// Subject of an illustration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Illustration {
    /// Empty placeholder.
    Missing,
    /// Redacted text.
    Locked,
    /// Torn window.
    Broken,
    /// Rising load.
    Busy,
    /// Work in progress.
    Maintenance,
    /// Clock of an expired session.
    Expired,
}

impl Illustration {
    const fn icon(self) -> &'static str {
        match self {
            Self::Missing => "search",
            Self::Locked => "lock",
            Self::Broken => "zap",
            Self::Busy => "clock",
            Self::Maintenance => "settings",
            Self::Expired => "key-round",
        }
    }

    const fn tone(self) -> &'static str {
        match self {
            Self::Missing | Self::Maintenance | Self::Expired => "accent",
            Self::Locked | Self::Busy => "warning",
            Self::Broken => "danger",
        }
    }
}

/// Renders an illustration. It is decorative and hidden from screen readers.
pub(super) fn art(art: Illustration) -> Markup {
    html! {
        div class="pt-art" data-tone=(art.tone()) aria-hidden="true" {
            svg viewBox="0 0 200 124" width="200" height="124" fill="none" {
                rect x="20.5" y=".5" width="159" height="115" rx="10" data-part="window" {}
                path d="M20.5 24.5h159" {}
                circle cx="33" cy="12.5" r="2.5" data-part="solid" {}
                circle cx="42" cy="12.5" r="2.5" data-part="solid" {}
                circle cx="51" cy="12.5" r="2.5" data-part="solid" {}
                (inside(art))
            }
            span { (icon(art.icon())) }
        }
    }
}

fn inside(art: Illustration) -> Markup {
    match art {
        Illustration::Missing => html! {
            rect x="36.5" y="40.5" width="60" height="56" rx="5" stroke-dasharray="4 4" {}
            path d="M110 46h52M110 60h40M110 74h20" data-part="text" {}
        },
        Illustration::Locked => html! {
            path d="M36 44h84M36 60h108M36 76h64M36 92h90" stroke-dasharray="9 7" data-part="text" {}
        },
        Illustration::Broken => html! {
            path d="M36 46h44M36 60h34M36 74h40" data-part="text" {}
            path d="m104 24.5-8 22 16 14-14 18 12 14-8 23" data-part="mark" {}
            path d="M124 46h38M130 60h32" data-part="text" {}
        },
        Illustration::Busy => html! {
            @for (at, height) in [14, 22, 18, 34, 46, 60].into_iter().enumerate() {
                rect x=(38 + 20 * at) y=(102 - height) width="12" height=(height) rx="2.5" data-part=(if at > 3 { "fill" } else { "solid" }) {}
            }
        },
        Illustration::Maintenance => html! {
            path d="M36 46h52M36 60h76" data-part="text" {}
            rect x="36.5" y="80.5" width="96" height="8" rx="4" {}
            rect x="36.5" y="80.5" width="58" height="8" rx="4" data-part="fill" {}
        },
        Illustration::Expired => html! {
            circle cx="58" cy="62" r="15.5" {}
            path d="M58 53v9l6 4" {}
            path d="M86 54h72M86 70h48" data-part="text" {}
        },
    }
}
