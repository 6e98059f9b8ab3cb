use maud::{Markup, Render, html};

use super::thousands::grouped;
use super::{Button, FieldOption, icon, lazy_assets::lazy_assets};
use crate::pages::stylesheet::Stylesheet;
use crate::pages::{Href, scope};

#[derive(Debug, Clone)]
struct ToolbarChip {
    label: String,
    edit: Option<Href<'static>>,
    without: Href<'static>,
}

/// Toolbar for a list: search, filters, active filters and view options.
///
/// It is a GET form, so every choice has a URL. Inside a [`list_card`], only the list is reloaded
/// while the user types or chooses; without JavaScript, a button submits the form.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::{FieldOption, Toolbar};
///
/// let roles = vec![FieldOption::new("", "All roles"), FieldOption::new("ADMIN", "Admin")];
/// let bar = Toolbar::new("/people")
///     .search("search", "Search people", "ada")
///     .filter("role", "Role", roles, "ADMIN")
///     .chip("Role: Admin", "/people?search=ada")
///     .clear("/people");
/// assert!(bar.render().into_string().contains("Remove filter Role: Admin"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Toolbar {
    action: Href<'static>,
    preserve_query: Vec<(String, String)>,
    search: Vec<(String, String, String)>,
    filters: Vec<(String, String, Vec<FieldOption>, String)>,
    chips: Vec<ToolbarChip>,
    clear: Option<Href<'static>>,
    end: Option<Markup>,
}

impl Toolbar {
    /// Creates a toolbar whose form requests this URL.
    pub fn new<'h>(action: impl Into<Href<'h>>) -> Self {
        Self {
            action: action.into().into_owned(),
            preserve_query: Vec::new(),
            search: Vec::new(),
            filters: Vec::new(),
            chips: Vec::new(),
            clear: None,
            end: None,
        }
    }

    /// Preserves other parameters of the current URL, such as the order and page size.
    pub fn preserve_query(mut self, pairs: &[(&str, &str)]) -> Self {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.preserve_query.extend(pairs);
        self
    }

    /// Adds a search field; the `/` key focuses the first one on the page.
    pub fn search(
        mut self,
        name: impl Into<String>,
        label: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.search.push((name.into(), label.into(), value.into()));
        self
    }

    /// Adds a filter, a small select.
    pub fn filter(
        mut self,
        name: impl Into<String>,
        label: impl Into<String>,
        options: Vec<FieldOption>,
        value: impl Into<String>,
    ) -> Self {
        self.filters
            .push((name.into(), label.into(), options, value.into()));
        self
    }

    /// Adds a chip for an active filter; `without` is the URL without that filter.
    pub fn chip<'h>(mut self, label: impl Into<String>, without: impl Into<Href<'h>>) -> Self {
        self.chips.push(ToolbarChip {
            label: label.into(),
            edit: None,
            without: without.into().into_owned(),
        });
        self
    }

    /// Adds a chip whose label is a link to the form that changes the filter.
    pub fn editable_chip<'h>(
        mut self,
        label: impl Into<String>,
        edit: impl Into<Href<'h>>,
        without: impl Into<Href<'h>>,
    ) -> Self {
        self.chips.push(ToolbarChip {
            label: label.into(),
            edit: Some(edit.into().into_owned()),
            without: without.into().into_owned(),
        });
        self
    }

    /// Sets the URL without search and filters; set it only while a search or filter is active.
    pub fn clear<'h>(mut self, href: impl Into<Href<'h>>) -> Self {
        self.clear = Some(href.into().into_owned());
        self
    }

    /// Sets the content at the end, such as a [`ViewMenu`](super::ViewMenu) or an export button.
    pub fn end(mut self, end: impl Render) -> Self {
        self.end = Some(end.render());
        self
    }

    fn form(&self) -> Markup {
        html! {
            form method="get" action=(self.action) role="search" data-autosubmit {
                @for (name, value) in &self.preserve_query { input type="hidden" name=(name) value=(value); }
                @for (name, label, value) in &self.search {
                    div class="pt-search" {
                        (icon("search"))
                        input class="pt-input" data-size="1" type="search" id={ "q-" (name) } name=(name) value=(value)
                            placeholder=(label) aria-label=(label) autocomplete="off";
                    }
                }
                @for (name, label, options, value) in &self.filters {
                    span class="pt-select" {
                        select class="pt-input" data-size="1" id={ "q-" (name) } name=(name) aria-label=(label) {
                            @for option in options { option value=(option.value) selected[option.value == *value] { (option.label) } }
                        }
                        (icon("chevron-down"))
                    }
                }
                span class="pt-no-js" { (Button::new("Search").size(1).submit()) }
            }
        }
    }
}

impl Render for Toolbar {
    fn render(&self) -> Markup {
        scope::require_stylesheet(Stylesheet::Table);
        html! {
            div class="pt-toolbar" {
                @if !self.search.is_empty() || !self.filters.is_empty() { (self.form()) }
                @if let Some(end) = &self.end { div class="pt-row pt-push-end" { (end) } }
                @if !self.chips.is_empty() || self.clear.is_some() {
                    div class="pt-chips" {
                        @for chip in &self.chips {
                            span class="pt-chip" {
                                @match &chip.edit {
                                    Some(edit) => a href=(edit) data-part="edit" { span class="pt-sr-only" { "Change filter " } (chip.label) },
                                    None => (chip.label),
                                }
                                a href=(chip.without) aria-label={ "Remove filter " (chip.label) } { (icon("x")) }
                            }
                        }
                        @if let Some(href) = &self.clear { (Button::new("Clear all").size(1).ghost().href(href)) }
                    }
                }
            }
        }
    }
}

/// Actions on the selected rows of a [`Table`](super::Table), visible while any are selected.
///
/// It contains the form whose id was passed to the table. Place it after the table, in the same
/// card.
///
/// ```
/// use maud::{Render as _, html};
/// use portal_core::pages::components::{BulkBar, Button};
///
/// let bar = BulkBar::new("bulk", "/people/bulk", html! {})
///     .action(Button::new("Delete…").size(1).submit().attribute("name", "do").attribute("value", "delete"));
/// assert!(bar.render().into_string().contains(r#"id="bulk""#));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct BulkBar {
    form: String,
    action: Href<'static>,
    hidden: Markup,
    all: Option<u64>,
    actions: Vec<Markup>,
}

impl BulkBar {
    /// Creates a bar around a POST form with this id; `hidden` holds its hidden fields.
    pub fn new<'h>(
        form: impl Into<String>,
        action: impl Into<Href<'h>>,
        hidden: impl Render,
    ) -> Self {
        Self {
            form: form.into(),
            action: action.into().into_owned(),
            hidden: hidden.render(),
            all: None,
            actions: Vec::new(),
        }
    }

    /// Adds a checkbox that selects all rows that match, if the page does not show all of them.
    ///
    /// The form then submits `select=all` in addition to the selected rows.
    pub const fn all_matching(mut self, total: u64, shown: u64) -> Self {
        self.all = if total > shown { Some(total) } else { None };
        self
    }

    /// Adds a submit button.
    pub fn action(mut self, button: impl Render) -> Self {
        self.actions.push(button.render());
        self
    }
}

impl Render for BulkBar {
    fn render(&self) -> Markup {
        html! {
            form class="pt-bulk" id=(self.form) method="post" action=(self.action) aria-label="Selected rows" {
                (self.hidden)
                span data-part="count" role="status" { "Selected" }
                @if let Some(total) = self.all {
                    @let total = grouped(&total.to_string());
                    label class="pt-tick" {
                        input type="checkbox" name="select" value="all" data-select-matching=(total);
                        "All " (total) " that match"
                    }
                }
                @for action in &self.actions { (action) }
                button type="reset" class="pt-btn" data-kind="ghost" data-size="1" data-icon aria-label="Clear selection" title="Clear selection" { (icon("x")) }
            }
        }
    }
}

/// Renders the card around a list: toolbar, table, pagination.
///
/// A link or GET form in the card that opens the same page with a different query replaces only
/// this card, pushes the URL to the browser's history and keeps the focus. Other links and forms
/// work as usual; without JavaScript, all of them are ordinary page loads. The page must render the
/// card with the same id for every query.
///
/// ```
/// use portal_core::pages::components::{Table, list_card};
///
/// assert!(list_card("people", Table::new("People")).into_string().contains("data-list"));
/// ```
#[must_use]
pub fn list_card(id: &str, content: impl Render) -> Markup {
    html! {
        section class="pt-card" data-flush id=(id) data-list hx-sync="replace" { (content.render()) (lazy_assets(&["lists.js"])) }
    }
}

/// Loads the script for lists and forms of records, for a page with such a form but without a list.
pub(crate) fn list_scripts() -> Markup {
    lazy_assets(&["lists.js"])
}
