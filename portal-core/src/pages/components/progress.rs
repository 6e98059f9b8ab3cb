use maud::{Markup, html};

use super::Tone;

/// How far something is, as a bar and as a number. Over 100 counts as 100.
///
/// ```
/// use portal_core::pages::components::{Tone, progress};
///
/// assert!(progress(40, "Export", Tone::Neutral).into_string().contains("40%"));
/// ```
#[must_use]
pub fn progress(percent: u8, label: &str, tone: Tone) -> Markup {
    let percent = percent.min(100);
    html! {
        div class="pt-progress" data-part="progress" data-tone=[tone.as_str()] {
            progress max="100" value=(percent) aria-label=(label) { }
            span { (percent) "%" }
        }
    }
}

/// Something goes on, and nobody knows how far it is.
#[must_use]
pub fn progress_unknown(label: &str) -> Markup {
    html! { div class="pt-progress" { progress aria-label=(label) { } } }
}
