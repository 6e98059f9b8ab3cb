//! `/admin/settings` and `/admin/users`: plain forms, which respond with a redirect, or with the
//! page and the submitted form.

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::Redirect;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;

use super::api::initialize_defaults;
use super::changed::{VERSION, last_change, notice};
use super::consequences::{question, saved, shorten};
use super::filter;
use super::form::{CONFIRMED, ReferenceOptions, drawer};
use super::form_state::{CONVERT, FormData, FormState};
use super::list::{COLUMNS, delete_drawer, list};
use super::list_url::ListUrl;
use super::models::Models;
use super::query::ListQuery;
use super::record::Precondition;
use super::registry::ModelRegistry;
use super::row_service::RowService;
use super::spec::ModelSpec;
use super::users;
use crate::auth::{Access, Actor, CurrentUser, RateClass, caller};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::live::Region;
use crate::pages::components::{Banner, Button, EmptyState, PageHead, Tab, Tone, row_id};
use crate::pages::{Flash, IntoPage, NavItem, Page, PageFuture, PageResponse};
use crate::request::body_bytes;
use crate::source;
use crate::state::PortalState;

/// Bytes of an element id that are percent-encoded in the fragment of a URL.
const FRAGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Maximum number of rows that a form selects: the size of the longest list page.
const MAX_SELECTED: usize = 100;
const SETTINGS: &str = "/admin/settings";
const USERS: &str = "/admin/users";

/// Maximum number of rows for which a reference is chosen from a list.
const MAX_OPTIONS: u64 = 200;

/// Returns the pages of admin models. Everyone who may open one of the models can open the
/// settings.
pub(super) fn pages(models: &ModelRegistry) -> Vec<Page> {
    let settings = || {
        Page::new(source!(settings), SETTINGS, settings)
            .title("Settings")
            .access(models.settings_access())
    };
    let users = || {
        Page::new(source!(users), USERS, users_page)
            .title("Users")
            .access(Access::Admin)
    };
    let item = |label: &str, icon: &str| NavItem::new(label).icon(icon).group("Administration");
    vec![
        settings().nav(item("Settings", "settings").order(210)),
        Page {
            source: source!(save_settings),
            ..settings()
        }
        .method(Method::POST)
        .rate_class(RateClass::AdminWrite),
        users().nav(item("Users", "users").order(200)),
        Page {
            source: source!(save_user),
            ..users()
        }
        .method(Method::POST)
        .rate_class(RateClass::AdminWrite),
    ]
}

fn settings(state: PortalState, request: Request) -> PageFuture {
    Box::pin(async move {
        answer(&state, request, AdminPage::Settings)
            .await
            .into_page()
    })
}

fn users_page(state: PortalState, request: Request) -> PageFuture {
    Box::pin(async move { answer(&state, request, AdminPage::Users).await.into_page() })
}

/// The two kinds of admin pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AdminPage {
    Settings,
    Users,
}

/// Handler of one page request.
struct PageHandler<'a> {
    state: &'a PortalState,
    user: &'a CurrentUser,
    actor: &'a Actor,
    kind: AdminPage,
    rows: RowService<'a>,
    /// URL of the list, without the open drawer.
    list: ListUrl,
    /// Requested URL.
    here: ListUrl,
    /// Version of the record that the form in the browser was rendered with.
    version: Option<i64>,
}

async fn answer(state: &PortalState, request: Request, kind: AdminPage) -> Result<PageResponse> {
    let (mut parts, body) = request.into_parts();
    let user = caller(&mut parts, state)
        .await?
        .ok_or_else(Error::unauthorized)?;
    let request = Request::from_parts(parts, body);
    let base_path = &state.borrow::<Config>()?.base_path;
    let path = match kind {
        AdminPage::Settings => SETTINGS,
        AdminPage::Users => USERS,
    };
    let query = request.uri().query().unwrap_or_default();
    let mut here = ListUrl::new(format!("{base_path}{path}")).read(query);
    let model = match (kind, here.get("model")) {
        (AdminPage::Users, _) => users::MODEL.to_owned(),
        (AdminPage::Settings, "") => match tabs(state, &user)?.first() {
            Some(model) => model.name.to_owned(),
            None => return Ok(no_models().into_page()),
        },
        (AdminPage::Settings, model) => model.to_owned(),
    };
    here = match kind {
        AdminPage::Users => here.without("model"),
        AdminPage::Settings => here.with("model", model.as_str()),
    };
    let actor = Actor::from(&user);
    let screen = PageHandler {
        state,
        user: &user,
        actor: &actor,
        kind,
        rows: rows_for(state, &user, &model, &actor)?,
        list: here.without("edit").without("new").without(VERSION),
        version: here.get(VERSION).parse().ok(),
        here: here.without(VERSION),
    };
    if let Some(to) = filter::sent(screen.model(), &screen.list, query) {
        return Ok(Redirect::to(&to.to_string()).into_page());
    }
    if request.method() == Method::POST {
        screen.post(request).await
    } else {
        screen.get().await
    }
}

/// Returns the rows of a model the user may open. Only administrators learn that a model does not
/// exist.
fn rows_for<'a>(
    state: &'a PortalState,
    user: &CurrentUser,
    model: &str,
    actor: &'a Actor,
) -> Result<RowService<'a>> {
    match RowService::find(state, model, actor) {
        Ok(rows) => {
            rows.model().access.check(Some(user))?;
            Ok(rows)
        }
        Err(error) => {
            Access::Admin.check(Some(user))?;
            Err(error)
        }
    }
}

/// Returns the models that the settings show to a user. The users have their own page.
fn tabs<'a>(state: &'a PortalState, user: &CurrentUser) -> Result<Vec<&'a ModelSpec>> {
    let models = state.borrow::<Models>()?.registry().models();
    Ok(models
        .iter()
        .filter(|model| model.name != users::MODEL && model.access.allows(Some(user)))
        .collect())
}

fn no_models() -> Markup {
    html! {
        (PageHead::new("Settings"))
        (EmptyState::new("database", "No admin models")
            .text("Structs with `#[admin_model]` appear here once the portal registers them."))
    }
}

impl PageHandler<'_> {
    fn model(&self) -> &ModelSpec {
        self.rows.model()
    }

    /// Returns the live topic of the list.
    fn topic(&self) -> String {
        match self.kind {
            AdminPage::Users => "users".to_owned(),
            AdminPage::Settings => format!("model:{}", self.model().name),
        }
    }

    /// Renders the list, and the drawer that the URL requests.
    async fn get(&self) -> Result<PageResponse> {
        let model = self.model();
        let draft = match (self.here.get("edit"), self.here.get("new")) {
            ("", "") => None,
            ("", _) if model.permissions.create => Some(FormState::new_row(model)),
            ("", _) => None,
            (key, _) => match self.rows.get(key).await {
                Ok(row) => {
                    let mut draft = FormState::of(model, &row);
                    if self.version.is_some_and(|version| version != row.version) {
                        let change = last_change(self.state, model, key).await?;
                        let advice = "Your edits are kept; save to compare.";
                        draft.notice = Some(format!("{change} {advice}"));
                    }
                    Some(draft)
                }
                Err(error) if error.code() == "row_not_found" => return self.gone().await,
                Err(error) => return Err(error),
            },
        };
        Ok(self.show(draft.as_ref()).await?.into_page())
    }

    /// Responds with the list instead of a row that does not exist, because of an old link or a
    /// deletion.
    async fn gone(&self) -> Result<PageResponse> {
        let noun = self.model().title.to_lowercase();
        let text = match self.version {
            Some(_) => format!("This {noun} was deleted. Save to create it again."),
            None => format!("This {noun} does not exist or was deleted."),
        };
        let content = html! { (notice(Some(&text))) (self.show(None).await?) };
        Ok((StatusCode::NOT_FOUND, content).into_page())
    }

    async fn post(&self, request: Request) -> Result<PageResponse> {
        let body = body_bytes(request, self.state).await?;
        let pairs: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
        let sent: FormData = pairs.iter().cloned().collect();
        let keys = || {
            let ids = pairs.iter().filter(|(name, _)| name == "id");
            let keys: Vec<String> = ids.map(|(_, key)| key.clone()).collect();
            if keys.len() > MAX_SELECTED {
                return Err(Error::bad_request(format!(
                    "select at most {MAX_SELECTED} rows at once"
                )));
            }
            Ok(keys)
        };
        match sent.get("_action").map(String::as_str) {
            Some("save") => self.save(&sent).await,
            Some("delete") => self.delete(&sent).await,
            Some("ask_delete") => self.confirm_delete(&keys()?).await,
            Some("delete_rows") => self.delete_rows(&keys()?).await,
            Some("defaults") => self.defaults().await,
            _ => Err(Error::bad_request("the form has no valid `_action`")),
        }
    }

    async fn save(&self, sent: &FormData) -> Result<PageResponse> {
        let model = self.model();
        let mut draft = FormState::read(model, sent);
        if let Some(target) = sent.get(CONVERT) {
            draft.convert(model, target);
            let status = if draft.faults.is_empty() {
                StatusCode::OK
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            return self.render_form(draft, status).await;
        }
        let values = match draft.values(model) {
            Ok(values) => values,
            Err(faults) => {
                draft.faults = faults;
                return self
                    .render_form(draft, StatusCode::UNPROCESSABLE_ENTITY)
                    .await;
            }
        };
        let before = match &draft.row {
            // A row that cannot be read cannot be changed either; the change below reports that.
            Some((key, _)) => self.rows.get(key).await.ok().map(|record| record.values),
            None => None,
        };
        if let (AdminPage::Users, Some(before), None) = (self.kind, &before, sent.get(CONFIRMED)) {
            let is_own = model.key_of(before) == self.user.id.to_string();
            draft.question = question(before, &values, is_own);
            if draft.question.is_some() {
                return Ok(self.show(Some(&draft)).await?.into_page());
            }
        }
        let result = match &draft.row {
            None => self.rows.create(values).await,
            Some((key, version)) => {
                let expected = Precondition::OneOf(vec![*version]);
                self.rows.change(key, &expected, values, false).await
            }
        };
        let record = match result {
            Ok(record) => record,
            Err(error) => return self.save_failed(draft, error).await,
        };
        let message = match &before {
            Some(before) => saved(model, before, &record.values),
            None => format!("Added “{}”", shorten(&model.label_of(&record.values))),
        };
        let flash = Flash::success(message);
        if draft.row.is_some() {
            return Ok(self.redirect(flash));
        }
        // Scroll to the new row, if the list shows it.
        let key = model.key_of(&record.values);
        let id = row_id(model.plural, &key);
        let row = utf8_percent_encode(&id, FRAGMENT);
        let flash = flash.link("View", self.list.with("edit", key).to_string());
        Ok(flash.redirect(&format!("{}#{row}", self.list)).into_page())
    }

    /// Renders the form again, with all submitted texts and the reason why it was not saved.
    async fn save_failed(&self, mut draft: FormState, error: Error) -> Result<PageResponse> {
        if error.status().is_server_error() {
            return Err(error);
        }
        let model = self.model();
        let status = error.status();
        match (error.code(), draft.row.clone()) {
            ("stale", Some((key, _))) => {
                let present = self.rows.get(&key).await?;
                draft.rebase(model, &present);
                let change = last_change(self.state, model, &key).await?;
                let advice = if draft.conflicts.is_empty() {
                    "Your edits are kept; other fields were updated. Save again to overwrite."
                } else {
                    "Your edits are kept; other fields were updated. Choose which values to keep, \
                     then save again."
                };
                draft.banner = Some(format!("{change} {advice}"));
            }
            ("row_not_found", Some(_)) if model.permissions.create => {
                draft.row = None;
                draft.banner =
                    Some("This record was deleted. Add it again to keep your input.".to_owned());
            }
            _ if error.field_errors().is_empty() => draft.banner = Some(error.detail().to_owned()),
            _ => draft.faults = error.field_errors().to_vec(),
        }
        self.render_form(draft, status).await
    }

    async fn render_form(&self, mut draft: FormState, status: StatusCode) -> Result<PageResponse> {
        if let Some((key, _)) = &draft.row
            && let Ok(present) = self.rows.get(key).await
        {
            draft.fill_read_only(self.model(), &present);
        }
        Ok((status, self.show(Some(&draft)).await?).into_page())
    }

    async fn delete(&self, sent: &FormData) -> Result<PageResponse> {
        let get = |name: &str| sent.get(name).map(String::as_str).unwrap_or_default();
        let key = get("_id");
        let expected = Precondition::OneOf(get("_version").parse().into_iter().collect());
        let deleted = match self.rows.get(key).await {
            Ok(row) => {
                let label = self.model().label_of(&row.values);
                self.rows.delete(key, &expected).await.map(|()| label)
            }
            Err(error) => Err(error),
        };
        Ok(self.redirect(match deleted {
            Ok(label) => Flash::success(format!("Deleted “{}”", shorten(&label))),
            Err(error) => not_deleted(error)?,
        }))
    }

    async fn confirm_delete(&self, keys: &[String]) -> Result<PageResponse> {
        let mut records = Vec::new();
        for key in keys {
            records.extend(self.rows.get(key).await.ok());
        }
        if records.is_empty() {
            return Ok(self.redirect(Flash::info("No rows selected")));
        }
        let question = delete_drawer(self.model(), &records, &self.list);
        Ok(html! { (self.show(None).await?) (question) }.into_page())
    }

    async fn delete_rows(&self, keys: &[String]) -> Result<PageResponse> {
        let flash = match self.rows.delete_all(keys).await {
            Ok(deleted) => Flash::success(count(deleted, self.model(), "deleted")),
            Err(error) => not_deleted(error)?,
        };
        Ok(self.redirect(flash))
    }

    async fn defaults(&self) -> Result<PageResponse> {
        Access::Admin.check(Some(self.user))?;
        let added = initialize_defaults(self.state, self.actor).await?;
        let added: u64 = added.values().sum();
        Ok(self.redirect(match added {
            0 => Flash::info("All default records exist"),
            1 => Flash::success("Added 1 default record"),
            added => Flash::success(format!("Added {added} default records")),
        }))
    }

    fn redirect(&self, flash: Flash) -> PageResponse {
        flash.redirect(&self.list.to_string()).into_page()
    }

    async fn show(&self, draft: Option<&FormState>) -> Result<Markup> {
        let model = self.model();
        let wanted = self.list.without("model").without(COLUMNS);
        let wanted = wanted.without(filter::ADDING).query();
        let (mut query, ignored) = ListQuery::parse_leniently(model, &wanted);
        let mut page = self.rows.list(&query).await?;
        let last = page.total.div_ceil(query.per_page).max(1);
        if query.page > last {
            query.page = last;
            page = self.rows.list(&query).await?;
        }
        let selected = draft.and_then(|draft| draft.row.as_ref());
        let selected = selected.map(|(key, _)| key.as_str());
        let targets = match draft {
            Some(_) => self.targets().await?,
            None => ReferenceOptions::new(),
        };
        Ok(html! {
            (self.head()?)
            @if !ignored.is_empty() { (Banner::new(Tone::Warning, filter::ignored(model, &ignored))) }
            (Region::new(&self.topic()).id("live-rows").render(list(model, &query, &page, &self.list, selected)))
            @if let Some(draft) = draft { (drawer(model, draft, &targets, &self.here, &self.list)) }
        })
    }

    fn head(&self) -> Result<PageHead<'_>> {
        let model = self.model();
        let mut head = match self.kind {
            AdminPage::Users => PageHead::new("Users"),
            AdminPage::Settings => PageHead::new("Settings"),
        };
        if !model.description.is_empty() {
            head = head.description(model.description);
        }
        if self.kind == AdminPage::Settings {
            let address = ListUrl::new(self.list.path());
            let tab = |other: &&ModelSpec| {
                let href = address.with("model", other.name).to_string();
                Tab::new(other.plural, href, other.name == model.name)
            };
            head = head.tabs(
                "Models",
                tabs(self.state, self.user)?.iter().map(tab).collect(),
            );
        }
        let new = self.list.with("new", "1").to_string();
        Ok(head.actions(html! {
            @if self.kind == AdminPage::Settings && self.user.is_admin() {
                form method="post" action=(self.list) {
                    input type="hidden" name="_action" value="defaults";
                    (Button::new("Add default records").icon("rotate-ccw").submit())
                }
            }
            @if model.permissions.create {
                (Button::new(format!("New {}", model.title.to_lowercase())).solid().icon("plus").href(new))
            }
        }))
    }

    /// Returns the rows that the model's references can point to, as far as the user may see them.
    async fn targets(&self) -> Result<ReferenceOptions> {
        let mut targets = ReferenceOptions::new();
        for field in self.model().fields {
            let Some(target) = field.references else {
                continue;
            };
            let Ok(rows) = rows_for(self.state, self.user, target, self.actor) else {
                continue;
            };
            let query = ListQuery {
                per_page: MAX_OPTIONS,
                ..ListQuery::first_page(rows.model())
            };
            let page = rows.list(&query).await?;
            if page.total <= MAX_OPTIONS {
                let option = |record: &super::record::Record| {
                    let values = &record.values;
                    (rows.model().key_of(values), rows.model().label_of(values))
                };
                targets.insert(field.name, page.records.iter().map(option).collect());
            }
        }
        Ok(targets)
    }
}

fn count(rows: u64, model: &ModelSpec, done: &str) -> String {
    match rows {
        1 => format!("1 {} was {done}", model.title.to_lowercase()),
        rows => format!("{rows} {} were {done}", model.plural.to_lowercase()),
    }
}

/// Returns the reason why rows were not deleted, unless it is an internal error.
fn not_deleted(error: Error) -> Result<Flash> {
    match error.code() {
        "stale" => Ok(Flash::error("Not deleted: someone else changed it")),
        "row_not_found" => Ok(Flash::info("It was already deleted")),
        "referenced" => Ok(Flash::error("Not deleted: other rows refer to it")),
        _ => Err(error),
    }
}
