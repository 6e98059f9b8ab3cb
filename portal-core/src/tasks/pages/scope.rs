//! Scope of a task page: the user and the services that the page uses.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::area::Area;
use crate::auth::{AuditLog, ClientTokens, CurrentUser, Users, caller};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::state::{Data, PortalState, TaskInput as _};
use crate::tasks::service::Tasks;

/// User of a page and the services that it uses; as an extractor, for the user's own area.
pub(super) struct PageScope {
    pub(super) area: Area,
    pub(super) user: CurrentUser,
    pub(super) tasks: Data<Tasks>,
    pub(super) tokens: Data<ClientTokens>,
    pub(super) users: Data<Users>,
    pub(super) audit: Data<AuditLog>,
    pub(super) config: Data<Config>,
}

impl FromRequestParts<PortalState> for PageScope {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self> {
        let user = caller(parts, state).await?;
        Ok(Self {
            area: Area::Own,
            user: user.ok_or_else(Error::unauthorized)?,
            tasks: Data::resolve(state)?,
            tokens: Data::resolve(state)?,
            users: Data::resolve(state)?,
            audit: Data::resolve(state)?,
            config: Data::resolve(state)?,
        })
    }
}

/// Scope of a page in the administrators' area; it includes the tasks of all users.
pub(super) struct AdminScope(pub(super) PageScope);

impl FromRequestParts<PortalState> for AdminScope {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self> {
        let scope = PageScope::from_request_parts(parts, state).await?;
        Ok(Self(PageScope {
            area: Area::Admin,
            ..scope
        }))
    }
}
