//! Saved views on the page of a list: the links to them, and the form that saves one.

use maud::{Markup, Render, html};

use super::super::list_url::ListUrl;
use super::{SavedView, SavedViews};
use crate::error::{FieldError, Result};
use crate::pages::components::{Button, Drawer, Field, FieldOption, Tab, tabs};

/// Parameter that opens the form: `new` for a new view, `edit` for the current one.
pub(in super::super) const SAVE_VIEW: &str = "save_view";

/// Names of the form's fields.
const NAME: &str = "name";
const AUDIENCE: &str = "shared_with";
const USE_CURRENT: &str = "use_current";

/// Views of a list, and the list's present state.
pub(in super::super) struct ViewBar {
    views: Vec<SavedView>,
    /// The view from which the user started.
    current: Option<SavedView>,
    /// `true` if the list differs from that view or, without one, from the default list.
    is_modified: bool,
}

impl ViewBar {
    pub(in super::super) async fn of(
        views: &SavedViews<'_>,
        model: &str,
        here: &ListUrl,
    ) -> Result<Self> {
        let views = views.list(model).await?;
        let current = here.in_view();
        let current = views.iter().find(|view| view.id.to_string() == current);
        let saved = current.map_or("", |view| view.query.as_str());
        Ok(Self {
            is_modified: !here.has_state(saved),
            current: current.cloned(),
            views,
        })
    }

    pub(in super::super) fn current(&self) -> Option<&SavedView> {
        self.current.as_ref()
    }

    /// Renders the links to the views. Empty without views, if the list shows everything.
    pub(in super::super) fn render(&self, here: &ListUrl) -> Markup {
        if self.views.is_empty() && !self.is_modified {
            return html! {};
        }
        let is_current = |view: &SavedView| self.current().is_some_and(|it| it.id == view.id);
        let mut links = vec![Tab::new(
            "All",
            here.path().to_owned(),
            self.current.is_none() && !self.is_modified,
        )];
        for view in &self.views {
            let href = ListUrl::new(here.path()).with("view", view.id.to_string());
            links.push(Tab::new(&view.name, href.to_string(), is_current(view)));
        }
        let button = |label: &'static str, icon: &'static str, form: &str| {
            let href = here.with(SAVE_VIEW, form).to_string();
            Button::new(label).size(1).ghost().icon(icon).href(href)
        };
        let may_change = self.current().is_some_and(|view| view.may_change);
        html! {
            div class="pt-views" {
                (tabs("Saved views", &links))
                div class="pt-row" {
                    @if may_change { (button("Edit view", "pencil", "edit")) }
                    @if self.is_modified { (button("Save view", "save", "new")) }
                }
            }
        }
    }
}

/// Form that saves the state of a list as a view.
pub(in super::super) struct ViewForm {
    /// The view to change; `None` for a new one.
    view: Option<SavedView>,
    name: String,
    audience: String,
    uses_current: bool,
    errors: Vec<FieldError>,
}

impl ViewForm {
    /// Returns the form that the URL requests.
    pub(in super::super) fn requested(here: &ListUrl, bar: &ViewBar) -> Option<Self> {
        let view = match here.get(SAVE_VIEW) {
            "new" => None,
            "edit" => Some(bar.current().filter(|view| view.may_change)?.clone()),
            _ => return None,
        };
        Some(Self {
            name: view
                .as_ref()
                .map(|view| view.name.clone())
                .unwrap_or_default(),
            audience: view
                .as_ref()
                .and_then(|view| view.shared_with.clone())
                .unwrap_or_default(),
            uses_current: bar.is_modified,
            view,
            errors: Vec::new(),
        })
    }

    /// Reads a submitted form.
    pub(in super::super) fn read(
        view: Option<SavedView>,
        fields: &crate::fields::Fields,
        here: &ListUrl,
    ) -> (Self, super::ViewDraft) {
        let form = Self {
            name: fields.text(NAME).to_owned(),
            audience: fields.text(AUDIENCE).to_owned(),
            uses_current: view.is_none() || fields.find(USE_CURRENT).is_some(),
            view,
            errors: Vec::new(),
        };
        let query = match &form.view {
            Some(view) if !form.uses_current => view.query.clone(),
            _ => here.query(),
        };
        // Without the field, which only administrators see, the audience stays as it is.
        let shared_with = match fields.find(AUDIENCE) {
            Some(audience) => Some(audience.to_owned()),
            None => form.view.as_ref().and_then(|view| view.shared_with.clone()),
        };
        let draft = super::ViewDraft {
            name: form.name.clone(),
            query,
            shared_with,
        };
        (form, draft)
    }

    pub(in super::super) fn with_errors(mut self, errors: &[FieldError]) -> Self {
        self.errors = errors.to_vec();
        self
    }

    pub(in super::super) fn render(&self, views: &SavedViews<'_>, here: &ListUrl) -> Markup {
        let back = here.without(SAVE_VIEW);
        let error = |pointer: &str| {
            let error = self.errors.iter().find(|error| error.pointer == pointer);
            error.map(|error| format!("This value {}.", error.message))
        };
        let of_list = |error: &&FieldError| error.pointer.starts_with("/query");
        let invalid: Vec<&FieldError> = self.errors.iter().filter(of_list).collect();
        let action = match &self.view {
            Some(view) => back.below(&format!("views/{}/update", view.id)),
            None => back.below("views/create"),
        };
        let audiences = views.audiences();
        let title = if self.view.is_some() {
            "Edit view"
        } else {
            "Save view"
        };
        let mut drawer = Drawer::new("view", title)
            .description("A view keeps the search, filters, order and columns of this list.")
            .form(action, html! {})
            .body(html! {
                (Field::text(NAME, "Name").value(&self.name).required(true).autocomplete("off").error(error("/name")))
                @if !audiences.is_empty() {
                    @let options = std::iter::once((String::new(), "Only you".to_owned())).chain(audiences)
                        .map(|(value, label)| FieldOption::new(value, label)).collect();
                    (Field::select(AUDIENCE, "Visible to", options).value(&self.audience).error(error("/shared_with")))
                }
                @if self.view.is_some() {
                    (Field::checkbox(USE_CURRENT, "Replace its content with the list as it is shown now").checked(self.uses_current))
                }
                @for error in invalid {
                    p class="pt-error" role="alert" { "The list cannot be saved: " (error.message) "." }
                }
            })
            .footer(Button::new("Save").solid().submit())
            .open(back.to_string());
        if let Some(view) = &self.view {
            let delete = back.below(&format!("views/{}/delete", view.id));
            drawer = drawer.aside(
                Button::new("Delete view")
                    .submit()
                    .attribute("formaction", crate::pages::Href::from(delete).to_string())
                    .attribute("formnovalidate", ""),
            );
        }
        drawer.render()
    }
}
