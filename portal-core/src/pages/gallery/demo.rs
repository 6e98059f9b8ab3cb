//! Server side of the examples: options for a combobox, and a working list.

use axum::Json;
use axum::extract::RawQuery;
use maud::Markup;
use url::form_urlencoded;

use super::PATH;
use crate::auth::{Access, Routes};
use crate::pages::Href;
use crate::pages::components::{
    BulkBar, Button, Column, EmptyState, FieldOption, Pagination, Row, SortOrder, Table, Tone,
    Toolbar, ViewMenu, badge, list_card, person,
};
use crate::pages::theme::Density;

const FIRST: [&str; 8] = [
    "Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Tony",
];
const LAST: [&str; 6] = [
    "Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth",
];
const ROLES: [(&str, &str, Tone); 3] = [
    ("admin", "Admin", Tone::Accent),
    ("editor", "Editor", Tone::Info),
    ("user", "User", Tone::Neutral),
];
const COLUMNS: [(&str, &str); 3] = [("name", "Name"), ("role", "Role"), ("orders", "Orders")];
const PER_PAGE: usize = 6;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get(format!("{PATH}/options"), Access::Public, options)
        .form()
}

struct Person {
    id: usize,
    name: String,
    role: usize,
    orders: usize,
}

fn people() -> Vec<Person> {
    let ids = 0..FIRST.len() * LAST.len();
    let person = |id: usize| {
        let first = FIRST.get(id % FIRST.len()).copied().unwrap_or_default();
        let last = LAST.get(id / FIRST.len()).copied().unwrap_or_default();
        Person {
            id,
            name: format!("{first} {last}"),
            role: id * 7 % 3,
            orders: id * 37 % 101,
        }
    };
    ids.map(person).collect()
}

fn value_of(query: &str, wanted: &str) -> String {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let found = pairs.find(|(name, _)| name == wanted);
    found
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Returns the people whose name contains the text of `q`.
async fn options(RawQuery(query): RawQuery) -> Json<Vec<FieldOption>> {
    let words = value_of(query.as_deref().unwrap_or_default(), "q").to_lowercase();
    let found = people()
        .into_iter()
        .filter(|person| person.name.to_lowercase().contains(&words));
    let option = |person: Person| {
        let (_, role, _) = ROLES.get(person.role).copied().unwrap_or_default();
        FieldOption::new(person.id.to_string(), person.name).hint(role)
    };
    Json(found.take(20).map(option).collect())
}

/// Returns the current URL with some parameters changed.
fn address(query: &str, changes: &[(&str, &str)]) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    for name in ["q", "role", "sort", "page"] {
        let changed = changes.iter().find(|(changed, _)| *changed == name);
        let value = changed.map_or_else(|| value_of(query, name), |(_, value)| (*value).to_owned());
        if !value.is_empty() {
            out.append_pair(name, &value);
        }
    }
    for column in columns_of(query) {
        out.append_pair("columns", &column);
    }
    format!("{PATH}?{}#table", out.finish())
}

fn columns_of(query: &str) -> Vec<String> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let chosen = pairs.filter(|(name, _)| name == "columns");
    chosen.map(|(_, value)| value.into_owned()).collect()
}

/// Renders a working list with search, filter, sorting, pages, columns and selection.
pub(super) fn list(query: &str) -> Markup {
    let (words, role, sort) = (
        value_of(query, "q"),
        value_of(query, "role"),
        value_of(query, "sort"),
    );
    let mut people = people();
    people.retain(|person| {
        let is_role = ROLES
            .get(person.role)
            .is_some_and(|(name, ..)| *name == role);
        person.name.to_lowercase().contains(&words.to_lowercase()) && (role.is_empty() || is_role)
    });
    match sort.trim_start_matches('-') {
        "orders" => people.sort_by_key(|person| person.orders),
        "name" => people.sort_by(|one, other| one.name.cmp(&other.name)),
        _ => {}
    }
    if sort.starts_with('-') {
        people.reverse();
    }
    let page = value_of(query, "page").parse::<usize>().unwrap_or(1).max(1);
    let total = people.len();
    let page = page.min(total.div_ceil(PER_PAGE).max(1));
    let chosen = columns_of(query);
    let is_shown = |name: &str| chosen.is_empty() || chosen.iter().any(|it| it == name);
    let column = |name: &str, label: &str| {
        let order = match sort.strip_prefix('-') {
            Some(sorted) if sorted == name => Some(SortOrder::Descending),
            None if sort == name => Some(SortOrder::Ascending),
            _ => None,
        };
        let next = if order == Some(SortOrder::Ascending) {
            format!("-{name}")
        } else {
            name.to_owned()
        };
        let href = address(query, &[("sort", &next), ("page", "")]);
        Column::new(label).sort(href, order).hidden(!is_shown(name))
    };
    let row = |it: &Person| {
        let (_, role, tone) = ROLES.get(it.role).copied().unwrap_or_default();
        let id = it.id.to_string();
        let cells = vec![
            person(&id, &it.name, None),
            badge(role, tone),
            maud::html! { (it.orders) },
        ];
        Row::new(id, cells).label(it.name.as_str())
    };
    let plain = address("", &[]);
    let table = Table::new("Directory")
        .selectable("id", "demo-bulk")
        .column(column("name", "Name"))
        .column(Column::new("Role").hidden(!is_shown("role")))
        .column(column("orders", "Orders").numeric())
        .rows(
            people
                .iter()
                .skip((page - 1) * PER_PAGE)
                .take(PER_PAGE)
                .map(row),
        )
        .empty(EmptyState::no_match(plain.as_str()));
    let mut roles = vec![FieldOption::new("", "All roles")];
    roles.extend(
        ROLES
            .iter()
            .map(|(name, label, _)| FieldOption::new(*name, *label)),
    );
    let mut keep = vec![("sort", sort.as_str())];
    keep.extend(chosen.iter().map(|name| ("columns", name.as_str())));
    let columns: Vec<_> = COLUMNS
        .iter()
        .map(|(name, label)| (*name, *label, is_shown(name)))
        .collect();
    let view_keep = [
        ("q", words.as_str()),
        ("role", role.as_str()),
        ("sort", sort.as_str()),
    ];
    let back = maud::html! { input type="hidden" name="return_to" value=(Href::from(PATH)); };
    let mut bar = Toolbar::new(PATH)
        .preserve_query(&keep)
        .search("q", "Search people", words.as_str())
        .filter("role", "Role", roles, role.as_str())
        .end(
            ViewMenu::new("demo-view")
                .columns(PATH, &view_keep, &columns)
                .density(Density::Default, "/theme", back),
        );
    if let Some((_, label, _)) = ROLES.iter().find(|(name, ..)| *name == role) {
        bar = bar.chip(
            format!("Role: {label}"),
            address(query, &[("role", ""), ("page", "")]),
        );
    }
    if !words.is_empty() || !role.is_empty() {
        bar = bar.clear(plain);
    }
    let bulk = BulkBar::new("demo-bulk", format!("{PATH}#table"), maud::html! {}).action(
        Button::new("Export")
            .size(1)
            .icon("download")
            .attribute("data-toast", "This example exports nothing"),
    );
    let pages = Pagination::new(page as u64, PER_PAGE as u64, total as u64, |number| {
        address(query, &[("page", &number.to_string())])
    });
    list_card("demo-list", maud::html! { (bar) (table) (bulk) (pages) })
}
