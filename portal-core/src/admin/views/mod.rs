//! Saved views: named states of a model's list, personal or shared.

mod api;
mod bar;
mod table;

use serde::Serialize;
use uuid::Uuid;

pub(super) use api::routes;
pub(super) use bar::{SAVE_VIEW, ViewBar, ViewForm};

use super::list_url::ListUrl;
use super::model_view::ModelView;
use super::query::ListQuery;
use crate::auth::{Actor, AuditLog, Roles, User};
use crate::error::{Error, FieldError, Result};
use crate::state::PortalState;
use crate::store::Store;

/// Maximum length of a name, in characters.
const MAX_NAME: usize = 80;

/// Maximum length of a query string, in bytes.
const MAX_QUERY: usize = 4000;

/// Maximum number of views of a user per model.
const MAX_PER_USER: u64 = 50;

/// Value of `shared_with` for everyone who may view the model.
const EVERYONE: &str = "*";

/// A named state of a list.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SavedView {
    pub(super) id: Uuid,
    #[serde(skip)]
    owner_id: Uuid,
    pub(super) model: String,
    pub(super) name: String,
    /// Query string of the list.
    pub(super) query: String,
    /// `None` for the owner only, `*` for everyone who may view the model, or the name of a role.
    pub(super) shared_with: Option<String>,
    /// `true` if the user may change and delete the view.
    pub(super) may_change: bool,
}

/// Content of a view as a user submits it.
#[derive(Debug, Clone)]
pub(super) struct ViewDraft {
    pub(super) name: String,
    pub(super) query: String,
    pub(super) shared_with: Option<String>,
}

/// Saved views on behalf of a user.
#[derive(Clone, Copy)]
pub(super) struct SavedViews<'a> {
    store: &'a Store,
    log: &'a AuditLog,
    roles: &'a Roles,
    user: &'a User,
    actor: &'a Actor,
}

impl<'a> SavedViews<'a> {
    pub(super) fn of(state: &'a PortalState, user: &'a User, actor: &'a Actor) -> Result<Self> {
        Ok(Self {
            store: state.borrow()?,
            log: state.borrow()?,
            roles: state.borrow()?,
            user,
            actor,
        })
    }

    /// Returns the views of a model that the user may see: shared ones first, then by name.
    pub(super) async fn list(&self, model: &str) -> Result<Vec<SavedView>> {
        table::visible(self.store, self.user, Some(model), None).await
    }

    /// Returns a view. Fails with `404 view_unknown` if it does not exist or the user may not see
    /// it.
    pub(super) async fn get(&self, id: &str) -> Result<SavedView> {
        let id: Uuid = id.parse().map_err(|_| view_unknown())?;
        let found = table::visible(self.store, self.user, None, Some(id)).await?;
        found.into_iter().next().ok_or_else(view_unknown)
    }

    /// Saves a new view.
    pub(super) async fn create(
        &self,
        model: &ModelView<'_>,
        draft: ViewDraft,
    ) -> Result<SavedView> {
        let draft = self.check(model, draft, None)?;
        let view = SavedView {
            id: Uuid::now_v7(),
            owner_id: self.user.id,
            model: model.name.to_owned(),
            name: draft.name,
            query: draft.query,
            shared_with: draft.shared_with,
            may_change: true,
        };
        table::insert(self.store, &view).await?;
        if view.shared_with.is_some() {
            self.record("create", &view).await?;
        }
        Ok(view)
    }

    /// Changes a view.
    pub(super) async fn update(
        &self,
        model: &ModelView<'_>,
        id: &str,
        draft: ViewDraft,
    ) -> Result<SavedView> {
        let present = self.changeable(model, id).await?;
        let was_shared = present.shared_with.is_some();
        let draft = self.check(model, draft, Some(&present))?;
        let view = SavedView {
            name: draft.name,
            query: draft.query,
            shared_with: draft.shared_with,
            ..present
        };
        table::update(self.store, &view).await?;
        if was_shared || view.shared_with.is_some() {
            self.record("update", &view).await?;
        }
        Ok(view)
    }

    pub(super) async fn delete(&self, model: &ModelView<'_>, id: &str) -> Result<SavedView> {
        let view = self.changeable(model, id).await?;
        table::delete(self.store, view.id).await?;
        if view.shared_with.is_some() {
            self.record("delete", &view).await?;
        }
        Ok(view)
    }

    /// Returns the groups of users with whom the user may share views, with their titles.
    pub(super) fn audiences(&self) -> Vec<(String, String)> {
        if !self.user.is_admin() {
            return Vec::new();
        }
        let everyone = (EVERYONE.to_owned(), "Everyone with access".to_owned());
        let roles = self.roles.titles();
        let roles = roles.map(|(name, title)| (name.to_owned(), format!("Role: {title}")));
        std::iter::once(everyone).chain(roles).collect()
    }

    async fn changeable(&self, model: &ModelView<'_>, id: &str) -> Result<SavedView> {
        let view = self.get(id).await?;
        if view.model != model.name {
            return Err(view_unknown());
        }
        match view.may_change {
            true => Ok(view),
            false => Err(Error::forbidden(
                "only administrators and the owner may change this view",
            )
            .with_code("not_permitted")),
        }
    }

    /// Returns the draft in its normalized form. A view can keep its present audience, and its query
    /// even if the model has changed.
    fn check(
        &self,
        model: &ModelView<'_>,
        draft: ViewDraft,
        present: Option<&SavedView>,
    ) -> Result<ViewDraft> {
        let mut errors = Vec::new();
        let name = draft.name.trim();
        match name.chars().count() {
            0 => errors.push(FieldError::new("/name", "missing", "must have a name")),
            1..=MAX_NAME => errors.extend(crate::json::validate(&name.into(), "/name")),
            _ => {
                let message = format!("must have at most {MAX_NAME} characters");
                errors.push(FieldError::new("/name", "too_long", message));
            }
        }
        if name.chars().any(char::is_control) {
            let message = "must not contain control characters";
            errors.push(FieldError::new("/name", "invalid_value", message));
        }
        let query = ListUrl::new("").read(&draft.query).state();
        if query.len() > MAX_QUERY {
            let message = format!("must have at most {MAX_QUERY} bytes");
            errors.push(FieldError::new("/query", "too_long", message));
        }
        let list = ListUrl::new("").read(&query).list_query();
        let (_, invalid) = ListQuery::parse_leniently(model, &list);
        let is_new = present.is_none_or(|view| view.query != query);
        errors.extend(invalid.into_iter().filter(|_| is_new).map(|error| {
            let pointer = format!("/query{}", error.pointer);
            FieldError::new(pointer, &error.code, error.message)
        }));
        let shared_with = draft.shared_with.filter(|name| !name.is_empty());
        let kept = present.and_then(|view| view.shared_with.as_deref());
        if let Some(audience) = shared_with.as_deref().filter(|name| Some(*name) != kept) {
            if !self.user.is_admin() {
                let message = "only administrators may share views";
                errors.push(FieldError::new("/shared_with", "not_permitted", message));
            } else if audience != EVERYONE && self.roles.find(audience).is_none() {
                let message = format!("must be * or one of {}", self.roles.names());
                errors.push(FieldError::new("/shared_with", "not_allowed", message));
            }
        }
        match errors.is_empty() {
            true => Ok(ViewDraft {
                name: name.to_owned(),
                query,
                shared_with,
            }),
            false => Err(Error::invalid(errors)),
        }
    }

    /// Records a change to a shared view in the audit log. Personal views concern only their owner.
    async fn record(&self, verb: &str, view: &SavedView) -> Result<()> {
        let details = serde_json::json!({
            "label": view.name, "model": view.model, "shared_with": view.shared_with,
        });
        let target = format!("view:{}", view.id);
        let action = format!("view.{verb}");
        self.log
            .record(self.actor.clone(), &action, &target, details)
            .await
    }
}

fn view_unknown() -> Error {
    Error::not_found("the view does not exist or is not shared with you").with_code("view_unknown")
}
