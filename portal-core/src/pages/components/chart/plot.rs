//! Plots of charts: lines, areas and bars.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::numbers::{Decimal, Percent};
use super::scale::Scale;
use super::{Chart, ChartKind};

/// Fraction of its band that a bar fills.
const BAR: f64 = 0.72;
/// Maximum width of a bar, as a percentage of the whole width.
const WIDEST: f64 = 8.0;

/// Returns an axis that covers all values in a chart.
fn scale(chart: &Chart) -> Scale {
    if chart.kind != ChartKind::Bar {
        return Scale::over(chart.points().filter_map(|(_, _, value)| value), chart.unit);
    }
    let stacks = (0..chart.labels.len()).flat_map(|label| {
        let values = chart
            .series
            .iter()
            .filter_map(move |series| series.value(label));
        let (below, above) = values.fold((0.0, 0.0), |(below, above), value| {
            (below + f64::min(value, 0.0), above + f64::max(value, 0.0))
        });
        [below, above]
    });
    Scale::over(stacks, chart.unit)
}

/// Renders the plot with its axes.
pub(super) fn draw(chart: &Chart) -> Markup {
    let scale = scale(chart);
    html! {
        div class="pt-plot" {
            div class="pt-y" aria-hidden="true" {
                @for tick in scale.ticks().rev() { span { (chart.unit.short(tick)) } }
            }
            svg class="pt-draw" role="img" {
                title { (chart.title) }
                desc { (summary(chart)) }
                g class="pt-lines" {
                    @for tick in scale.ticks() {
                        @let y = scale.y(tick);
                        line x2="100%" y1=(Percent(y)) y2=(Percent(y)) data-zero[tick == 0.0] {}
                    }
                }
                @match chart.kind {
                    ChartKind::Bar => (bars(chart, &scale)),
                    ChartKind::Line | ChartKind::Area => (lines(chart, &scale)),
                }
            }
            // The script fills this element with values from the table.
            pt-chart-tip hx-morph-skip="" data-label=(chart.title) data-bands[chart.has_bands()] {}
            svg class="pt-x" aria-hidden="true" {
                @for label in chart.labels.shown() {
                    @let x = chart.x(label.index);
                    text x=(Percent(x)) y="70%" data-minor[label.is_minor] text-anchor=[anchor(x)] { (label.text) }
                }
            }
        }
    }
}

/// Returns the text anchor that keeps a label at the edge inside the chart.
fn anchor(x: f64) -> Option<&'static str> {
    match x {
        _ if x < 3.0 => Some("start"),
        _ if x > 97.0 => Some("end"),
        _ => None,
    }
}

/// Returns the description of the chart for screen readers.
fn summary(chart: &Chart) -> String {
    let mut text = String::new();
    for series in &chart.series {
        let known = (0..chart.labels.len()).filter_map(|at| Some((at, series.value(at)?)));
        let least = known.clone().map(|(_, value)| value).reduce(f64::min);
        let greatest = known
            .clone()
            .reduce(|one, other| if other.1 > one.1 { other } else { one });
        if let (Some(least), Some((at, greatest))) = (least, greatest) {
            let unit = chart.unit;
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{}: from {} to {}, highest at {}. ",
                series.name,
                unit.full(least),
                unit.full(greatest),
                chart.labels.full(at),
            );
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn bars(chart: &Chart, scale: &Scale) -> Markup {
    let count = chart.labels.len();
    let width = (100.0 / count.max(1) as f64 * BAR).min(WIDEST);
    // The height stacked so far at each label, below and above zero.
    let mut piles = vec![(0.0, 0.0); count];
    html! {
        defs { @for at in 0..chart.series.len() { (chart.paint(at).definition()) } }
        @for (at, series) in chart.series.iter().enumerate() {
            @let paint = chart.paint(at);
            g class="pt-bars" data-series=(paint.number()) data-tone=[paint.tone()] fill=[paint.fill()] {
                @for (label, pile) in piles.iter_mut().enumerate() {
                    @if let Some(value) = series.value(label).filter(|value| *value != 0.0) {
                        @let side = if value < 0.0 { &mut pile.0 } else { &mut pile.1 };
                        @let from = scale.y(*side);
                        @let to = scale.y(add(side, value));
                        rect x=(Percent(chart.x(label) - width / 2.0)) width=(Percent(width))
                            y=(Percent(from.min(to))) height=(Percent((from - to).abs())) {}
                    }
                }
            }
        }
    }
}

fn add(pile: &mut f64, value: f64) -> f64 {
    *pile += value;
    *pile
}

fn lines(chart: &Chart, scale: &Scale) -> Markup {
    html! {
        // Paths do not support percentages, so they have separate coordinates.
        svg viewBox="0 0 100 100" preserveAspectRatio="none" {
            @for (at, series) in chart.series.iter().enumerate() {
                @let paint = chart.paint(at);
                @let runs = runs(chart, series);
                g data-series=(paint.number()) data-tone=[paint.tone()] {
                    @if chart.kind == ChartKind::Area {
                        path class="pt-area" d=(area(chart, scale, &runs)) {}
                    }
                    path class="pt-line" d=(line(chart, scale, &runs)) {}
                }
            }
        }
        @for (at, series) in chart.series.iter().enumerate() {
            @let paint = chart.paint(at);
            g class="pt-dots" data-series=(paint.number()) data-tone=[paint.tone()] {
                // A line through a single point would be invisible.
                @for run in runs(chart, series).iter().filter(|run| run.len() == 1) {
                    @for (label, value) in run {
                        circle cx=(Percent(chart.x(*label))) cy=(Percent(scale.y(*value))) r="3" {}
                    }
                }
            }
        }
    }
}

/// Splits the points of a series at its gaps.
fn runs(chart: &Chart, series: &super::Series) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut is_open = false;
    for label in 0..chart.labels.len() {
        match (series.value(label), runs.last_mut()) {
            (Some(value), Some(run)) if is_open => run.push((label, value)),
            (Some(value), _) => {
                runs.push(vec![(label, value)]);
                is_open = true;
            }
            (None, _) => is_open = false,
        }
    }
    runs
}

fn line(chart: &Chart, scale: &Scale, runs: &[Vec<(usize, f64)>]) -> String {
    let mut path = String::new();
    for run in runs {
        for (at, (label, value)) in run.iter().enumerate() {
            let letter = if at == 0 { 'M' } else { 'L' };
            let (x, y) = (Decimal(chart.x(*label)), Decimal(scale.y(*value)));
            // Writing to a string cannot fail.
            let _ = write!(path, "{letter}{x} {y}");
        }
    }
    path
}

/// Returns the path of the lines, closed along the zero line.
fn area(chart: &Chart, scale: &Scale, runs: &[Vec<(usize, f64)>]) -> String {
    let mut path = String::new();
    let ground = Decimal(scale.y(0.0));
    for run in runs {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        path.push_str(&line(chart, scale, std::slice::from_ref(run)));
        // Writing to a string cannot fail.
        let _ = write!(
            path,
            "L{} {ground}L{} {ground}Z",
            Decimal(chart.x(last.0)),
            Decimal(chart.x(first.0))
        );
    }
    path
}
