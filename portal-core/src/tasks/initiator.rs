//! Initiator of a task: the client, user and request that it is enqueued for.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use uuid::Uuid;

use super::engine::insert::NewTask;
use super::trace_context;
use crate::auth::{CurrentUser, User, caller};
use crate::error::{Error, Result};
use crate::state::PortalState;

/// Client, user and request that a task is enqueued for.
///
/// A handler extracts the initiator of its request. The initiator's user becomes the owner of the
/// task: they can see the task, are notified when it finishes, and their permissions apply to it. A
/// `&CurrentUser` also converts into an initiator.
///
/// ```
/// use portal_core::Initiator;
/// use portal_core::prelude::*;
///
/// /// Send the digest
/// #[monitored_background_task(group = "mail", internal)]
/// async fn send_digest(task: TaskContext) -> Result<u32, TaskError> {
///     Ok(3)
/// }
///
/// /// Request a digest
/// #[page("/digest", method = post, requires_auth)]
/// async fn request_digest(initiator: Initiator, tasks: Data<Tasks>) -> Result<Markup> {
///     let task = tasks.enqueue(send_digest, NoArgs {}).initiator(initiator).await?;
///     Ok(html! { p { "Queued as task " (task.id()) "." } })
/// }
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Default)]
pub struct Initiator {
    /// Id of the client token that the task is visible to.
    pub client_token_id: Option<Uuid>,
    /// Id of the user who owns the task.
    pub owner_user_id: Option<Uuid>,
    /// Request that enqueues the task: its W3C trace parent, or its id.
    pub trace_parent: Option<String>,
}

impl Initiator {
    /// Writes the initiator into a new task.
    pub(super) fn apply_to(self, task: &mut NewTask) {
        task.client_token_id = self.client_token_id;
        task.owner_user_id = self.owner_user_id;
        task.trace_parent = self.trace_parent;
    }
}

impl From<&User> for Initiator {
    fn from(owner: &User) -> Self {
        Self {
            owner_user_id: Some(owner.id),
            ..Self::default()
        }
    }
}

impl From<&CurrentUser> for Initiator {
    fn from(owner: &CurrentUser) -> Self {
        Self::from(&**owner)
    }
}

impl FromRequestParts<PortalState> for Initiator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self> {
        let user = caller(parts, state).await?;
        Ok(Self {
            client_token_id: None,
            owner_user_id: user.map(|user| user.id),
            trace_parent: trace_context::of_request(&parts.headers),
        })
    }
}
