//! Values of a chart as a table, for screen readers and the tooltip script.

use maud::{Markup, html};

use super::Chart;

pub(super) fn of_chart(chart: &Chart) -> Markup {
    let head = html! {
        th scope="col" { (chart.labels.heading()) }
        @for (at, series) in chart.series.iter().enumerate() {
            @let paint = chart.paint(at);
            th scope="col" data-series=(paint.number()) data-tone=[paint.tone()] { (series.name) }
        }
    };
    let rows = html! {
        @for label in 0..chart.labels.len() {
            tr {
                th scope="row" { (chart.labels.full(label)) }
                @for series in &chart.series {
                    td { (series.value(label).map_or_else(|| "–".to_owned(), |value| chart.unit.full(value))) }
                }
            }
        }
    };
    details(&chart.title, head, rows)
}

/// Renders a collapsed table under the label "View as table".
pub(super) fn details(title: &str, head: Markup, rows: Markup) -> Markup {
    html! {
        details class="pt-figures" {
            summary { "View as table" }
            div tabindex="0" role="region" aria-label={ (title) ", table" } {
                table {
                    thead { tr { (head) } }
                    tbody { (rows) }
                }
            }
        }
    }
}
