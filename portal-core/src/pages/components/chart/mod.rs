//! Charts, drawn by the server as SVG: no script is needed to see one, and its figures stand
//! below it as a table.
//!
//! Shapes are placed in percent and stretched with the page; text is never stretched. Colours come
//! from the theme by class, and dashes and hatching say the same as the colours.

mod card;
mod change;
mod donut;
mod labels;
mod legend;
mod marks;
mod plot;
mod scale;
mod table;
#[cfg(test)]
mod tests;
mod unit;

use chrono::{DateTime, Utc};
use maud::{Markup, Render, html};

pub use self::card::{ChartCard, Drawing, range_links};
pub use self::change::compared;
pub use self::donut::Donut;
pub use self::unit::Unit;

use self::labels::Labels;
use self::legend::Paint;
use super::{Tone, icon};
use crate::pages::asset_file;
use crate::store::{Buckets, Step};

/// How the values of a chart are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Line,
    Area,
    Bar,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Area => "area",
            Self::Bar => "bar",
        }
    }
}

/// Values of one kind along the labels of a chart.
#[derive(Debug, Clone)]
struct Series {
    name: String,
    /// What its colour says; nothing for the colour of its place.
    tone: Option<Tone>,
    values: Vec<Option<f64>>,
}

/// Values over time, or beside each other: lines, areas or stacked bars.
///
/// Where a value is missing (`None`, or no number) a line has a gap. Infinite and very great
/// values are drawn as `1e30`.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::{Chart, Tone};
/// use portal_core::store::TimeRange;
///
/// let days = TimeRange::Week.buckets();
/// let chart = Chart::bar("Tasks by day")
///     .over(&days)
///     .toned_series("Completed", Tone::Success, [3.0, 5.0, 8.0, 2.0, 0.0, 1.0, 4.0])
///     .toned_series("Failed", Tone::Danger, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0]);
/// assert!(chart.render().into_string().contains("<title>Tasks by day</title>"));
///
/// let chart = Chart::area("Visits").labels(["Mon", "Tue"]).series("Visits", [Some(12.0), None]);
/// assert!(!chart.is_empty());
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Chart {
    kind: Kind,
    title: String,
    labels: Labels,
    series: Vec<Series>,
    unit: Unit,
    empty: String,
}

impl Chart {
    fn new(kind: Kind, title: impl Into<String>) -> Self {
        Self {
            kind,
            title: title.into(),
            labels: Labels::Words(Vec::new()),
            series: Vec::new(),
            unit: Unit::Count,
            empty: "No data in this range".to_owned(),
        }
    }

    /// Lines, each dashed in its own way. The title is what a screen reader calls the chart.
    pub fn line(title: impl Into<String>) -> Self {
        Self::new(Kind::Line, title)
    }

    /// Lines with their areas tinted.
    pub fn area(title: impl Into<String>) -> Self {
        Self::new(Kind::Area, title)
    }

    /// Bars, in which the series stand on top of each other.
    pub fn bar(title: impl Into<String>) -> Self {
        Self::new(Kind::Bar, title)
    }

    /// What stands below the points.
    pub fn labels<T: Into<String>>(mut self, labels: impl IntoIterator<Item = T>) -> Self {
        self.labels = Labels::Words(labels.into_iter().map(Into::into).collect());
        self
    }

    /// The points are moments, so far apart.
    pub fn times(mut self, times: impl IntoIterator<Item = DateTime<Utc>>, step: Step) -> Self {
        self.labels = Labels::Times(times.into_iter().collect(), step);
        self
    }

    /// The points are the buckets of a range of time.
    pub fn over(self, buckets: &Buckets) -> Self {
        self.times(buckets.times(), buckets.range().step())
    }

    /// Adds values, one for each label, in the colour of their place; what is missing at the end
    /// counts as missing.
    pub fn series<T: Into<Option<f64>>>(
        self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.add(name.into(), None, values)
    }

    /// Adds values whose colour says something: neutral is gray.
    pub fn toned_series<T: Into<Option<f64>>>(
        self,
        name: impl Into<String>,
        tone: Tone,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.add(name.into(), Some(tone), values)
    }

    /// Adds counts whose colour says something.
    pub fn counts(self, name: impl Into<String>, tone: Tone, counts: &[u64]) -> Self {
        self.toned_series(name, tone, counts.iter().map(|count| *count as f64))
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

    /// What the values are, and so how they are written.
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// What stands in its place when there is nothing to draw.
    pub fn empty_text(mut self, text: impl Into<String>) -> Self {
        self.empty = text.into();
        self
    }

    /// Whether there is nothing to draw: no value at all or, where things are counted, none but zero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let mut values = self.points().filter_map(|(_, _, value)| value);
        if self.unit == Unit::Count {
            values.all(|value| value == 0.0)
        } else {
            values.next().is_none()
        }
    }

    /// Series, label and value of each point.
    fn points(&self) -> impl Iterator<Item = (usize, usize, Option<f64>)> + '_ {
        let series = self.series.iter().enumerate();
        series.flat_map(|(at, series)| {
            (0..self.labels.len()).map(move |label| (at, label, series.value(label)))
        })
    }

    /// How a series is painted.
    fn paint(&self, at: usize) -> Paint {
        let tone = self.series.get(at).and_then(|series| series.tone);
        Paint::new(&self.title, at, tone)
    }

    /// Whether the points have room of their own, as bars do, instead of lying on the edges.
    fn has_bands(&self) -> bool {
        self.kind == Kind::Bar
    }

    /// Where a point is, in percent of the width.
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
        html! {
            figure class="pt-chart" data-requires=(asset_file("chart.css")) data-kind=(self.kind.as_str()) {
                (plot::draw(self))
                (legend::of_chart(self))
                (table::of_chart(self))
            }
        }
    }
}

/// As high as a chart, so that nothing moves when there is something to draw.
fn nothing(text: &str) -> Markup {
    html! { div class="pt-chart pt-chart-none" data-requires=(asset_file("chart.css")) { (icon("activity")) p { (text) } } }
}
