//! Page of a model: head, list, and the open drawer.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::super::changed::{last_change, notice};
use super::super::child_forms::with_pages;
use super::super::cursor::Position;
use super::super::field::FieldSpec;
use super::super::filter;
use super::super::form::{FormUrls, deletion_effects, drawer};
use super::super::form_fields::reference_options;
use super::super::form_state::FormState;
use super::super::list::{ListContent, list};
use super::super::list_url::{LIST, ListUrl};
use super::super::model_view::{ModelView, VisibleRow};
use super::super::policy::Operation;
use super::super::query::ListQuery;
use super::super::references::{ReferenceChoices, ReferenceLabels};
use super::super::row_service::RowService;
use super::super::selection::RowSelection;
use super::super::views::{SavedViews, ViewBar, ViewForm};
use super::place::{FormPlace, related_tab};
use super::request::{AdminPage, DEFAULTS, PageRequest, tabs};
use crate::auth::CurrentUser;
use crate::error::{FieldError, Result};
use crate::live::Region;
use crate::pages::components::{Banner, Button, PageHead, Tab, Tone};
use crate::pages::{Flash, Href, IntoPage, PageResponse, set_title};
use crate::state::PortalState;

/// Page of a model as a user sees it.
pub(super) struct Screen<'a> {
    pub(super) state: &'a PortalState,
    pub(super) user: &'a CurrentUser,
    pub(super) page: AdminPage,
    pub(super) rows: RowService<'a>,
    pub(super) views: SavedViews<'a>,
    /// URL of the list, without the open drawer.
    pub(super) list: ListUrl,
    /// Page that shows the form.
    pub(super) place: FormPlace,
    /// Key of the row in the path; empty if the path has none.
    pub(super) key: &'a str,
    /// Requested URL.
    pub(super) here: ListUrl,
    /// Version of the record that the form in the browser was rendered with.
    pub(super) version: Option<i64>,
    /// `true` if the URL requests a saved view that the user cannot see.
    pub(super) is_view_unknown: bool,
}

impl Screen<'_> {
    pub(super) fn model(&self) -> &ModelView<'_> {
        self.rows.model()
    }

    /// Renders the list, and the drawer that the URL requests.
    pub(super) async fn get(&self, query: &str) -> Result<PageResponse> {
        let model = self.model();
        if let Some(to) = filter::sent(model, &self.list, query) {
            return Ok(Href::from(to).redirect().into_page());
        }
        let draft = match (self.here.get("edit"), self.here.get("new")) {
            ("", "") => None,
            ("", _) => {
                self.rows.permit(Operation::Create)?;
                Some(FormState::new_row(model))
            }
            (key, _) => match self.rows.get(key).await {
                Ok(row) => {
                    let mut draft = FormState::of(model, &row);
                    draft.notice = self.notice(key, &row).await?;
                    Some(draft)
                }
                Err(error) if error.code() == "row_not_found" => return self.gone().await,
                Err(error) => return Err(error),
            },
        };
        Ok(self.show_list(draft.as_ref()).await?.into_page())
    }

    /// Returns the notice for an open form whose row has changed since it was rendered.
    pub(super) async fn notice(&self, key: &str, row: &VisibleRow) -> Result<Option<String>> {
        if self.version.is_none_or(|version| version == row.version) {
            return Ok(None);
        }
        let change = last_change(self.state, self.model(), key).await?;
        Ok(Some(format!(
            "{change} Your edits are kept; save to compare."
        )))
    }

    /// Returns the rows that a submitted form selects in this list.
    pub(super) fn selection(&self, request: &PageRequest) -> Result<RowSelection> {
        RowSelection::of_form(&request.fields, self.query().0)
    }

    /// Returns the query of the list, and the errors of the ignored parameters.
    fn query(&self) -> (ListQuery, Vec<FieldError>) {
        ListQuery::parse_leniently(self.model(), &self.list.list_query())
    }

    /// Responds with the list if the row does not exist: the link is old or the row was deleted.
    pub(super) async fn gone(&self) -> Result<PageResponse> {
        let noun = self.model().title.to_lowercase();
        let text = match self.version {
            Some(_) => format!("This {noun} was deleted. Save to create it again."),
            None => format!("This {noun} does not exist or was deleted."),
        };
        let content = html! { (notice(&self.here, Some(&text))) (self.show_list(None).await?) };
        Ok((StatusCode::NOT_FOUND, content).into_page())
    }

    /// Returns the page of the form, to which the user returns after an action.
    pub(super) fn back(&self) -> ListUrl {
        match &self.place {
            FormPlace::List => self.list.clone(),
            FormPlace::Record => with_pages(self.list.record(self.key), &self.here),
            FormPlace::Related { field, key } => {
                let record = self.list_of_target(field).record(key);
                related_tab(self.model().name, field, &record)
            }
        }
    }

    /// Returns the list of the model to which a field refers, as the user left it.
    pub(super) fn list_of_target(&self, field: &FieldSpec) -> ListUrl {
        let list = ListUrl::of(field.target().unwrap_or_default());
        list.read(self.here.get(LIST))
    }

    /// Redirects to the page of the form.
    pub(super) fn redirect(&self, flash: Flash) -> PageResponse {
        flash.redirect(self.back()).into_page()
    }

    /// Renders the page of a form.
    pub(super) async fn show(&self, draft: &FormState) -> Result<Markup> {
        match (&self.place, &draft.row) {
            (FormPlace::Record, Some(_)) => self.record(draft, None).await,
            (FormPlace::Related { .. }, _) => match self.show_related(draft).await? {
                Some(page) => Ok(page),
                None => self.show_list(Some(draft)).await,
            },
            _ => self.show_list(Some(draft)).await,
        }
    }

    /// Renders the list, and a form in a drawer.
    pub(super) async fn show_list(&self, draft: Option<&FormState>) -> Result<Markup> {
        self.list_page(draft, None).await
    }

    /// Renders the list and the form of a saved view.
    pub(super) async fn show_view_form(&self, form: ViewForm) -> Result<Markup> {
        self.list_page(None, Some(form)).await
    }

    async fn list_page(&self, draft: Option<&FormState>, form: Option<ViewForm>) -> Result<Markup> {
        let model = self.model();
        let (query, ignored) = self.query();
        let page = match self.rows.browse(&query).await {
            // The row of a cursor that contains no values was deleted.
            Err(error) if error.code() == "row_not_found" => {
                let position = Some(Position::First);
                self.rows
                    .browse(&ListQuery {
                        position,
                        ..query.clone()
                    })
                    .await?
            }
            page => page?,
        };
        let views = ViewBar::of(&self.views, model.name, &self.list).await?;
        let form = form.or_else(|| ViewForm::requested(&self.here, &views));
        let labels = ReferenceLabels::of_values(&self.rows, |field| {
            let shown = page
                .rows
                .iter()
                .filter_map(|row| row.values.get(field.name));
            let filters = query
                .filters
                .iter()
                .filter(|filter| filter.field == field.name);
            shown
                .chain(filters.flat_map(|filter| &filter.values))
                .collect()
        })
        .await?;
        let filter = match filter::requested(model, &self.here) {
            Some(field) => {
                let key = filter::edited_key(field, &self.here);
                let choices = ReferenceChoices::of(&self.rows, field, &key).await?;
                Some(filter::render(model, field, choices.as_ref(), &self.here))
            }
            None => None,
        };
        let selected = draft.and_then(|draft| draft.row.as_ref());
        let selected = selected.map(|(key, _)| key.as_str());
        let drawer = match draft {
            Some(draft) => Some(self.drawer(draft).await?),
            None => None,
        };
        let content = ListContent {
            query: &query,
            page: &page,
            labels: &labels,
            views: &views,
            filter: filter.as_ref(),
        };
        Ok(html! {
            (self.head()?)
            @if self.is_view_unknown {
                (Banner::new(Tone::Warning, "This view does not exist or is not shared with you. The list shows everything."))
            }
            @if !ignored.is_empty() { (Banner::new(Tone::Warning, filter::ignored(model, &ignored))) }
            (Region::new(&model.topic()).id("live-rows").render(list(model, &content, &self.list, selected)))
            @if let Some(drawer) = drawer { (drawer) }
            @if let Some(form) = form { (form.render(&self.views, &self.list)) }
        })
    }

    /// Renders the drawer with a form over the list.
    async fn drawer(&self, draft: &FormState) -> Result<Markup> {
        let key = draft.row.as_ref().map(|(key, _)| key.as_str());
        let urls = FormUrls::in_list(&self.list, key);
        let targets = reference_options(&self.rows, draft).await?;
        let effects = deletion_effects(&self.rows, draft).await?;
        Ok(drawer(self.model(), draft, &targets, &urls, &effects))
    }

    fn head(&self) -> Result<PageHead<'_>> {
        let model = self.model();
        let title = if model.is_in_nav() {
            model.plural
        } else {
            self.page.title()
        };
        set_title(model.plural);
        let mut head = PageHead::new(title);
        if !model.description.is_empty() {
            head = head.description(model.description);
        }
        if !model.is_in_nav() {
            let tab = |other: &ModelView<'_>| {
                let href = ListUrl::of(other.name).to_string();
                Tab::new(other.plural, href, other.name == model.name)
            };
            head = head.tabs(
                "Models",
                tabs(self.state, self.user)?.iter().map(tab).collect(),
            );
        }
        let new = self.list.with("new", "1").to_string();
        Ok(head.actions(html! {
            @if !model.is_in_nav() && self.user.is_admin() {
                form method="post" action=(Href::from(self.defaults_url())) {
                    (Button::new("Add default records").icon("rotate-ccw").submit())
                }
            }
            @if model.permissions.create {
                (Button::new(format!("New {}", model.title.to_lowercase())).solid().icon("plus").href(new))
            }
        }))
    }

    /// Returns the URL that adds the default rows and then returns to this model.
    fn defaults_url(&self) -> String {
        let list = ListUrl::new(DEFAULTS).with("model", self.model().name);
        list.to_string()
    }
}
