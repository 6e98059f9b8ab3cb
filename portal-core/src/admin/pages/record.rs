//! `/admin/settings/{model}/rows/{id}`: the page of a record.
//!
//! Its tabs are the form, the rows of each model that refers to the record, and its history.

use maud::{Markup, html};

use super::super::actions;
use super::super::child_forms::{self, with_pages};
use super::super::child_rows::Children;
use super::super::deletion::DeletionEffects;
use super::super::form::{FormUrls, delete_button, deletion_effects, drawer, on_page, record_menu};
use super::super::form_fields::reference_options;
use super::super::form_state::FormState;
use super::super::history;
use super::super::list_url::ListUrl;
use super::super::policy::Operation;
use super::super::query::CURSOR;
use super::super::related::Relation;
use super::place::{FormPlace, TAB, related_tab};
use super::request::PageRequest;
use super::screen::Screen;
use crate::error::Result;
use crate::live::Region;
use crate::pages::components::{PageHead, Tab};
use crate::pages::{Href, IntoPage, PageResponse, set_title};

/// Name of the tab with the audit entries of the record.
const HISTORY: &str = "history";

/// Responds with the page of a record.
pub(super) async fn show(request: PageRequest) -> Result<PageResponse> {
    let screen = request.record().await?;
    let row = match screen.rows.get(&request.key).await {
        Ok(row) => row,
        Err(error) if error.code() == "row_not_found" && screen.version.is_some() => {
            return screen.gone().await;
        }
        Err(error) => return Err(error),
    };
    let mut draft = FormState::of(screen.model(), &row);
    draft.notice = screen.notice(&request.key, &row).await?;
    Ok(screen.record(&draft, None).await?.into_page())
}

/// Redirects the short URL of a record, `/admin/settings/{model}/{id}`, to its page.
pub(super) async fn lead_to_page(request: PageRequest) -> Result<PageResponse> {
    let list = request.here.without("edit").without("new");
    Ok(Href::from(list.record(&request.key)).redirect().into_page())
}

impl Screen<'_> {
    /// Renders the page of the record that a form contains. `related` is the open drawer of a new
    /// row that refers to the record.
    pub(super) async fn record(
        &self,
        draft: &FormState,
        related: Option<Markup>,
    ) -> Result<Markup> {
        let model = self.model();
        let key = draft.row.as_ref().map_or("", |(key, _)| key.as_str());
        let record = self.list.record(key);
        let relations = Relation::of(&self.rows).await?;
        let wanted = self.here.get(TAB);
        let relation = relations.iter().find(|relation| relation.name() == wanted);
        let is_history = wanted == HISTORY;
        let is_form = relation.is_none() && !is_history;
        let mut tabs = vec![Tab::new("Fields", record.to_string(), is_form)];
        tabs.extend(relations.iter().map(|it| {
            let href = related_tab(it.rows.model().name, it.field, &record).to_string();
            Tab::new(it.title.as_str(), href, it.name() == wanted)
        }));
        let history = record.with(TAB, HISTORY);
        tabs.push(Tab::new("History", history.to_string(), is_history));
        set_title(draft.label.as_str());
        let mut head = PageHead::new(draft.label.as_str())
            .crumb(model.plural, self.list.to_string())
            .description(model.title)
            .tabs("Parts of the record", tabs);
        if is_form {
            let urls = FormUrls::on_record(model.name, key, &self.list);
            let menu = record_menu(model, draft, &urls);
            head = head.actions(html! {
                @if model.permissions.delete { (delete_button()) }
                @if let Some(menu) = menu { (actions::form(model)) (menu) }
            });
        }
        let content = match relation {
            Some(relation) => self.related(relation, key, &record, related).await?,
            None if is_history => {
                let here = history.with("before", self.here.get("before"));
                history::render(self.state, &self.rows, key, &here).await?
            }
            None => {
                let targets = reference_options(&self.rows, draft).await?;
                let urls = FormUrls::on_record(model.name, key, &self.list);
                let urls = FormUrls {
                    actions: with_pages(urls.actions, &self.here),
                    ..urls
                };
                let effects = deletion_effects(&self.rows, draft).await?;
                let children = self.children(draft, key, &urls).await?;
                on_page(model, draft, &targets, &urls, &effects, &children)
            }
        };
        // The label can change; the topic also makes open forms check for a newer version.
        let head = Region::new(&model.topic()).id("live-head").render(head);
        Ok(html! { (head) (content) })
    }

    /// Renders the children that are edited in the form of the record.
    async fn children(&self, draft: &FormState, key: &str, urls: &FormUrls) -> Result<Markup> {
        if !self.model().permissions.change {
            return Ok(html! {});
        }
        let all = Children::of(&self.rows).await?;
        let parent = self.model().parse_key(key);
        let forms = child_forms::forms(&all, &parent, &self.here, draft).await?;
        let add = urls.convert(draft);
        let here = with_pages(urls.here.clone(), &self.here);
        Ok(html! {
            @for children in &all {
                @if let Some(page) = forms.get(children.name()) {
                    (child_forms::render(children, page, &add, &here))
                }
            }
        })
    }

    /// Renders the rows that refer to the record, and the open drawer of a new one.
    async fn related(
        &self,
        relation: &Relation<'_>,
        key: &str,
        record: &ListUrl,
        open: Option<Markup>,
    ) -> Result<Markup> {
        let model = relation.rows.model();
        let tab = related_tab(model.name, relation.field, record);
        let open = match open {
            None if !self.here.get("new").is_empty() => {
                relation.rows.permit(Operation::Create)?;
                let draft = FormState::related(model, relation.field, key);
                let targets = reference_options(&relation.rows, &draft).await?;
                let urls = FormUrls::related(model.name, relation.field, key, record);
                Some(drawer(
                    model,
                    &draft,
                    &targets,
                    &urls,
                    &DeletionEffects::default(),
                ))
            }
            open => open,
        };
        let target = self.model().parse_key(key);
        let here = ["page", "per_page", CURSOR].into_iter();
        let here = here.fold(tab, |tab, name| tab.with(name, self.here.get(name)));
        Ok(html! {
            (relation.list(&target, &here).await?)
            @if let Some(drawer) = open { (drawer) }
        })
    }

    /// Renders the page of the record to which a new row refers, with the form of the row.
    pub(super) async fn show_related(&self, draft: &FormState) -> Result<Option<Markup>> {
        let FormPlace::Related { field, key } = &self.place else {
            return Ok(None);
        };
        let Some(targets) = self.rows.targets(field).await? else {
            return Ok(None);
        };
        let row = match targets.get(key).await {
            Ok(row) => row,
            Err(error) if error.code() == "row_not_found" => return Ok(None),
            Err(error) => return Err(error),
        };
        let model = self.model();
        let list = self.list_of_target(field);
        let record = list.record(key);
        let options = reference_options(&self.rows, draft).await?;
        let urls = FormUrls::related(model.name, field, key, &record);
        let open = drawer(model, draft, &options, &urls, &DeletionEffects::default());
        let screen = Screen {
            state: self.state,
            user: self.user,
            page: self.page,
            here: related_tab(model.name, field, &record),
            list,
            place: FormPlace::Record,
            key: key.as_str(),
            version: None,
            rows: targets,
            views: self.views,
            is_view_unknown: false,
        };
        let shown = FormState::of(screen.model(), &row);
        // The page of the record calls this function only for its own place.
        Ok(Some(Box::pin(screen.record(&shown, Some(open))).await?))
    }
}
