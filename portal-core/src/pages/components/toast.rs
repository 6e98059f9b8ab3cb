use std::sync::LazyLock;

use maud::{Markup, Render, html};

use super::{Button, Tone, icon};
use crate::pages::layout::{Flash, FlashKind};

/// Renders a short message that closes automatically; [`Tone::Danger`] stays until dismissed.
#[must_use]
pub fn toast(tone: Tone, text: &str) -> Markup {
    toast_with_action(tone, text, html! {})
}

/// Renders a message with an undo action: a form or link labeled "Undo".
///
/// It stays open while the user interacts with it.
///
/// ```
/// use portal_core::pages::components::{Button, Tone, toast_with_action};
///
/// let html = toast_with_action(Tone::Success, "Order archived", Button::new("Undo").size(1).href("/orders/7/restore"));
/// assert!(html.into_string().contains("Undo"));
/// ```
#[must_use]
pub fn toast_with_action(tone: Tone, text: &str, undo: impl Render) -> Markup {
    html! {
        pt-toast data-tone=[tone.attribute_value()] role=[(tone == Tone::Danger).then_some("alert")] {
            (icon(tone.icon()))
            span data-part="text" { (text) }
            (undo.render())
            (Button::icon_only("x", "Dismiss").size(1).attribute("data-dismiss", ""))
        }
    }
}

/// Templates that scripts use to create messages.
static PATTERNS: LazyLock<Markup> = LazyLock::new(|| {
    html! {
        @for tone in [Tone::Info, Tone::Success, Tone::Danger] {
            template data-tone=[tone.attribute_value()] { (toast(tone, "")) }
        }
    }
});

/// Renders the region where messages appear, with a flash message, if there is one.
///
/// Layouts render it once, at the end of the body.
#[must_use]
pub fn toast_region(flash: Option<&Flash>) -> Markup {
    html! {
        div class="pt-toasts" role="status" aria-atomic="false" {
            (*PATTERNS)
            @if let Some(flash) = flash {
                @let tone = match flash.kind {
                    FlashKind::Success => Tone::Success,
                    FlashKind::Error => Tone::Danger,
                    FlashKind::Info => Tone::Info,
                };
                @match &flash.link {
                    Some((label, url)) => (toast_with_action(tone, &flash.text, Button::new(label.as_str()).size(1).href(url))),
                    None => (toast(tone, &flash.text)),
                }
            }
        }
    }
}
