//! Charts that the server renders as SVG, with their values in a table below.
//!
//! Charts need no script. Shapes are positioned in percent and stretch with the page; text is not
//! stretched. The classes of the shapes select colors from the theme, and dashes and hatching
//! repeat the meaning of the colors.

mod card;
mod comparison;
mod donut;
mod labels;
mod legend;
mod numbers;
mod plot;
mod scale;
mod table;
#[cfg(test)]
mod tests;
mod unit;

use chrono::{DateTime, Utc};
use maud::{Markup, Render, html};

pub use self::card::{ChartCard, ChartContent, time_range_links};
pub use self::comparison::with_comparison;
pub use self::donut::Donut;
pub use self::unit::Unit;

use self::labels::Labels;
use self::legend::Paint;
use super::{Tone, icon};
use crate::pages::scope;
use crate::pages::stylesheet::Stylesheet;
use crate::store::{Buckets, Step};

/// Shape in which the values of a chart are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChartKind {
    Line,
    Area,
    Bar,
}

impl ChartKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Area => "area",
            Self::Bar => "bar",
        }
    }
}

/// A series of values, one per label of a chart.
#[derive(Debug, Clone)]
struct Series {
    name: String,
    /// Meaning of the color; `None` if the color depends on the position.
    tone: Option<Tone>,
    values: Vec<Option<f64>>,
}

/// Values over time or by category: lines, areas or stacked bars.
///
/// A line has a gap where a value is missing (`None` or NaN). Infinite and very large values are
/// drawn as `1e30`.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::{Chart, Tone};
/// use portal_core::store::TimeRange;
///
/// let days = TimeRange::Week.buckets();
/// let chart = Chart::bar("Tasks by day")
///     .buckets(&days)
///     .series_with_tone("Completed", Tone::Success, [3.0, 5.0, 8.0, 2.0, 0.0, 1.0, 4.0])
///     .series_with_tone("Failed", Tone::Danger, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0]);
/// assert!(chart.render().into_string().contains("<title>Tasks by day</title>"));
///
/// let chart = Chart::area("Visits").labels(["Mon", "Tue"]).series("Visits", [Some(12.0), None]);
/// assert!(!chart.is_empty());
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Chart {
    kind: ChartKind,
    title: String,
    labels: Labels,
    series: Vec<Series>,
    unit: Unit,
    empty: String,
}

impl Chart {
    fn new(kind: ChartKind, title: impl Into<String>) -> Self {
        Self {
            kind,
            title: title.into(),
            labels: Labels::Words(Vec::new()),
            series: Vec::new(),
            unit: Unit::Count,
            empty: "No data in this range".to_owned(),
        }
    }

    /// Creates a line chart with differently dashed lines; the title names it for screen readers.
    pub fn line(title: impl Into<String>) -> Self {
        Self::new(ChartKind::Line, title)
    }

    /// Creates a line chart with tinted areas.
    pub fn area(title: impl Into<String>) -> Self {
        Self::new(ChartKind::Area, title)
    }

    /// Creates a bar chart in which the series are stacked.
    pub fn bar(title: impl Into<String>) -> Self {
        Self::new(ChartKind::Bar, title)
    }

    /// Sets the labels below the points.
    pub fn labels<T: Into<String>>(mut self, labels: impl IntoIterator<Item = T>) -> Self {
        self.labels = Labels::Words(labels.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the times of the points and the step between them.
    pub fn times(mut self, times: impl IntoIterator<Item = DateTime<Utc>>, step: Step) -> Self {
        self.labels = Labels::Times(times.into_iter().collect(), step);
        self
    }

    /// Uses the buckets of a time range as the points.
    pub fn buckets(self, buckets: &Buckets) -> Self {
        self.times(buckets.times(), buckets.range().step())
    }

    /// Adds a series with one value for each label; its color depends on its position.
    ///
    /// Values omitted at the end count as missing.
    pub fn series<T: Into<Option<f64>>>(
        self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.add(name.into(), None, values)
    }

    /// Adds a series in the color of a tone; [`Tone::Neutral`] is gray.
    pub fn series_with_tone<T: Into<Option<f64>>>(
        self,
        name: impl Into<String>,
        tone: Tone,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.add(name.into(), Some(tone), values)
    }

    /// Adds a series of counts in the color of a tone.
    pub fn counts(self, name: impl Into<String>, tone: Tone, counts: &[u64]) -> Self {
        self.series_with_tone(name, tone, counts.iter().map(|count| *count as f64))
    }

    fn add<T: Into<Option<f64>>>(
        mut self,
        name: String,
        tone: Option<Tone>,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let values = values.into_iter();
        let values = values.map(|value| scale::drawable(value.into())).collect();
        self.series.push(Series { name, tone, values });
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

    /// Returns `true` if there is nothing to draw: no value at all or, for counts, only zeros.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let mut values = self.points().filter_map(|(_, _, value)| value);
        if self.unit == Unit::Count {
            values.all(|value| value == 0.0)
        } else {
            values.next().is_none()
        }
    }

    /// Returns the series index, label index and value of each point.
    fn points(&self) -> impl Iterator<Item = (usize, usize, Option<f64>)> + '_ {
        let series = self.series.iter().enumerate();
        series.flat_map(|(at, series)| {
            (0..self.labels.len()).map(move |label| (at, label, series.value(label)))
        })
    }

    /// Returns the paint of a series.
    fn paint(&self, at: usize) -> Paint {
        let tone = self.series.get(at).and_then(|series| series.tone);
        Paint::new(&self.title, at, tone)
    }

    /// Returns `true` if each point has its own band, as in bar charts.
    ///
    /// Otherwise, the first and the last point lie on the edges.
    fn has_bands(&self) -> bool {
        self.kind == ChartKind::Bar
    }

    /// Returns a point's position, as a percentage of the width.
    fn x(&self, index: usize) -> f64 {
        let count = self.labels.len();
        if self.has_bands() || count < 2 {
            (index as f64 + 0.5) / count.max(1) as f64 * 100.0
        } else {
            index as f64 / (count - 1) as f64 * 100.0
        }
    }
}

impl Series {
    fn value(&self, at: usize) -> Option<f64> {
        self.values.get(at).copied().flatten()
    }
}

impl Render for Chart {
    fn render(&self) -> Markup {
        if self.is_empty() {
            return nothing(&self.empty);
        }
        scope::require_stylesheet(Stylesheet::Chart);
        html! {
            figure class="pt-chart" data-kind=(self.kind.as_str()) {
                (plot::draw(self))
                (legend::of_chart(self))
                (table::of_chart(self))
            }
        }
    }
}

/// Renders a placeholder as high as a chart, so that nothing moves once data is available.
fn nothing(text: &str) -> Markup {
    scope::require_stylesheet(Stylesheet::Chart);
    html! { div class="pt-chart pt-chart-none" { (icon("activity")) p { (text) } } }
}
