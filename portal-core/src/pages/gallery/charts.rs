//! Charts and their cards.

use super::example::{Section, example};
use crate::pages::components::{
    Chart, ChartCard, ChartContent, Donut, StatCard, Tone, Unit, time_range_links, with_comparison,
};
use crate::store::TimeRange;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MANY: [f64; 7] = [12.0, 18.0, 9.0, 22.0, 31.0, 14.0, 26.0];
const FEW: [f64; 7] = [1.0, 0.0, 3.0, 2.0, 0.0, 1.0, 4.0];

fn donut() -> ChartContent {
    Donut::new("Tasks by status")
        .slice("Completed", Tone::Success, 62.0)
        .slice("Failed", Tone::Danger, 5.0)
        .slice("Waiting", Tone::Neutral, 11.0)
        .into()
}

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section::new(
            "charts",
            "Chart",
            "Values over time or by category. The table below shows the same values.",
            vec![
                example!(
                    "Area",
                    ChartCard::new(Chart::area("Visits").labels(DAYS).series("Visits", MANY))
                        .value("132")
                ),
                example!(
                    "Lines, in seconds",
                    ChartCard::new(
                        Chart::line("Response times")
                            .labels(DAYS)
                            .unit(Unit::Seconds)
                            .series("Median", FEW)
                            .series("95th percentile", MANY)
                    )
                ),
                example!(
                    "Stacked bars",
                    ChartCard::new(
                        Chart::bar("Tasks by day")
                            .labels(DAYS)
                            .series_with_tone("Completed", Tone::Success, MANY)
                            .series_with_tone("Failed", Tone::Danger, FEW)
                    )
                ),
                example!("Parts of a whole", ChartCard::new(donut())),
                example!(
                    "No data in the range",
                    ChartCard::new(
                        Chart::area("Orders")
                            .labels(DAYS)
                            .series("Orders", [0.0; 7])
                            .empty_text("No orders in this range")
                    )
                ),
                example!("Loading", ChartCard::loading("Revenue")),
            ],
        ),
        Section::new(
            "ranges",
            "Time range",
            "Links to the same page with another time range, and a figure compared with the previous period.",
            vec![
                example!(
                    "Ranges",
                    time_range_links("Time range", "", TimeRange::Week)
                ),
                example!(
                    "Comparison",
                    with_comparison(
                        StatCard::new("Sign-ups", "28"),
                        28.0,
                        25.0,
                        TimeRange::Week,
                        Tone::Success
                    )
                ),
            ],
        ),
    ]
}
