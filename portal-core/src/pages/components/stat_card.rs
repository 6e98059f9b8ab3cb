use std::fmt::Write as _;

use maud::{Markup, Render, html};

use super::{Tone, icon};

/// A key figure with its change and recent trend.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::{StatCard, Tone};
///
/// let card = StatCard::new("Active users", "1,204")
///     .rise("12%", "vs last week", Tone::Success)
///     .trend(&[3.0, 4.0, 4.5, 7.0]);
/// assert!(card.render().into_string().contains("1,204"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct StatCard {
    label: String,
    value: String,
    icon: Option<String>,
    change: Option<(&'static str, String, String, Tone)>,
    note: Option<String>,
    trend: Vec<f64>,
}

impl StatCard {
    /// Creates a card; the figure is formatted text.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            value: value.into(),
            icon: None,
            change: None,
            note: None,
            trend: Vec::new(),
        }
    }

    /// Sets an icon before the label.
    pub fn icon(mut self, name: impl Into<String>) -> Self {
        self.icon = Some(name.into());
        self
    }

    /// Shows a rise by `amount`; the tone shows whether that is good.
    pub fn rise(
        mut self,
        amount: impl Into<String>,
        comparison: impl Into<String>,
        tone: Tone,
    ) -> Self {
        self.change = Some(("arrow-up", amount.into(), comparison.into(), tone));
        self
    }

    /// Shows a fall by `amount`; the tone shows whether that is good.
    pub fn fall(
        mut self,
        amount: impl Into<String>,
        comparison: impl Into<String>,
        tone: Tone,
    ) -> Self {
        self.change = Some(("arrow-down", amount.into(), comparison.into(), tone));
        self
    }

    /// Sets a note below the figure, shown if no change is set.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Sets the recent values, oldest first.
    pub fn trend(mut self, values: &[f64]) -> Self {
        self.trend = values.to_vec();
        self
    }
}

impl Render for StatCard {
    fn render(&self) -> Markup {
        html! {
            dl class="pt-card pt-stat" {
                dt {
                    @if let Some(name) = &self.icon { (icon(name)) }
                    (self.label)
                }
                dd { (self.value) }
                (sparkline(&self.trend))
                @if let Some((arrow, amount, than, tone)) = &self.change {
                    dd class="pt-delta" data-tone=[tone.attribute_value()] {
                        (icon(arrow))
                        b { (if *arrow == "arrow-up" { "Up " } else { "Down " }) (amount) }
                        span { (than) }
                    }
                } @else if let Some(note) = &self.note {
                    dd class="pt-delta" { (note) }
                }
            }
        }
    }
}

/// Renders a small line of values, oldest first; empty for fewer than two.
///
/// It is decoration next to a number and has no text alternative.
#[must_use]
pub fn sparkline(values: &[f64]) -> Markup {
    const WIDTH: f64 = 88.0;
    const HEIGHT: f64 = 32.0;
    if values.len() < 2 {
        return html! {};
    }
    let (low, high) = values
        .iter()
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
    let span = if high > low { high - low } else { 1.0 };
    let mut points = String::new();
    for (at, value) in values.iter().enumerate() {
        let value = if value.is_finite() { *value } else { low };
        let x = WIDTH * at as f64 / (values.len() - 1) as f64;
        let y = 2.0 + (HEIGHT - 4.0) * (1.0 - (value - low) / span);
        // Writing to a string cannot fail.
        let _ = write!(points, "{x:.1},{y:.1} ");
    }
    let points = points.trim_end();
    html! {
        svg class="pt-spark" viewBox="0 0 88 32" preserveAspectRatio="none" aria-hidden="true" {
            polygon points={ "0,32 " (points) " 88,32" } {}
            polyline points=(points) {}
        }
    }
}
