//! Legend for a chart: the looks of its series.

use maud::{Markup, html};

use super::super::Tone;
use super::numbers::Decimal;
use super::{Chart, ChartKind};

/// Number of series that look different.
const LOOKS: usize = 6;
/// Rotation of each look's hatching, in degrees; the first look has no hatching.
const ANGLES: [u16; LOOKS] = [0, 45, 135, 0, 90, 22];

/// Paint of a series: a color from its index or its tone, and hatching.
#[derive(Debug, Clone)]
pub(super) struct Paint {
    look: usize,
    tone: Option<Tone>,
    /// Id of the hatching.
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

    /// Returns the value of `data-series`: the index of the look, starting at 1.
    pub(super) const fn number(&self) -> usize {
        self.look + 1
    }

    /// Returns the value of `data-tone`.
    pub(super) fn tone(&self) -> Option<&'static str> {
        self.tone
            .map(|tone| tone.attribute_value().unwrap_or("neutral"))
    }

    /// Returns the paint for a surface; `None` if the surface is plain.
    pub(super) fn fill(&self) -> Option<String> {
        self.pattern.as_ref().map(|id| format!("url(#{id})"))
    }

    /// Renders a sample of the paint.
    pub(super) fn swatch(&self) -> Markup {
        html! {
            svg viewBox="0 0 22 10" aria-hidden="true" data-series=(self.number()) data-tone=[self.tone()] {
                rect x="6" width="10" height="10" rx="2" fill=[self.fill()] {}
            }
        }
    }

    /// Renders the pattern that `fill` refers to.
    pub(super) fn definition(&self) -> Markup {
        let turn = format!(
            "rotate({})",
            Decimal(f64::from(ANGLES.get(self.look).copied().unwrap_or(0)))
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

/// Renders the legend below a chart.
pub(super) fn of_chart(chart: &Chart) -> Markup {
    html! {
        ul class="pt-chart-legend" {
            @for (at, series) in chart.series.iter().enumerate() {
                @let paint = chart.paint(at);
                li {
                    @if chart.kind == ChartKind::Bar { (paint.swatch()) } @else {
                        svg viewBox="0 0 22 10" aria-hidden="true" data-series=(paint.number()) data-tone=[paint.tone()] { path d="M0 5h22" {} }
                    }
                    (series.name)
                }
            }
        }
    }
}
