use maud::{Markup, Render, html};

use super::{EmptyState, icon, rel};

/// How a column is sorted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortOrder {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// The head of one column.
#[derive(Debug, Clone)]
#[must_use]
pub struct Column {
    label: String,
    sort: Option<(String, Option<SortOrder>)>,
    numeric: bool,
}

impl Column {
    /// A column of words.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            sort: None,
            numeric: false,
        }
    }

    /// A column of numbers, which line up at the end.
    pub const fn numeric(mut self) -> Self {
        self.numeric = true;
        self
    }

    /// Sorts by a link; `order` is the present order if this column leads.
    pub fn sort(mut self, href: impl Into<String>, order: Option<SortOrder>) -> Self {
        self.sort = Some((href.into(), order));
        self
    }

    fn head(&self) -> Markup {
        let (order, glyph) = match self.sort.as_ref().and_then(|(_, order)| *order) {
            Some(SortOrder::Ascending) => (Some("ascending"), "arrow-up"),
            Some(SortOrder::Descending) => (Some("descending"), "arrow-down"),
            None => (None, "chevrons-up-down"),
        };
        html! {
            th scope="col" aria-sort=[order] data-align=[self.numeric.then_some("end")] {
                @match &self.sort {
                    Some((href, _)) => a href=(href) { (self.label) (icon(glyph)) },
                    None => (self.label),
                }
            }
        }
    }
}

/// One row: its cells in the order of the columns, and what can be done with it.
#[derive(Debug, Clone)]
#[must_use]
pub struct Row {
    id: String,
    cells: Vec<Markup>,
    href: Option<String>,
    actions: Option<Markup>,
    selected: bool,
}

impl Row {
    /// A row; the id is what a selection sends.
    pub fn new(id: impl Into<String>, cells: Vec<Markup>) -> Self {
        Self {
            id: id.into(),
            cells,
            href: None,
            actions: None,
            selected: false,
        }
    }

    /// Makes the whole row lead somewhere, from its first cell.
    pub fn href(mut self, href: impl Into<String>) -> Self {
        self.href = Some(href.into());
        self
    }

    /// Buttons or a menu at the end.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }

    /// Marked, as the row whose drawer is open.
    pub const fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }
}

/// A data table with sortable heads; below 640px its rows become labelled cards.
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
}

impl Table {
    /// A table; the caption is what a screen reader calls it.
    pub fn new(caption: impl Into<String>) -> Self {
        Self {
            caption: caption.into(),
            columns: Vec::new(),
            rows: Vec::new(),
            empty: None,
            select: None,
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

    /// What stands in place of rows: nothing there yet, or nothing that matches the filters.
    pub fn empty(mut self, empty: EmptyState) -> Self {
        self.empty = Some(empty);
        self
    }

    /// A checkbox in each row, which sends the row's id as `name` with the form of that id.
    ///
    /// A `.pt-bulk` bar in the same card shows while something is selected.
    pub fn selectable(mut self, name: impl Into<String>, form: impl Into<String>) -> Self {
        self.select = Some((name.into(), form.into()));
        self
    }

    fn row_markup(&self, row: &Row, actions: bool) -> Markup {
        html! {
            // By its id a row is found again when the table is drawn anew.
            tr id={ "row-" (row.id) } aria-selected=[row.selected.then_some("true")] {
                @if let Some((name, form)) = &self.select {
                    td data-check {
                        input type="checkbox" data-select name=(name) value=(row.id) form=(form) aria-label={ "Select row " (row.id) };
                    }
                }
                @for (at, cell) in row.cells.iter().enumerate() {
                    @let column = self.columns.get(at);
                    td data-label=[column.map(|column| &column.label)] data-main[at == 0]
                        data-align=[column.is_some_and(|column| column.numeric).then_some("end")] {
                        @match (&row.href, at) {
                            (Some(href), 0) => a class="pt-row-link" href=(href) rel=[rel(href)] { (cell) },
                            _ => span { (cell) },
                        }
                    }
                }
                @if actions {
                    td data-actions { div class="pt-acts" { @if let Some(actions) = &row.actions { (actions) } } }
                }
            }
        }
    }
}

impl Render for Table {
    fn render(&self) -> Markup {
        let actions = self.rows.iter().any(|row| row.actions.is_some());
        let width = self.columns.len() + usize::from(actions) + usize::from(self.select.is_some());
        html! {
            div class="pt-table-wrap" role="region" aria-label=(self.caption) tabindex="0" {
                table class="pt-table" {
                    caption class="pt-vh" { (self.caption) }
                    thead {
                        tr {
                            @if self.select.is_some() {
                                th scope="col" data-check { input type="checkbox" data-select-all aria-label="Select all rows"; }
                            }
                            @for column in &self.columns { (column.head()) }
                            @if actions { th scope="col" { span class="pt-vh" { "Actions" } } }
                        }
                    }
                    tbody {
                        @for row in &self.rows { (self.row_markup(row, actions)) }
                        @if self.rows.is_empty() {
                            @let fallback = EmptyState::new("inbox", "Nothing here yet");
                            tr { td data-empty colspan=(width) { (self.empty.as_ref().unwrap_or(&fallback)) } }
                        }
                    }
                }
            }
        }
    }
}
