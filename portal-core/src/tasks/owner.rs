//! Whose authority a client token stands for: its owner's, as he is now.

use std::sync::Arc;

use super::record::TaskRecord;
use super::registry::TaskRegistry;
use super::service::check_access;
use super::task::TaskDefinition;
use crate::auth::{Access, Auth, ClientToken, ClientTokens, User, client_token_unknown};
use crate::error::Result;
use crate::state::PortalState;

/// A client token that stands, and its owner, who is allowed in.
pub(super) struct Owner {
    pub(super) token: ClientToken,
    pub(super) user: Arc<User>,
}

impl Owner {
    /// The owner of the token of a path: every use of one begins here.
    pub(super) async fn of(state: &PortalState, token: &str) -> Result<Self> {
        let token = state.borrow::<ClientTokens>()?.verify(token).await?;
        Self::with_token(state, token).await
    }

    pub(super) async fn with_token(state: &PortalState, token: ClientToken) -> Result<Self> {
        let user = state.borrow::<Auth>()?.user(token.user_id).await?;
        let user = user.ok_or_else(client_token_unknown)?;
        Access::User.check(Some(&user))?;
        Ok(Self { token, user })
    }

    /// Refuses a task that he may not use.
    pub(super) fn check(&self, registry: &TaskRegistry, record: &TaskRecord) -> Result<()> {
        match registry.get(&record.state, &record.name) {
            Some(kind) => check_access(kind, Some(&self.user)),
            // Another version of the portal knows the kind; the token is all that can be asked for.
            None => Ok(()),
        }
    }

    /// The kinds of task that he may use, or may not, in one state or in all.
    pub(super) fn kinds<'a>(
        &'a self,
        registry: &'a TaskRegistry,
        state: Option<&'a str>,
        allowed: bool,
    ) -> impl Iterator<Item = &'a Arc<TaskDefinition>> {
        registry.all().filter(move |kind| {
            state.is_none_or(|state| kind.state == state)
                && kind.access.allows(Some(&self.user)) == allowed
        })
    }
}
