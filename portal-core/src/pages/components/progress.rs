use maud::{Markup, html};

use super::{Tone, lazy_assets::lazy_assets};

/// Renders progress as a bar and a number.
///
/// Values above 100 count as 100. The tone shows the outcome: [`Tone::Success`], or
/// [`Tone::Danger`] if the operation failed.
///
/// If users wait for the result, [`announced_progress`] also informs screen readers.
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
        div class="pt-progress" data-part="progress" data-tone=[tone.attribute_value()] {
            progress max="100" value=(percent) aria-label=(label) { }
            span { (percent) "%" }
        }
    }
}

/// Renders a bar for an operation whose progress is unknown.
#[must_use]
pub fn indeterminate_progress(label: &str) -> Markup {
    html! { div class="pt-progress" { progress aria-label=(label) { } } }
}

/// Renders a progress bar that is announced to screen readers in steps of at least 10%.
///
/// Scripts write the steps into a status line as the bar moves.
#[must_use]
pub fn announced_progress(percent: u8, label: &str, tone: Tone) -> Markup {
    html! {
        pt-progress data-label=(label) { (progress(percent, label, tone)) span class="pt-sr-only" role="status" {} (lazy_assets(&["widgets.js"])) }
    }
}
