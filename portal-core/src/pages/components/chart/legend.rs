//! Which shape and colour is what.

use maud::{Markup, html};

use super::super::Tone;
use super::marks::N;
use super::{Chart, Kind};

/// How many series look different from each other.
const LOOKS: usize = 6;
/// How the hatching of each is turned; the first has none.
const ANGLES: [u16; LOOKS] = [0, 45, 135, 0, 90, 22];

/// How a series is painted: a colour by its number or by what it says, and its hatching.
#[derive(Debug, Clone)]
pub(super) struct Paint {
    look: usize,
    tone: Option<Tone>,
    /// The id of its hatching.
    pattern: Option<String>,
}

impl Paint {
    pub(super) fn new(title: &str, at: usize, tone: Option<Tone>) -> Self {
        let look = at % LOOKS;
        let slug: String = title
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() {
                    letter.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .take(40)
            .collect();
        Self {
            look,
            tone,
            pattern: (look > 0).then(|| format!("hatch-{slug}-{look}")),
        }
    }

    /// `data-series`: the number of its look, counted from one.
    pub(super) const fn number(&self) -> usize {
        self.look + 1
    }

    /// `data-tone`.
    pub(super) fn tone(&self) -> Option<&'static str> {
        self.tone.map(|tone| tone.as_str().unwrap_or("neutral"))
    }

    /// The paint of a surface, if it is not plain.
    pub(super) fn fill(&self) -> Option<String> {
        self.pattern.as_ref().map(|id| format!("url(#{id})"))
    }

    /// A sample of it.
    pub(super) fn swatch(&self) -> Markup {
        html! {
            svg viewBox="0 0 22 10" aria-hidden="true" data-series=(self.number()) data-tone=[self.tone()] {
                rect x="6" width="10" height="10" rx="2" fill=[self.fill()] {}
            }
        }
    }

    /// What `fill` refers to.
    pub(super) fn definition(&self) -> Markup {
        let turn = format!(
            "rotate({})",
            N(f64::from(ANGLES.get(self.look).copied().unwrap_or(0)))
        );
        html! {
            @if let Some(id) = &self.pattern {
                pattern id=(id) data-series=(self.number()) data-tone=[self.tone()] width="5" height="5"
                    patternUnits="userSpaceOnUse" patternTransform=(turn) {
                    rect width="5" height="5" {}
                    path d="M0 2.5h5" {}
                }
            }
        }
    }
}

/// What is what below a chart.
pub(super) fn of_chart(chart: &Chart) -> Markup {
    html! {
        ul class="pt-chart-legend" {
            @for (at, series) in chart.series.iter().enumerate() {
                @let paint = chart.paint(at);
                li {
                    @if chart.kind == Kind::Bar { (paint.swatch()) } @else {
                        svg viewBox="0 0 22 10" aria-hidden="true" data-series=(paint.number()) data-tone=[paint.tone()] { path d="M0 5h22" {} }
                    }
                    (series.name)
                }
            }
        }
    }
}
