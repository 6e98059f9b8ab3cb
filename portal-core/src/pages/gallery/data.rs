use maud::html;

use super::demo;
use super::example::{Example, Section, example};
use crate::pages::components::{
    BulkBar, Button, Column, EmptyState, KeysetPages, Pagination, Row, SortOrder, StatCard, Table,
    TimeFormat, Tone, Toolbar, ViewMenu, actor_name, avatar, badge, detail_list, list_card, person,
    sized_avatar, sparkline, time,
};

fn people() -> Table {
    Table::new("People")
        .column(Column::new("Name").sort("#table", Some(SortOrder::Ascending)))
        .column(Column::new("Status"))
        .column(Column::new("Orders").numeric().sort("#table", None))
}

pub(super) fn sections(base: &str, query: &str) -> Vec<Section> {
    let whole = "list_card(\"people\", html! {\n    (Toolbar::new(\"/people\").search(\"q\", \"Search people\", words)\n        .filter(\"role\", \"Role\", roles, role).chip(\"Role: Admin\", without).clear(\"/people\")\n        .end(ViewMenu::new(\"view\").columns(\"/people\", &keep, &columns).density(density, \"/theme\", hidden)))\n    (table) (BulkBar::new(\"bulk\", \"/people/bulk\", html! {}).action(Button::new(\"Export\"))) (pages)\n})";
    vec![
        Section::new(
            "table",
            "Data table",
            "Many things of one kind, compared by columns. Search, filters, order and pages are addresses, so a list can be sent to someone; with scripts the list alone is swapped. Below 640 px rows become labelled cards.",
            vec![
                Example::new("A list that works: try it, select rows, and use the back button", whole, demo::list(base, query)).wide().with_code(whole),
                example!(
                    "Rows with links and actions, one marked",
                    people()
                        .row(Row::new("1", vec![person("u1", "Ada Lovelace", Some("ada@example.com")), badge("Active", Tone::Success), html! { "12" }])
                            .href("#table").actions(Button::icon_only("ellipsis", "Actions for Ada").size(1)))
                        .row(Row::new("2", vec![person("u2", "Grace Hopper", Some("grace@example.com")), badge("Invited", Tone::Warning), html! { "4" }])
                            .href("#table").selected(true))
                )
                .wide(),
                example!("Loading: as high as what comes", people().loading(3)).wide(),
                example!(
                    "Empty",
                    people().empty(EmptyState::new("users", "No people yet").text("They appear here when they sign in.").action(Button::new("Invite someone")))
                )
                .wide(),
                example!("Nothing matches", people().empty(EmptyState::no_match("#table"))).wide(),
                example!("Failed", people().failed("The database did not answer in time.", "#table")).wide(),
                example!(
                    "Compact",
                    people().compact().rows(["Ada", "Grace", "Alan"].map(|name| Row::new(name, vec![html! { (name) }, badge("Active", Tone::Success), html! { "7" }])))
                )
                .wide(),
            ],
        ),
        Section::new(
            "pagination",
            "Pagination",
            "Numbers where rows can be counted; back and on with an estimate where there are too many.",
            vec![
                example!("Numbered", Pagination::new(4, 20, 187, |page| format!("#page-{page}")).sizes("#pagination", &[10, 20, 50], &[])).wide(),
                example!("By key", KeysetPages::new(Some("#newer".into()), Some("#older".into())).about(12_480)).wide(),
                example!("The first page by key", KeysetPages::new(None, Some("#older".into()))).wide(),
            ],
        ),
        Section::new(
            "stat",
            "Stat card",
            "One number that matters, how it changed, and its recent course.",
            vec![example!(
                "Up, down, and with a note",
                html! {
                    div class="pt-grid" {
                        (StatCard::new("Active users", "1,204").icon("users").rise("12%", "than last week", Tone::Success).trend(&[3., 4., 4.5, 4., 7.]))
                        (StatCard::new("Failed tasks", "3").icon("circle-x").fall("40%", "than last week", Tone::Success).trend(&[9., 7., 8., 5., 3.]))
                        (StatCard::new("Sign-ups", "0").icon("user-plus").note("None this week"))
                    }
                }
            )],
        ),
        Section::new(
            "sparkline",
            "Sparkline",
            "The course of a number beside it; decoration, without text of its own.",
            vec![example!("Values, oldest first", sparkline(&[2., 5., 3., 8., 6., 9.]))],
        ),
        Section::new(
            "badge",
            "Badge",
            "A status: always a word, with a colour that repeats it.",
            vec![example!(
                "Tones",
                html! {
                    (badge("Draft", Tone::Neutral)) (badge("Admin", Tone::Accent)) (badge("Running", Tone::Info))
                    (badge("Completed", Tone::Success)) (badge("Waiting", Tone::Warning)) (badge("Failed", Tone::Danger))
                }
            )],
        ),
        Section::new(
            "avatar",
            "Avatar",
            "Decoration beside a name. The colour follows from the id, so it stays when the name changes.",
            vec![
                example!("Sizes", html! { (sized_avatar("u1", "Ada Lovelace", None, 1)) (avatar("u2", "Grace Hopper")) (sized_avatar("u3", "Alan Turing", None, 3)) }),
                example!("With a name and a second line", person("u4", "Edsger Dijkstra", Some("edsger@example.com"))),
                example!(
                    "Who has done something: a person, a program, a setting that was followed",
                    html! { (actor_name("ada@example.com", true)) " · " (actor_name("nightly import", false)) " · " (actor_name("ADMIN_USER_EMAILS", false)) }
                ),
            ],
        ),
        Section::new(
            "time",
            "Time",
            "A moment, in the reader's own zone and language where scripts run, and in UTC where they do not.",
            vec![example!("Date, moment, and how long ago", html! {
                (time("2026-11-22T08:30:00Z", TimeFormat::Date)) " · " (time("2026-11-22T08:30:00Z", TimeFormat::DateTime)) " · " (time("2026-11-22T08:30:00Z", TimeFormat::Ago))
            })],
        ),
        Section::new(
            "details",
            "Detail list",
            "Names and values of one thing.",
            vec![example!("Three lines", detail_list(&[("Version", html! { "0.1.0" }), ("Database", html! { "PostgreSQL" }), ("Started", html! { "Today" })]))],
        ),
        Section::new(
            "parts-of-lists",
            "Parts of a list",
            "The same parts alone, for lists of your own.",
            vec![
                example!("Toolbar with chips", Toolbar::new("#table").search("g-q", "Search orders", "blue").chip("Status: open", "#table").chip("Since: Monday", "#table").clear("#table")).wide(),
                example!("Card that is swapped alone", list_card("g-list", html! { (Toolbar::new("#table").search("g-q2", "Search", "")) (Table::new("Nothing")) })).wide(),
                example!("View menu", ViewMenu::new("g-view").columns("#table", &[], &[("a", "Name", true), ("b", "Role", false)])),
                example!("Bulk bar: shows in a card while rows are selected", html! {
                    section class="pt-card" data-flush {
                        (Table::new("Files").selectable("file", "g-bulk").column(Column::new("Name")).row(Row::new("a", vec![html! { "report.pdf" }]).label("report.pdf")))
                        (BulkBar::new("g-bulk", "#table", html! {}).action(Button::new("Delete…").size(1).icon("trash-2")))
                    }
                }).wide(),
            ],
        ),
    ]
}
