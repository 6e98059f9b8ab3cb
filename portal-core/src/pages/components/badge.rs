use maud::{Markup, html};

use super::Tone;

/// Renders a status: a word whose color repeats its meaning.
///
/// ```
/// use portal_core::pages::components::{Tone, badge};
///
/// assert_eq!(
///     badge("Active", Tone::Success).into_string(),
///     r#"<span class="pt-badge" data-tone="success">Active</span>"#,
/// );
/// ```
#[must_use]
pub fn badge(label: &str, tone: Tone) -> Markup {
    html! { span class="pt-badge" data-tone=[tone.attribute_value()] { (label) } }
}
