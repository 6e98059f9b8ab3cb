//! List of a model's rows.

use maud::{Markup, Render, html};
use serde_json::Value;

use super::actions;
use super::cursor::Position;
use super::deletion::DeletionEffects;
use super::export_format::ExportFormat;
use super::field::FieldSpec;
use super::field_type::shorten;
use super::filter;
use super::list_url::ListUrl;
use super::model_view::{ModelView, VisibleRow};
use super::query::{CURSOR, ListQuery, Sort, sort_text, sortable};
use super::references::ReferenceLabels;
use super::row_service::{Place, VisiblePage};
use super::selection::{self, MAX_MATCHING, RowSelection};
use super::spec::RowValues;
use super::total::RowTotal;
use super::users;
use super::views::ViewBar;
use crate::pages::components::thousands::grouped;
use crate::pages::components::{
    Button, Column, Drawer, EmptyState, KeysetPagination, Menu, Pagination, Row, SortOrder, Table,
    Tone, Toolbar, ViewMenu, badge, list_card, person,
};

/// Parameter with the shown columns.
pub(super) const COLUMNS: &str = "columns";

const BULK_FORM: &str = "bulk";

/// Number of sort columns up to which the headers add another one.
const MAX_SORT: usize = 4;

/// Content of a list.
pub(super) struct ListContent<'a> {
    pub(super) query: &'a ListQuery,
    pub(super) page: &'a VisiblePage,
    pub(super) labels: &'a ReferenceLabels,
    pub(super) views: &'a ViewBar,
    /// Form of a filter, if it is open.
    pub(super) filter: Option<&'a Markup>,
}

/// Renders search, table and pagination of a model. `here` is the URL of the list as shown.
pub(super) fn list(
    model: &ModelView<'_>,
    content: &ListContent<'_>,
    here: &ListUrl,
    selected: Option<&str>,
) -> Markup {
    let ListContent {
        query,
        page,
        labels,
        views,
        filter,
    } = content;
    let may_delete = model.permissions.delete;
    let may_select = (may_delete || actions::may_select(model)) && !page.rows.is_empty();
    let may_select_all = may_delete || actions::may_select_all(model);
    let selectable = if may_select_all {
        selectable_total(page)
    } else {
        0
    };
    let delete = may_delete.then(|| here.below("actions/delete/confirm"));
    let here = &here.without(filter::ADDING).without(filter::EDITING);
    list_card(
        "rows",
        html! {
            (views.render(here))
            (actions::form(model))
            (toolbar(model, labels, here, filter.is_none()))
            @if let Some(filter) = filter { (filter) }
            (table(model, query, page, labels, here, selected, may_select))
            @if may_select {
                (actions::bulk_bar(model, BULK_FORM, delete, here)
                    .all_matching(selectable, page.rows.len() as u64))
            }
            (pagination(query, page, here))
        },
    )
}

/// Returns the number of rows that can be selected at once; 0 if there are too many.
fn selectable_total(page: &VisiblePage) -> u64 {
    match page.total {
        RowTotal::Exact(total) if total <= MAX_MATCHING => total,
        _ => 0,
    }
}

/// Renders page numbers if the rows were counted, otherwise links to the neighboring pages.
pub(super) fn pagination(query: &ListQuery, page: &VisiblePage, here: &ListUrl) -> Markup {
    let keep = here.first_page().without("per_page");
    let keep = keep.without("edit").without("new");
    let (keep, sizes) = (keep.pairs(), &[10, 20, 50]);
    match &page.place {
        Place::Number(number) => {
            Pagination::new(*number, query.per_page, page.total.number(), |number| {
                here.with("page", number.to_string()).to_string()
            })
            .sizes(here.path(), sizes, &keep)
            .render()
        }
        Place::Between { previous, next } => {
            let at = |cursor: &String| here.first_page().with(CURSOR, cursor.as_str()).to_string();
            let mut pages = KeysetPagination::new(previous.as_ref().map(at), next.as_ref().map(at));
            pages = match page.total {
                RowTotal::Exact(total) => pages.total(total),
                RowTotal::Estimate(total) => pages.estimated_total(total),
                RowTotal::MoreThan(total) => pages.minimum_total(total),
            };
            if previous.is_some() {
                pages = pages.first(here.first_page().to_string());
            }
            if next.is_some() {
                pages = pages.last(at(&Position::LAST.to_owned()));
            }
            pages
                .sizes(here.path(), query.per_page, sizes, &keep)
                .render()
        }
    }
}

/// Builds the toolbar with the search field, the active filters and the column selection.
fn toolbar(
    model: &ModelView<'_>,
    labels: &ReferenceLabels,
    here: &ListUrl,
    may_add: bool,
) -> Toolbar {
    let first = here.first_page();
    let mut bar = Toolbar::new(here.path()).preserve_query(&first.without("search").pairs());
    if model.searched().next().is_some() {
        let label = format!("Search {}", model.plural.to_lowercase());
        bar = bar.search("search", label, here.get("search"));
    }
    let chips = filter::chips(model, labels, here);
    if !chips.is_empty() {
        bar = bar.clear(everything(here).to_string());
    }
    for chip in chips {
        let remove = chip.remove(&first);
        bar = match chip.edit(here) {
            Some(edit) => bar.editable_chip(chip.words, edit, remove),
            None => bar.chip(chip.words, remove),
        };
    }
    let add = html! {
        @if may_add { (filter::add_button(model, here)) }
        @if model.permissions.export { (export_menu(model, here)) }
        @if let Some(menu) = actions::list_menu(model, &first) { (menu) }
    };
    let fields = model.listed();
    if fields.len() < 2 {
        return bar.end(add);
    }
    let columns: Vec<_> = fields
        .iter()
        .map(|field| (field.name, field.title, is_shown(field, here)))
        .collect();
    let keep = first.without(COLUMNS);
    let view = ViewMenu::new("rows-view").columns(here.path(), &keep.pairs(), &columns);
    bar.end(html! { (add) (view) })
}

/// Renders the menu that exports the rows and the columns of the list.
fn export_menu(model: &ModelView<'_>, here: &ListUrl) -> Menu {
    let list = ListUrl::new(format!("/api/admin/models/{}/export", model.name));
    let list = list.read(&here.state());
    let menu = Menu::new("rows-export", "Export").icon("download");
    ExportFormat::ALL.into_iter().fold(menu, |menu, format| {
        let href = list.with("format", format.name()).to_string();
        menu.link("download", &format!("Export as {}", format.title()), href)
    })
}

/// Returns `true` if the user chose to see the column; without a choice, all columns are shown.
fn is_shown(field: &FieldSpec, here: &ListUrl) -> bool {
    let chosen = here.get(COLUMNS);
    chosen.is_empty() || chosen.split(',').any(|name| name == field.name)
}

/// Returns the URL of the list without search and filters, with the chosen columns.
fn everything(here: &ListUrl) -> ListUrl {
    ListUrl::new(here.path()).with(COLUMNS, here.get(COLUMNS))
}

fn table(
    model: &ModelView<'_>,
    query: &ListQuery,
    page: &VisiblePage,
    labels: &ReferenceLabels,
    here: &ListUrl,
    selected: Option<&str>,
    may_select: bool,
) -> Table {
    let mut table = Table::new(model.plural).empty(empty(model, query, here));
    if may_select {
        table = table.selectable("id", BULK_FORM);
    }
    let fields = model.listed();
    for field in &fields {
        table = table.column(column(model, field, query, here));
    }
    let first = fields.iter().position(|field| is_shown(field, here));
    table.rows(page.rows.iter().enumerate().map(|(index, record)| {
        let key = model.key_of(&record.values);
        let href = here.with("edit", key.as_str()).to_string();
        let cells = cells(model, &fields, first, labels, &record.values);
        let is_selected = selected == Some(key.as_str());
        let label = model.label_of(&record.values);
        let menu_id = format!("row-actions-{index}");
        let menu = actions::row_menu(model, &menu_id, (&key, &label), here);
        let row = Row::new(key, cells)
            .label(label)
            .href(href)
            .selected(is_selected);
        match menu {
            Some(menu) => row.actions(menu),
            None => row,
        }
    }))
}

fn empty(model: &ModelView<'_>, query: &ListQuery, here: &ListUrl) -> EmptyState {
    if !query.search.is_empty() || !query.filters.is_empty() {
        return EmptyState::no_match(everything(here).to_string());
    }
    let empty = EmptyState::new("inbox", format!("No {} yet", model.plural.to_lowercase()));
    if model.permissions.create {
        let button = Button::new(format!("New {}", model.title.to_lowercase())).icon("plus");
        return empty.action(button.href(here.with("new", "1").to_string()));
    }
    empty
}

fn column(model: &ModelView<'_>, field: &FieldSpec, query: &ListQuery, here: &ListUrl) -> Column {
    let mut column = Column::new(field.title).hidden(!is_shown(field, here));
    if field.kind.is_numeric() && field.references.is_none() {
        column = column.numeric();
    }
    if sortable(model, field.name).is_none() {
        return column;
    }
    let position = query.sort.iter().position(|sort| sort.field == field.name);
    let order = position.map(|position| match query.sort[position].descending {
        true => SortOrder::Descending,
        false => SortOrder::Ascending,
    });
    let next = match (order, position) {
        (Some(SortOrder::Ascending), Some(0)) => format!("-{}", field.name),
        _ => field.name.to_owned(),
    };
    let at = |sort: String| here.with("sort", sort).first_page().to_string();
    column = column.sort(at(next), order);
    if query.sort.len() > 1
        && let Some(position) = position
    {
        column = column.sort_rank(position + 1);
    }
    match also_sorted(query, field) {
        Some((sort, label)) => column.also_sort(at(sort), label),
        None => column,
    }
}

/// Returns the order that also sorts by a field, reverses its direction or removes it, and the label
/// of the link; `None` if the rows are sorted by nothing else.
fn also_sorted(query: &ListQuery, field: &FieldSpec) -> Option<(String, String)> {
    let is_only = |sorts: &[Sort]| sorts.iter().all(|sort| sort.field == field.name);
    if is_only(&query.sort) || query.sort.len() > MAX_SORT {
        return None;
    }
    let mut sorts = query.sort.clone();
    let position = sorts.iter().position(|sort| sort.field == field.name);
    let title = field.title;
    let label = match position {
        None => {
            sorts.push(Sort {
                field: field.name,
                descending: false,
            });
            format!("Then sort by {title}")
        }
        Some(position) if sorts[position].descending => {
            sorts.remove(position);
            format!("Do not sort by {title}")
        }
        Some(position) => {
            sorts[position].descending = true;
            format!("Sort by {title} in descending order")
        }
    };
    Some((sort_text(&sorts), label))
}

/// Renders the cells of a row. The first shown cell is the link of the row, so it contains no other
/// link.
pub(super) fn cells(
    model: &ModelView<'_>,
    fields: &[&FieldSpec],
    first: Option<usize>,
    labels: &ReferenceLabels,
    values: &RowValues,
) -> Vec<Markup> {
    let cells = fields.iter().enumerate().map(|(position, field)| {
        let value = values.get(field.name).unwrap_or(&Value::Null);
        let link = labels
            .links(field, value)
            .filter(|_| first != Some(position));
        link.unwrap_or_else(|| cell(model, field, labels, values))
    });
    cells.collect()
}

/// Renders the value of a field for display.
fn cell(
    model: &ModelView<'_>,
    field: &FieldSpec,
    labels: &ReferenceLabels,
    values: &RowValues,
) -> Markup {
    let value = values.get(field.name).unwrap_or(&Value::Null);
    if model.name == users::MODEL && field.name == "email" {
        let (name, email) = users::name_and_email(values);
        return person(&model.key_of(values), &name, Some(&email));
    }
    if let Some(label) = labels.text(field, value) {
        return html! { (shorten(&label)) };
    }
    match value {
        Value::Null => nothing(),
        Value::Array(keys) if keys.is_empty() && field.many_to_many.is_some() => nothing(),
        Value::String(text) if !model.choices(field).is_empty() => {
            badge(model.choice_title(field.name, text), Tone::Neutral)
        }
        value => field.kind.cell(value, field.primary_key),
    }
}

/// Renders the confirmation for deleting the selected rows. `first` contains some of them.
pub(super) fn delete_drawer(
    model: &ModelView<'_>,
    selection: &RowSelection,
    count: u64,
    first: &[VisibleRow],
    effects: &DeletionEffects,
    here: &ListUrl,
) -> Markup {
    let noun = if count == 1 {
        model.title
    } else {
        model.plural
    };
    let number = grouped(&count.to_string());
    let prevented = effects.prevent_deletion();
    let title = match prevented {
        true => format!("{number} {} cannot be deleted", noun.to_lowercase()),
        false => format!("Delete {number} {}?", noun.to_lowercase()),
    };
    let others = count.saturating_sub(first.len() as u64);
    html! {
        (Drawer::new("delete-rows", title)
            .form(here.below("actions/delete"), html! {
                @match selection {
                    RowSelection::Keys(keys) => {
                        @for key in keys { input type="hidden" name=(selection::KEY) value=(key); }
                    }
                    RowSelection::Matching { .. } => {
                        input type="hidden" name=(selection::SELECT) value=(selection::ALL);
                        input type="hidden" name=(selection::CONFIRM) value=(count);
                    }
                }
            })
            .body(html! {
                p { (if prevented { "Other records refer to them." } else { "This cannot be undone." }) }
                (effects.render())
                ul {
                    @for record in first { li { (model.label_of(&record.values)) } }
                    @if others > 0 { li { "and " (grouped(&others.to_string())) " more" } }
                }
            })
            .footer(html! {
                @if !prevented { (Button::new("Delete").danger().submit()) }
            })
            .open(here.to_string()))
    }
}

fn nothing() -> Markup {
    html! { span class="pt-muted" { "—" } }
}
