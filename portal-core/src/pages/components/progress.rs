use maud::{Markup, html};

use super::{Tone, needs::needs};

/// How far something is, as a bar and as a number. Over 100 counts as 100. The tone says how it
/// ended: [`Tone::Success`], or [`Tone::Danger`] where it stopped.
///
/// For something that a reader waits for, [`announced_progress`] tells screen readers as well.
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

/// A progress bar whose steps are said to screen readers, at most every 10 %: scripts write them
/// into a status line as the bar moves.
#[must_use]
pub fn announced_progress(percent: u8, label: &str, tone: Tone) -> Markup {
    html! {
        pt-progress data-label=(label) { (progress(percent, label, tone)) span class="pt-vh" role="status" {} (needs(&["widgets.js"])) }
    }
}
