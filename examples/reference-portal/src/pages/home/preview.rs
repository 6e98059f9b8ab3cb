//! Preview of the overview page: the real components in a window frame, with sample data.

use portal_core::pages::components::{
    Chart, ChartCard, StatCard, Tone, avatar, badge, icon, logo, progress,
};
use portal_core::prelude::*;

const SIGN_UPS: [f64; 14] = [
    4.0, 6.0, 5.0, 9.0, 8.0, 7.0, 12.0, 14.0, 11.0, 16.0, 15.0, 19.0, 18.0, 24.0,
];
const TASKS: [(&str, &str, &str, Tone, u8); 3] = [
    (
        "Import the catalog",
        "Row 8,214 of 12,000",
        "Running",
        Tone::Info,
        68,
    ),
    (
        "Send the newsletter",
        "1,204 e-mails sent",
        "Completed",
        Tone::Success,
        100,
    ),
    (
        "Renew certificates",
        "Waiting in the queue",
        "Pending",
        Tone::Neutral,
        0,
    ),
];

/// Renders the preview. Its content is inert, so screen readers read only a single sentence.
pub(super) fn picture(app_name: &str) -> Markup {
    html! {
        figure class="pt-picture" {
            div class="pt-window" role="img" aria-label="Preview of the overview: statistics with trends, a chart of sign-ups and a list of tasks" {
                div class="pt-window-bar" { i {} i {} i {} span { "portal.example/admin/overview" } }
                div class="pt-window-body" inert {
                    div class="pt-window-side" {
                        div class="pt-brand" { (logo()) span { (app_name) } }
                        @for (glyph, name) in [("layout-dashboard", "Overview"), ("list-checks", "Tasks"), ("users", "Users"), ("settings", "Settings")] {
                            span data-here[name == "Overview"] { (icon(glyph)) (name) }
                        }
                    }
                    div class="pt-window-main" {
                        div class="pt-window-stats" {
                            (StatCard::new("Users", "1,204").rise("12%", "vs previous 7 days", Tone::Success).trend(&SIGN_UPS))
                            (StatCard::new("Tasks run", "18.4k").rise("4%", "vs previous 7 days", Tone::Neutral).trend(&[5.0, 6.0, 6.0, 8.0, 7.0, 9.0, 9.0]))
                            (StatCard::new("Failure rate", "0.3%").fall("0.2 points", "vs previous 7 days", Tone::Success).trend(&[5.0, 4.0, 4.0, 3.0, 3.0, 1.0, 1.0]))
                        }
                        (ChartCard::new(Chart::area("Sign-ups").labels((10..24).map(|day| format!("{day} Nov")))
                            .series("Users", SIGN_UPS)).value("168"))
                        div class="pt-card pt-window-tasks" {
                            @for (title, message, status, tone, percent) in TASKS {
                                div {
                                    (avatar(title, title))
                                    div { b { (title) } span class="pt-muted" { (message) } }
                                    (badge(status, tone))
                                    (progress(percent, title, tone))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
