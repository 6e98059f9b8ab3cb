use maud::{Markup, Render, html};

/// Renders a short description of a control, visible while the control is hovered or focused.
///
/// Do not put information only here, since not everyone has a pointer. Esc hides the tooltip. The
/// control should not have a `title` attribute as well.
///
/// ```
/// use portal_core::pages::components::{Button, tooltip};
///
/// let html = tooltip("t-export", "As CSV, all columns", Button::new("Export").attribute("aria-describedby", "t-export"));
/// assert!(html.into_string().contains("role=\"tooltip\""));
/// ```
#[must_use]
pub fn tooltip(id: &str, text: &str, control: impl Render) -> Markup {
    html! {
        span class="pt-tip" { (control.render()) span role="tooltip" id=(id) { (text) } }
    }
}
