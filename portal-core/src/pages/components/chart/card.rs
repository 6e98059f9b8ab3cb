//! Card around a chart, with title, time range and total.

use maud::{Markup, Render, html};

use super::{Chart, Donut};
use crate::pages::components::card::Card;
use crate::pages::stylesheet::Stylesheet;
use crate::pages::{Href, scope};
use crate::store::TimeRange;

/// Content of a [`ChartCard`].
#[derive(Debug, Clone)]
pub struct ChartContent {
    title: String,
    markup: Markup,
}

impl From<Chart> for ChartContent {
    fn from(chart: Chart) -> Self {
        Self {
            markup: chart.render(),
            title: chart.title,
        }
    }
}

impl From<Donut> for ChartContent {
    fn from(donut: Donut) -> Self {
        Self {
            title: donut.title().to_owned(),
            markup: donut.render(),
        }
    }
}

/// A card around a chart; its height is the same while the chart is loading and if it is empty.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::{Chart, ChartCard};
/// use portal_core::store::TimeRange;
///
/// let range = TimeRange::Month;
/// let chart = Chart::area("Sign-ups").buckets(&range.buckets()).empty_text("No sign-ups");
/// let card = ChartCard::new(chart).value("0").ranges("/figures", range);
/// let html = card.render().into_string();
/// assert!(html.contains("No sign-ups") && html.contains("/figures?range=7d"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ChartCard {
    drawing: ChartContent,
    description: Option<String>,
    value: Option<String>,
    ranges: Option<(String, TimeRange)>,
}

impl ChartCard {
    /// Creates a card that has the title of its chart.
    pub fn new(chart: impl Into<ChartContent>) -> Self {
        Self {
            drawing: chart.into(),
            description: None,
            value: None,
            ranges: None,
        }
    }

    /// Creates a card whose chart is still loading.
    pub fn loading(title: impl Into<String>) -> Self {
        scope::require_stylesheet(Stylesheet::Chart);
        Self::new(ChartContent {
            title: title.into(),
            markup: html! { div class="pt-chart pt-chart-wait" aria-busy="true" { span class="pt-sr-only" { "Loading" } } },
        })
    }

    /// Sets a line below the title.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the total, as formatted text.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Adds links to other time ranges; `?range=` is appended to the path.
    pub fn ranges(mut self, path: impl Into<String>, current: TimeRange) -> Self {
        self.ranges = Some((path.into(), current));
        self
    }
}

impl Render for ChartCard {
    fn render(&self) -> Markup {
        let mut card = Card::new()
            .title(&self.drawing.title)
            .body(&self.drawing.markup);
        if let Some(description) = &self.description {
            card = card.description(description);
        }
        let label = || format!("Time range of {}", self.drawing.title);
        if self.value.is_some() || self.ranges.is_some() {
            card = card.actions(html! {
                @if let Some(value) = &self.value { strong class="pt-chart-value" { (value) } }
                @if let Some((path, current)) = &self.ranges { (time_range_links(&label(), path, *current)) }
            });
        }
        card.render()
    }
}

/// Renders links that switch between time ranges, without a script.
///
/// The query parameter `range` is added to the path.
#[must_use]
pub fn time_range_links<'h>(label: &str, path: impl Into<Href<'h>>, current: TimeRange) -> Markup {
    let path = path.into();
    html! {
        nav class="pt-seg pt-ranges" aria-label=(label) {
            @for range in TimeRange::ALL {
                a href=(path.clone().query("range", range.as_str())) aria-current=[(range == current).then_some("true")] {
                    span aria-hidden="true" { (range.as_str()) }
                    span class="pt-sr-only" { (range.label()) }
                }
            }
        }
    }
}
