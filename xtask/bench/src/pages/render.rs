//! Time to render a table of fifty rows, and the layout around a page.

use std::hint::black_box;
use std::time::Instant;

use maud::{Markup, Render as _, html};
use portal_core::pages::components::{Column, Row, SortOrder, Table, Tone, badge};
use portal_core::pages::layout::Layout as _;
use portal_core::pages::{DefaultLayout, NavLink, PageContext, Theme};

use crate::summary::Summary;

const ROWS: usize = 50;
const ROUNDS: usize = 400;
const TABLES: u32 = 50;

struct Person {
    id: String,
    name: String,
    email: String,
    active: bool,
    logins: u32,
}

/// Prints the time it takes to render a table, to build and render one, and to render a page's
/// layout.
pub(super) fn run() {
    let people = people();
    let table = table(&people);
    let text = table.render().into_string();
    println!(
        "a table of {ROWS} rows, {} bytes; goal: rendered in at most 25 µs",
        text.len()
    );
    let rendered = measure(|| table.render());
    let made = measure(|| self::table(&people).render());
    let nav = nav();
    let theme = Theme::default();
    let mut page = PageContext::new("Portal", "A page", "/page", &theme);
    page.nav = &nav;
    let layout = DefaultLayout::new();
    let content = html! { p { "The content" } };
    let framed = measure(|| layout.render(&page, content.clone()).into_markup());
    for (what, spread) in [
        ("rendered", rendered),
        ("built and rendered", made),
        ("layout of a page", framed),
    ] {
        if let Some(spread) = spread {
            println!("  {what:<22} {spread:.1} µs (min / median / max)");
        }
    }
}

fn measure(mut work: impl FnMut() -> Markup) -> Option<Summary> {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..TABLES {
            black_box(work());
        }
        rounds.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(TABLES));
    }
    Summary::of(rounds)
}

fn nav() -> Vec<NavLink> {
    let links = [
        ("Home", "house"),
        ("Overview", "layout-dashboard"),
        ("About", "info"),
        ("App settings", "palette"),
        ("A page", "book-open"),
    ];
    let link = |(label, icon): (&str, &str)| NavLink {
        label: label.to_owned(),
        href: format!("/{icon}").into(),
        icon: icon.to_owned(),
        ..NavLink::default()
    };
    links.map(link).to_vec()
}

fn people() -> Vec<Person> {
    let numbers = 1..=ROWS;
    let person = |number: usize| Person {
        id: number.to_string(),
        name: format!("Person Number {number}"),
        email: format!("person{number}@example.com"),
        active: !number.is_multiple_of(7),
        logins: 13 * u32::try_from(number).unwrap_or_default(),
    };
    numbers.map(person).collect()
}

fn table(people: &[Person]) -> Table {
    let table = Table::new("People")
        .column(Column::new("Name").sort("?sort=-name", Some(SortOrder::Ascending)))
        .column(Column::new("E-mail").sort("?sort=email", None))
        .column(Column::new("State"))
        .column(Column::new("Logins").numeric());
    people.iter().fold(table, |table, person| {
        let (word, tone) = if person.active {
            ("Active", Tone::Success)
        } else {
            ("Inactive", Tone::Neutral)
        };
        let cells = vec![
            html! { (person.name) },
            html! { (person.email) },
            badge(word, tone),
            html! { (person.logins) },
        ];
        let row = Row::new(&person.id, cells).href(format!("/people?edit={}", person.id));
        table.row(row)
    })
}
