//! Donut charts: parts of a whole.

use maud::{Markup, Render, html};

use super::super::Tone;
use super::legend::Paint;
use super::numbers::Decimal;
use super::{Unit, nothing, scale, table};
use crate::pages::scope;
use crate::pages::stylesheet::Stylesheet;

/// A ring whose parts are shares of a whole, with the values next to it.
///
/// Use it for at most six parts. A value that is not greater than zero is not drawn.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::{Donut, Tone};
///
/// let donut = Donut::new("Tasks by status")
///     .slice("Completed", Tone::Success, 120.0)
///     .slice("Failed", Tone::Danger, 4.0);
/// assert!(donut.render().into_string().contains("96.8%"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Donut {
    title: String,
    slices: Vec<(String, Tone, f64)>,
    unit: Unit,
    empty: String,
}

/// Gap between two parts, as a percentage of the ring.
const GAP: f64 = 0.8;

impl Donut {
    /// Creates a ring without parts. The title names it for screen readers.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            slices: Vec::new(),
            unit: Unit::Count,
            empty: "No data in this range".to_owned(),
        }
    }

    /// Adds a part.
    pub fn slice(mut self, name: impl Into<String>, tone: Tone, value: f64) -> Self {
        let value = scale::drawable(Some(value)).unwrap_or(0.0);
        self.slices.push((name.into(), tone, value));
        self
    }

    /// Sets the unit of the values, which determines their format. Default: [`Unit::Count`].
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Sets the text shown when there is nothing to draw. Default: "No data in this range".
    pub fn empty_text(mut self, text: impl Into<String>) -> Self {
        self.empty = text.into();
        self
    }

    /// Returns `true` if no part is greater than zero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.whole() <= 0.0
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    fn whole(&self) -> f64 {
        self.slices.iter().map(|(_, _, value)| value.max(0.0)).sum()
    }

    fn share(&self, value: f64) -> f64 {
        value.max(0.0) / self.whole().max(f64::MIN_POSITIVE) * 100.0
    }

    fn ring(&self) -> Markup {
        // The position at which each slice starts.
        let begins = self.slices.iter().scan(0.0, |done, (_, _, value)| {
            let begin = *done;
            *done += self.share(*value);
            Some(begin)
        });
        let is_whole = self
            .slices
            .iter()
            .filter(|(_, _, value)| *value > 0.0)
            .count()
            == 1;
        html! {
            svg class="pt-draw" viewBox="0 0 160 160" role="img" {
                title { (self.title) }
                desc { (self.summary()) }
                defs { @for (at, (_, tone, _)) in self.slices.iter().enumerate() { (Paint::new(&self.title, at, Some(*tone)).definition()) } }
                @for (at, ((_, tone, value), begin)) in self.slices.iter().zip(begins).enumerate() {
                    @let share = self.share(*value);
                    @if share > 0.0 {
                        @let paint = Paint::new(&self.title, at, Some(*tone));
                        @let dash = if is_whole { 100.0 } else { (share - GAP).max(0.4) };
                        circle cx="80" cy="80" r="64" pathLength="100" transform="rotate(-90 80 80)"
                            data-series=(paint.number()) data-tone=[paint.tone()] stroke=[paint.fill()]
                            stroke-dasharray={ (Decimal(dash)) " 100" } stroke-dashoffset=(Decimal(-begin)) {}
                    }
                }
                text x="80" y="80" dominant-baseline="central" text-anchor="middle" { (self.unit.short(self.whole())) }
            }
        }
    }

    fn summary(&self) -> String {
        let parts = self
            .slices
            .iter()
            .map(|(name, _, value)| format!("{name}: {}", Unit::Percent.full(self.share(*value))));
        parts.collect::<Vec<_>>().join(", ")
    }

    fn legend(&self) -> Markup {
        html! {
            ul class="pt-chart-legend" {
                @for (at, (name, tone, value)) in self.slices.iter().enumerate() {
                    @let paint = Paint::new(&self.title, at, Some(*tone));
                    li {
                        (paint.swatch())
                        (name)
                        b { (Unit::Percent.full(self.share(*value))) }
                    }
                }
            }
        }
    }
}

impl Render for Donut {
    fn render(&self) -> Markup {
        if self.is_empty() {
            return nothing(&self.empty);
        }
        let head = html! { th scope="col" { "Name" } th scope="col" { "Value" } th scope="col" { "Share" } };
        let rows = html! {
            @for (name, _, value) in &self.slices {
                tr {
                    th scope="row" { (name) }
                    td { (self.unit.full(*value)) }
                    td { (Unit::Percent.full(self.share(*value))) }
                }
            }
        };
        scope::require_stylesheet(Stylesheet::Chart);
        html! {
            figure class="pt-chart" data-kind="donut" {
                div class="pt-ring" { (self.ring()) (self.legend()) }
                (table::details(&self.title, head, rows))
            }
        }
    }
}
