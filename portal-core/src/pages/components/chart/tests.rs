use super::*;
use crate::pages::asset_url;
use crate::pages::scope::{RenderScope, with_requirements};
use crate::store::TimeRange;

fn drawn(chart: &Chart) -> String {
    chart.render().into_string()
}

#[test]
fn area_chart_has_lines_labels_and_a_table() {
    let html = drawn(
        &Chart::area("Sign-ups")
            .labels(["a", "b", "c"])
            .series("Users", [0.0, 8.0, 4.0]),
    );
    assert!(html.contains("d=\"M0 100L50 0L100 50\""), "{html}");
    assert!(html.contains("L100 50L100 100L0 100Z\""), "{html}");
    assert!(html.contains("<title>Sign-ups</title>"));
    assert!(html.contains("Users: from 0 to 8, highest at b."));
    assert!(html.contains("<summary>View as table</summary>"));
    assert!(html.contains("<th scope=\"row\">b</th><td>8</td>"));
}

#[test]
fn bars_are_stacked_on_both_sides_of_zero() {
    let html = drawn(
        &Chart::bar("x")
            .labels(["a", "b"])
            .series("one", [4.0, -2.0])
            .series("two", [4.0, -2.0]),
    );
    // The axis runs from -5 to 10 in steps of 5.
    assert!(html.contains("y=\"40%\" height=\"26.67%\""), "{html}");
    assert!(html.contains("y=\"13.33%\" height=\"26.67%\""), "{html}");
    assert!(html.contains("y=\"66.67%\" height=\"13.33%\""), "{html}");
    assert!(html.contains("y=\"80%\" height=\"13.33%\""), "{html}");
    assert!(
        html.contains("fill=\"url(#hatch-x-1)\"") && html.contains("<pattern id=\"hatch-x-1\"")
    );
}

#[test]
fn missing_value_is_a_gap_and_single_point_is_a_dot() {
    let values = [Some(1.0), Some(2.0), None, Some(f64::NAN), Some(2.0), None];
    let html = drawn(&Chart::line("x").labels(["a"; 6]).series("y", values));
    assert!(html.contains("d=\"M0 50L20 0M80 0\""), "{html}");
    assert_eq!(html.matches("<circle").count(), 1);
    assert!(html.contains("<td>–</td>"));
    let one = drawn(&Chart::line("x").labels(["a"]).series("y", [3.0]));
    assert!(one.contains("cx=\"50%\""), "{one}");
}

#[test]
fn empty_chart_shows_its_empty_text() {
    let empty = Chart::area("x").empty_text("None <yet>");
    assert!(drawn(&empty).contains("None &lt;yet&gt;"));
    let zeros = Chart::bar("x")
        .labels(["a"])
        .counts("y", Tone::Neutral, &[0]);
    assert!(zeros.is_empty());
    let quick = Chart::line("x")
        .unit(Unit::Seconds)
        .labels(["a"])
        .series("y", [0.0]);
    assert!(!quick.is_empty(), "a duration of zero is a value");
    assert!(
        Chart::line("x")
            .labels(["a"])
            .series("y", [f64::NAN])
            .is_empty()
    );
    assert!(
        Chart::line("x").series("y", [1.0]).is_empty(),
        "no label, no point"
    );
    assert!(Donut::new("x").slice("a", Tone::Neutral, -1.0).is_empty());
}

/// Returns the numbers in the attributes that place shapes.
fn geometry(html: &str) -> Vec<f64> {
    let mut found = Vec::new();
    for name in [
        " x=",
        " y=",
        " d=",
        " cx=",
        " cy=",
        " width=",
        " height=",
        " y1=",
        " stroke-dasharray=",
    ] {
        for (at, _) in html.match_indices(name) {
            let value = html[at + name.len() + 1..].split('"').next().unwrap();
            let numbers = value.split(['M', 'L', 'Z', ' ', '%', 'h']);
            found.extend(numbers.filter(|text| !text.is_empty()).map(|text| {
                text.parse::<f64>()
                    .unwrap_or_else(|_| panic!("{name}{value}"))
            }));
        }
    }
    found
}

#[test]
fn extreme_values_stay_inside_the_plot() {
    let extreme = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        u64::MAX as f64,
        -0.0,
        0.0,
        1e-300,
    ];
    for unit in [Unit::Count, Unit::Number, Unit::Percent, Unit::Seconds] {
        for start in [Chart::line, Chart::area, Chart::bar] {
            for values in [&extreme[..], &extreme[3..4], &extreme[6..7], &extreme[9..]] {
                let chart = start("x").unit(unit).labels(vec!["a"; values.len()]);
                let html = drawn(
                    &chart
                        .series("y", values.to_vec())
                        .series("z", values.to_vec()),
                );
                let numbers = geometry(&html);
                assert!(
                    numbers.iter().all(|number| (-1.0..=100.0).contains(number)),
                    "{html}"
                );
                assert!(!html.contains("NaN") && !html.contains("inf\""), "{html}");
            }
        }
    }
    let html = Donut::new("x")
        .slice("a", Tone::Neutral, f64::INFINITY)
        .slice("b", Tone::Neutral, f64::NAN)
        .slice("c", Tone::Neutral, 1.0)
        .render()
        .into_string();
    assert!(geometry(&html).iter().all(|number| number.is_finite()));
}

#[test]
fn text_in_charts_is_escaped() {
    let evil = r#""><script>alert(1)</script><p style="x" onclick='y'>"#;
    let days = TimeRange::Week.buckets();
    let chart = Chart::bar(evil)
        .labels([evil, evil])
        .series(evil, [1.0, 2.0])
        .series(evil, [1.0]);
    let donut = Donut::new(evil)
        .slice(evil, Tone::Danger, 1.0)
        .slice(evil, Tone::Danger, 2.0);
    let html = html! {
        (chart) (donut)
        (Chart::area(evil).buckets(&days).series(evil, [1.0]).empty_text(evil))
        (ChartCard::new(chart.clone()).description(evil).value(evil).ranges(evil, TimeRange::Day))
        (ChartCard::loading(evil)) (ChartCard::new(Donut::new(evil).empty_text(evil)))
    }
    .into_string();
    assert!(
        !html.contains("<script") && !html.contains("<p style"),
        "{html}"
    );
    for part in html.split("url(#").skip(1) {
        let id = part.split(')').next().unwrap();
        assert!(
            id.chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '-'),
            "{id}"
        );
    }
}

#[test]
fn parts_of_a_ring_follow_each_other() {
    let donut = Donut::new("x")
        .slice("a", Tone::Success, 3.0)
        .slice("b", Tone::Danger, 1.0);
    let html = donut.render().into_string();
    assert!(
        html.contains("stroke-dasharray=\"74.2 100\" stroke-dashoffset=\"0\""),
        "{html}"
    );
    assert!(
        html.contains("stroke-dasharray=\"24.2 100\" stroke-dashoffset=\"-75\""),
        "{html}"
    );
    let whole = Donut::new("x")
        .slice("a", Tone::Success, 3.0)
        .render()
        .into_string();
    assert!(whole.contains("stroke-dasharray=\"100 100\""));
}

#[test]
fn time_range_links_keep_the_query() {
    let links = |path| time_range_links("Range", path, TimeRange::Week).into_string();
    assert!(links("/a").contains("href=\"/a?range=24h\""));
    assert!(links("/a?q=1").contains("href=\"/a?q=1&amp;range=24h\""));
    assert!(links("/a").contains("href=\"/a?range=7d\" aria-current=\"true\""));
}

#[test]
fn every_chart_requires_the_chart_styles() {
    let chart = Chart::line("x").labels(["a"]).series("y", [1.0]);
    let ring = Donut::new("x").slice("a", Tone::Info, 1.0);
    let renders: [&dyn Fn() -> Markup; 4] = [
        &|| chart.render(),
        &|| Chart::line("nothing to show").render(),
        &|| ring.render(),
        &|| ChartCard::loading("x").render(),
    ];
    for render in renders {
        let (_, required) = RenderScope::default().enter_sync(|| with_requirements(render));
        assert_eq!(required.stylesheet_urls(""), [asset_url("chart.css")]);
    }
}
