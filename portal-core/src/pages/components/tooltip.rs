use maud::{Markup, Render, html};

/// A word or two more about a control, seen while the pointer or the focus is on it.
///
/// Never the only copy of what it says: not everyone has a pointer. Esc hides it. The control
/// should not have a `title` of its own.
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
