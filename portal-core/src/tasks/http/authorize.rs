//! Authorization of client tokens: a token has the current permissions of its owner.

use std::sync::Arc;

use crate::auth::{Access, Auth, ClientToken, ClientTokens, User, client_token_unknown};
use crate::error::Result;
use crate::state::PortalState;
use crate::tasks::definition::registry::TaskRegistry;
use crate::tasks::definition::task::TaskDefinition;
use crate::tasks::record::TaskRecord;
use crate::tasks::service::check_access;

/// A valid client token and its owner, whose account is enabled.
pub(super) struct AuthorizedClient {
    pub(super) token: ClientToken,
    pub(super) user: Arc<User>,
}

impl AuthorizedClient {
    /// Returns the owner of the client token in a path. Every use of a token starts here.
    pub(super) async fn verify(state: &PortalState, token: &str) -> Result<Self> {
        let token = state.borrow::<ClientTokens>()?.verify(token).await?;
        Self::with_token(state, token).await
    }

    pub(super) async fn with_token(state: &PortalState, token: ClientToken) -> Result<Self> {
        let user = state.borrow::<Auth>()?.user(token.user_id).await?;
        let user = user.ok_or_else(client_token_unknown)?;
        Access::User.check(Some(&user))?;
        Ok(Self { token, user })
    }

    /// Rejects a task to which the owner has no access.
    pub(super) fn check(&self, registry: &TaskRegistry, record: &TaskRecord) -> Result<()> {
        match registry.get(&record.group, &record.name) {
            Some(task_type) => check_access(task_type, Some(&self.user)),
            // Only another version of the portal has the task type, so only the token can be
            // checked.
            None => Ok(()),
        }
    }

    /// Returns the task types that the owner has access to or, if `allowed` is `false`, all others.
    pub(super) fn task_types<'a>(
        &'a self,
        registry: &'a TaskRegistry,
        group: Option<&'a str>,
        allowed: bool,
    ) -> impl Iterator<Item = &'a Arc<TaskDefinition>> {
        registry.all().filter(move |task_type| {
            group.is_none_or(|group| task_type.group == group)
                && task_type.access.allows(Some(&self.user)) == allowed
        })
    }
}
