use maud::html;

use super::demo;
use super::example::{Example, Section, example};
use crate::pages::components::{
    BulkBar, Button, Column, EmptyState, KeysetPagination, Pagination, Row, SortOrder, StatCard,
    Table, TimeFormat, Tone, Toolbar, ViewMenu, actor_name, avatar, badge, detail_list, list_card,
    person, sized_avatar, sparkline, time,
};

fn people() -> Table {
    Table::new("People")
        .column(Column::new("Name").sort("#table", Some(SortOrder::Ascending)))
        .column(Column::new("Status"))
        .column(Column::new("Orders").numeric().sort("#table", None))
}

pub(super) fn sections(query: &str) -> Vec<Section> {
    let whole = "list_card(\"people\", html! {\n    (Toolbar::new(\"/people\").search(\"q\", \"Search people\", words)\n        .filter(\"role\", \"Role\", roles, role).chip(\"Role: Admin\", without).clear(\"/people\")\n        .end(ViewMenu::new(\"view\").columns(\"/people\", &keep, &columns).density(density, \"/theme\", hidden)))\n    (table) (BulkBar::new(\"bulk\", \"/people/bulk\", html! {}).action(Button::new(\"Export\"))) (pages)\n})";
    vec![
        Section::new(
            "table",
            "Data table",
            "Many records of one type, compared by columns. Search, filters, order and page are in the URL, so a list can be shared; with scripts only the list is swapped. Below 640 px rows become labeled cards.",
            vec![
                Example::new("A working list: try it, select rows, and use the back button", whole, demo::list(query)).wide().with_code(whole),
                example!(
                    "Rows with links and actions, one highlighted",
                    people()
                        .row(Row::new("1", vec![person("u1", "Ada Lovelace", Some("ada@example.com")), badge("Active", Tone::Success), html! { "12" }])
                            .href("#table").actions(Button::icon_only("ellipsis", "Actions for Ada").size(1)))
                        .row(Row::new("2", vec![person("u2", "Grace Hopper", Some("grace@example.com")), badge("Invited", Tone::Warning), html! { "4" }])
                            .href("#table").selected(true))
                )
                .wide(),
                example!("Loading: as high as the expected rows", people().loading(3)).wide(),
                example!(
                    "Empty",
                    people().empty(EmptyState::new("users", "No people yet").text("People appear here when they sign in.").action(Button::new("Invite someone")))
                )
                .wide(),
                example!("No matches", people().empty(EmptyState::no_match("#table"))).wide(),
                example!("Failed", people().failed("The database did not respond in time.", "#table")).wide(),
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
            "Page numbers where rows can be counted; previous and next with an estimate where there are too many.",
            vec![
                example!("Numbered", Pagination::new(4, 20, 187, |page| format!("#page-{page}")).sizes("#pagination", &[10, 20, 50], &[])).wide(),
                example!("Keyset", KeysetPagination::new(Some("#newer".into()), Some("#older".into())).estimated_total(12_480)).wide(),
                example!("Keyset, first page", KeysetPagination::new(None, Some("#older".into()))).wide(),
            ],
        ),
        Section::new(
            "stat",
            "Stat card",
            "A key figure, its change and its recent trend.",
            vec![example!(
                "Up, down, and with a note",
                html! {
                    div class="pt-grid" {
                        (StatCard::new("Active users", "1,204").icon("users").rise("12%", "vs last week", Tone::Success).trend(&[3., 4., 4.5, 4., 7.]))
                        (StatCard::new("Failed tasks", "3").icon("circle-x").fall("40%", "vs last week", Tone::Success).trend(&[9., 7., 8., 5., 3.]))
                        (StatCard::new("Sign-ups", "0").icon("user-plus").note("None this week"))
                    }
                }
            )],
        ),
        Section::new(
            "sparkline",
            "Sparkline",
            "The trend of a number, next to it; decoration without a text alternative.",
            vec![example!("Values, oldest first", sparkline(&[2., 5., 3., 8., 6., 9.]))],
        ),
        Section::new(
            "badge",
            "Badge",
            "A status: always a word, with a color that repeats its meaning.",
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
            "Decoration next to a name. The color is derived from the ID, so it stays when the name changes.",
            vec![
                example!("Sizes", html! { (sized_avatar("u1", "Ada Lovelace", None, 1)) (avatar("u2", "Grace Hopper")) (sized_avatar("u3", "Alan Turing", None, 3)) }),
                example!("With a name and a second line", person("u4", "Edsger Dijkstra", Some("edsger@example.com"))),
                example!(
                    "Actors: a person, a program, an applied setting",
                    html! { (actor_name("ada@example.com", true)) " · " (actor_name("nightly import", false)) " · " (actor_name("ADMIN_USER_EMAILS", false)) }
                ),
            ],
        ),
        Section::new(
            "time",
            "Time",
            "A time in the user's time zone and language where scripts run, and in UTC where they do not.",
            vec![example!("Date, date with time, and relative time", html! {
                (time("2026-11-22T08:30:00Z", TimeFormat::Date)) " · " (time("2026-11-22T08:30:00Z", TimeFormat::DateTime)) " · " (time("2026-11-22T08:30:00Z", TimeFormat::Ago))
            })],
        ),
        Section::new(
            "details",
            "Detail list",
            "Names and values of one record.",
            vec![example!("Three lines", detail_list(&[("Version", html! { "0.1.0" }), ("Database", html! { "PostgreSQL" }), ("Started", html! { "Today" })]))],
        ),
        Section::new(
            "parts-of-lists",
            "Parts of a list",
            "The same parts separately, for custom lists.",
            vec![
                example!("Toolbar with chips", Toolbar::new("#table").search("g-q", "Search orders", "blue").chip("Status: open", "#table").chip("Since: Monday", "#table").clear("#table")).wide(),
                example!("Card that is swapped separately", list_card("g-list", html! { (Toolbar::new("#table").search("g-q2", "Search", "")) (Table::new("Nothing")) })).wide(),
                example!("View menu", ViewMenu::new("g-view").columns("#table", &[], &[("a", "Name", true), ("b", "Role", false)])),
                example!("Bulk bar: visible in a card while rows are selected", html! {
                    section class="pt-card" data-flush {
                        (Table::new("Files").selectable("file", "g-bulk").column(Column::new("Name")).row(Row::new("a", vec![html! { "report.pdf" }]).label("report.pdf")))
                        (BulkBar::new("g-bulk", "#table", html! {}).action(Button::new("Delete…").size(1).icon("trash-2")))
                    }
                }).wide(),
            ],
        ),
    ]
}
