use maud::{Markup, Render, html};

use super::{Button, EmptyState, icon, rel, small::skeleton};
use crate::pages::stylesheet::Stylesheet;
use crate::pages::{Href, scope};

/// Sort order of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortOrder {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// The header of one column.
#[derive(Debug, Clone)]
#[must_use]
pub struct Column {
    label: String,
    sort: Option<(Href<'static>, Option<SortOrder>)>,
    rank: usize,
    also_sort: Option<(Href<'static>, String)>,
    numeric: bool,
    hidden: bool,
}

impl Column {
    /// Creates a column of text.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            sort: None,
            rank: 0,
            also_sort: None,
            numeric: false,
            hidden: false,
        }
    }

    /// Makes this a column of numbers, which are aligned to the end.
    pub const fn numeric(mut self) -> Self {
        self.numeric = true;
        self
    }

    /// Sets whether to omit the column and its cells, as chosen in a [`ViewMenu`](super::ViewMenu).
    pub const fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// Makes the header a sort link; `order` is the current order if the rows are sorted by the column.
    pub fn sort<'h>(mut self, href: impl Into<Href<'h>>, order: Option<SortOrder>) -> Self {
        self.sort = Some((href.into().into_owned(), order));
        self
    }

    /// Sets the place of the column in an order by several columns, starting at 1.
    pub const fn sort_rank(mut self, rank: usize) -> Self {
        self.rank = rank;
        self
    }

    /// Adds a link that keeps the other sort columns, for example "Then sort by Name". Shift-clicking
    /// the header follows it.
    pub fn also_sort<'h>(mut self, href: impl Into<Href<'h>>, label: impl Into<String>) -> Self {
        self.also_sort = Some((href.into().into_owned(), label.into()));
        self
    }

    fn head(&self) -> Markup {
        let (order, glyph) = match self.sort.as_ref().and_then(|(_, order)| *order) {
            Some(SortOrder::Ascending) => (Some("ascending"), "arrow-up"),
            Some(SortOrder::Descending) => (Some("descending"), "arrow-down"),
            None => (None, "chevrons-up-down"),
        };
        html! {
            // Assistive technologies expect at most one sorted column.
            th scope="col" aria-sort=[order.filter(|_| self.rank < 2)] data-align=[self.numeric.then_some("end")] {
                @match &self.sort {
                    Some((href, _)) => a href=(href) data-sorted[order.is_some()] {
                        (self.label) (icon(glyph))
                        @if self.rank > 0 { span class="pt-rank" { span class="pt-sr-only" { "Sort column " } (self.rank) } }
                    },
                    None => (self.label),
                }
                @if let Some((href, label)) = &self.also_sort {
                    a class="pt-also" href=(href) title=(label) aria-label=(label) data-also-sort { (icon("plus")) }
                }
            }
        }
    }
}

/// One row: its cells, in the order of the columns, and its actions.
#[derive(Debug, Clone)]
#[must_use]
pub struct Row {
    id: String,
    label: Option<String>,
    cells: Vec<Markup>,
    href: Option<Href<'static>>,
    actions: Option<Markup>,
    selected: bool,
}

impl Row {
    /// Creates a row; the id is submitted if the row is selected.
    pub fn new(id: impl Into<String>, cells: Vec<Markup>) -> Self {
        Self {
            id: id.into(),
            label: None,
            cells,
            href: None,
            actions: None,
            selected: false,
        }
    }

    /// Sets the label of the row's checkbox, for ids that mean nothing to people.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Makes the whole row a link; the element is in the first cell.
    pub fn href<'h>(mut self, href: impl Into<Href<'h>>) -> Self {
        self.href = Some(href.into().into_owned());
        self
    }

    /// Sets buttons or a menu at the end of the row.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }

    /// Sets whether the row is highlighted, for example because its drawer is open.
    pub const fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }
}

/// Number of columns above which a table scrolls sideways in its card.
///
/// The headers of narrower tables stay in view while the page scrolls, which a scroll container
/// does not allow.
const WIDE: usize = 7;

/// State of a table: the rows, or the content shown instead of them.
#[derive(Debug, Clone, Default)]
enum TableState {
    #[default]
    Ready,
    Loading(usize),
    Failed(String, String),
}

/// A data table with sortable headers; below 640px its rows become labeled cards.
///
/// ```
/// use maud::{Render as _, html};
/// use portal_core::pages::components::{Column, Row, SortOrder, Table};
///
/// let table = Table::new("Users")
///     .column(Column::new("Name").sort("?sort=-name", Some(SortOrder::Ascending)))
///     .column(Column::new("Logins").numeric())
///     .row(Row::new("1", vec![html! { "Ada" }, html! { "12" }]).href("/admin/users?edit=1"));
/// assert!(table.render().into_string().contains(r#"aria-sort="ascending""#));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Table {
    caption: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
    empty: Option<EmptyState>,
    select: Option<(String, String)>,
    state: TableState,
    compact: bool,
}

impl Table {
    /// Creates a table; the caption names it for screen readers.
    pub fn new(caption: impl Into<String>) -> Self {
        Self {
            caption: caption.into(),
            columns: Vec::new(),
            rows: Vec::new(),
            empty: None,
            select: None,
            state: TableState::Ready,
            compact: false,
        }
    }

    /// Adds a column.
    pub fn column(mut self, column: Column) -> Self {
        self.columns.push(column);
        self
    }

    /// Adds a row.
    pub fn row(mut self, row: Row) -> Self {
        self.rows.push(row);
        self
    }

    /// Adds rows.
    pub fn rows(mut self, rows: impl IntoIterator<Item = Row>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// Sets the empty state, shown if there are no rows or none match the filters.
    pub fn empty(mut self, empty: EmptyState) -> Self {
        self.empty = Some(empty);
        self
    }

    /// Shows placeholders as high as this many rows while the rows are being loaded.
    pub fn loading(mut self, rows: usize) -> Self {
        self.state = TableState::Loading(rows);
        self
    }

    /// Shows that the rows could not be loaded; the link retries.
    pub fn failed(mut self, text: impl Into<String>, retry: impl Into<String>) -> Self {
        self.state = TableState::Failed(text.into(), retry.into());
        self
    }

    /// Uses compact rows, regardless of the density that the user has chosen.
    pub const fn compact(mut self) -> Self {
        self.compact = true;
        self
    }

    /// Adds a checkbox to each row that submits the row's id as `name` in the form with id `form`.
    ///
    /// A [`BulkBar`](super::BulkBar) in the same card is visible while any rows are selected.
    pub fn selectable(mut self, name: impl Into<String>, form: impl Into<String>) -> Self {
        self.select = Some((name.into(), form.into()));
        self
    }

    /// Returns the visible cells, each with its column.
    fn cells<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (&'a Markup, Option<&'a Column>)> {
        let cells = row.cells.iter().enumerate();
        let cells = cells.map(|(at, cell)| (cell, self.columns.get(at)));
        cells.filter(|(_, column)| !column.is_some_and(|column| column.hidden))
    }

    fn row_markup(&self, row: &Row, slug: &str, actions: bool) -> Markup {
        html! {
            // The id associates a row with its checkbox when the list is re-rendered.
            tr id={ (slug) "-" (row.id) } aria-selected=[row.selected.then_some("true")] data-current[row.selected] {
                @if let Some((name, form)) = &self.select {
                    td data-check {
                        label {
                            input type="checkbox" data-select name=(name) value=(row.id) form=(form)
                                aria-label={ "Select " (row.label.as_deref().unwrap_or(&row.id)) };
                        }
                    }
                }
                @for (at, (cell, column)) in self.cells(row).enumerate() {
                    td data-label=[column.map(|column| &column.label)] data-main[at == 0]
                        data-align=[column.is_some_and(|column| column.numeric).then_some("end")] {
                        @match (&row.href, at) {
                            (Some(href), 0) => a class="pt-row-link" href=(href) rel=[rel(href.as_str())] { (cell) },
                            _ => span { (cell) },
                        }
                    }
                }
                @if actions {
                    td data-actions { div class="pt-row-actions" { @if let Some(actions) = &row.actions { (actions) } } }
                }
            }
        }
    }

    /// Returns the caption as a prefix for ids.
    fn slug(&self) -> String {
        slug_of(&self.caption)
    }

    fn shown(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.hidden)
    }

    fn body(&self, actions: bool) -> Markup {
        let columns = self.shown().count();
        let width = columns + usize::from(actions) + usize::from(self.select.is_some());
        match &self.state {
            TableState::Loading(rows) => html! {
                @for row in 0..*rows {
                    tr data-loading {
                        @for column in 0..width {
                            // The widths vary by row and column but are the same in every
                            // rendering.
                            @let share = u8::try_from(45 + (row * 7 + column * 13) % 45).unwrap_or(60);
                            td data-main[column == 0] { (skeleton(&[share])) }
                        }
                    }
                }
            },
            TableState::Failed(text, retry) => {
                let failed = EmptyState::new("circle-alert", "Could not load the data")
                    .text(text.as_str())
                    .action(
                        Button::new("Try again")
                            .icon("rotate-ccw")
                            .href(retry.as_str()),
                    );
                html! { tr { td data-empty colspan=(width) { div role="alert" { (failed) } } } }
            }
            TableState::Ready if self.rows.is_empty() => {
                let fallback = EmptyState::new("inbox", "Nothing here yet");
                html! { tr { td data-empty colspan=(width) { (self.empty.as_ref().unwrap_or(&fallback)) } } }
            }
            TableState::Ready => {
                let slug = self.slug();
                html! { @for row in &self.rows { (self.row_markup(row, &slug, actions)) } }
            }
        }
    }
}

impl Render for Table {
    fn render(&self) -> Markup {
        scope::require_stylesheet(Stylesheet::Table);
        let is_loading = matches!(self.state, TableState::Loading(_));
        let is_ready = matches!(self.state, TableState::Ready);
        let actions = is_ready && self.rows.iter().any(|row| row.actions.is_some());
        html! {
            div class="pt-table-wrap" role="region" aria-label=(self.caption) tabindex="0"
                aria-busy=[is_loading.then_some("true")] data-wide[self.shown().count() > WIDE] data-density=[self.compact.then_some("compact")] {
                @if is_loading { span class="pt-sr-only" role="status" { "Loading" } }
                table class="pt-table" {
                    caption class="pt-sr-only" { (self.caption) }
                    thead {
                        tr {
                            @if self.select.is_some() {
                                th scope="col" data-check { label { input type="checkbox" data-select-all aria-label="Select all rows"; } }
                            }
                            @for column in self.shown() { (column.head()) }
                            @if actions { th scope="col" { span class="pt-sr-only" { "Actions" } } }
                        }
                    }
                    tbody { (self.body(actions)) }
                }
            }
        }
    }
}
fn slug_of(caption: &str) -> String {
    let words = caption.chars().map(|c| {
        if c.is_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    });
    words.collect()
}

/// Returns the id of a row's element, for links to it.
pub(crate) fn row_id(caption: &str, id: &str) -> String {
    format!("{}-{id}", slug_of(caption))
}
