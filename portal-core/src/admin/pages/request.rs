//! Requests to pages of admin models: the caller, the model, the row and the submitted form.

use axum::body::Bytes;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::Method;
use maud::{Markup, html};

use super::super::changed::VERSION;
use super::super::form_state::FormData;
use super::super::list_url::{LIST, ListUrl, SETTINGS, VIEW};
use super::super::model_view::ModelView;
use super::super::models::Models;
use super::super::row_service::{RowService, visible_models};
use super::super::users;
use super::super::views::{SAVE_VIEW, SavedViews};
use super::place::FormPlace;
use super::screen::Screen;
use crate::auth::{Actor, CurrentUser, caller};
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::pages::components::{EmptyState, PageHead};
use crate::request::body_bytes;
use crate::state::PortalState;

pub(super) const DEFAULTS: &str = "/admin/settings/defaults";

/// The two pages of admin models; users have a separate page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AdminPage {
    Settings,
    Users,
}

impl AdminPage {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Settings => "Settings",
            Self::Users => "Users",
        }
    }
}

/// A request to one of the pages or actions.
pub(super) struct PageRequest {
    pub(super) state: PortalState,
    pub(super) page: AdminPage,
    pub(super) user: CurrentUser,
    pub(super) actor: Actor,
    /// Name of the model; `None` if the user may not open any.
    pub(super) model: Option<String>,
    /// Key of the row in the path; empty if the path has none.
    pub(super) key: String,
    /// Name of the action in the path; empty if the path has none.
    pub(super) action: String,
    pub(super) query: String,
    /// URL of the page with the parameters of the request.
    pub(super) here: ListUrl,
    /// Fields of the submitted form.
    pub(super) fields: Fields,
    /// The form as the browser sent it.
    pub(super) encoded: Bytes,
}

impl PageRequest {
    pub(super) async fn read(
        state: PortalState,
        request: Request,
        page: AdminPage,
    ) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let user = caller(&mut parts, &state)
            .await?
            .ok_or_else(Error::unauthorized)?;
        let params = RawPathParams::from_request_parts(&mut parts, &state).await;
        let params = params.map_err(|_| Error::bad_request("the path is not UTF-8"))?;
        let param = |name: &str| {
            let found = params.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.to_owned())
        };
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let named = ListUrl::new(SETTINGS).read(&query).get("model").to_owned();
        let named = Some(named).filter(|model| !model.is_empty());
        let model = match page {
            AdminPage::Users => Some(users::MODEL.to_owned()),
            AdminPage::Settings => match param("model").or(named) {
                None => tabs(&state, &user)?.first().map(|tab| tab.name.to_owned()),
                model => model,
            },
        };
        let list = model.as_deref().map_or(ListUrl::new(SETTINGS), ListUrl::of);
        let here = list.read(&query).without("model");
        let key = param("id").unwrap_or_default();
        let action = param("action").unwrap_or_default();
        let encoded = if parts.method == Method::POST {
            let request = Request::from_parts(parts, body);
            body_bytes(request, &state).await?
        } else {
            Bytes::new()
        };
        Ok(Self {
            state,
            page,
            actor: Actor::from(&user),
            user,
            model,
            key,
            action,
            query,
            here,
            fields: Fields::parse(&encoded),
            encoded,
        })
    }

    /// Returns the page of the model, if the user may open it.
    pub(super) async fn screen(&self) -> Result<Screen<'_>> {
        self.open(None).await
    }

    /// Returns the page of the record in the path, if the user may open its model.
    pub(super) async fn record(&self) -> Result<Screen<'_>> {
        self.open(Some(FormPlace::Record)).await
    }

    async fn open(&self, place: Option<FormPlace>) -> Result<Screen<'_>> {
        let model = self.model.as_deref().unwrap_or_default();
        let version = self.here.get(VERSION).parse().ok();
        let rows = RowService::open(&self.state, model, &self.user, &self.actor).await?;
        let views = SavedViews::of(&self.state, &self.user, &self.actor)?;
        let mut here = self.here.without(VERSION);
        let mut is_view_unknown = false;
        let id = here.get(VIEW).to_owned();
        if !id.is_empty() {
            match views.get(&id).await {
                Ok(view) if view.model == rows.model().name => {
                    here = here.open_view(&id, &view.query);
                }
                Err(error) if error.code() != "view_unknown" => return Err(error),
                Ok(_) | Err(_) => {
                    is_view_unknown = true;
                    here = here.without(VIEW);
                }
            }
        }
        let place = place.unwrap_or_else(|| FormPlace::read(&here, rows.model()));
        Ok(Screen {
            state: &self.state,
            user: &self.user,
            page: self.page,
            rows,
            views,
            list: match place {
                FormPlace::List => here.without("edit").without("new").without(SAVE_VIEW),
                FormPlace::Record => ListUrl::of(model).read(here.get(LIST)),
                FormPlace::Related { .. } => ListUrl::of(model),
            },
            place,
            key: &self.key,
            here,
            version,
            is_view_unknown,
        })
    }

    /// Returns the submitted form by field name.
    pub(super) fn form(&self) -> FormData {
        self.fields.pairs().iter().cloned().collect()
    }
}

/// Returns the tabs of the settings that a user may open.
pub(super) fn tabs<'a>(state: &'a PortalState, user: &CurrentUser) -> Result<Vec<ModelView<'a>>> {
    let models = state.borrow::<Models>()?.registry().models();
    let models = visible_models(models, user);
    Ok(models.filter(|model| !model.is_in_nav()).collect())
}

pub(super) fn no_models() -> Markup {
    html! {
        (PageHead::new("Settings"))
        (EmptyState::new("database", "No admin models")
            .text("Structs with `#[admin_model]` appear here once the portal registers them."))
    }
}
