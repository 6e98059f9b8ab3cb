//! Events in webhook messages.

use portal_core::auth::{Profile, ProviderEvent};
use serde::Deserialize;
use serde_json::Value;

use crate::user_record::{self, is_session_id, is_user_id};

/// The event in a message. Only events that concern the portal are distinguished.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    User {
        id: String,
        profile: Box<Profile>,
    },
    UserDeleted {
        id: String,
    },
    SessionEnded {
        id: String,
    },
    /// An event of a type that does not affect the portal.
    Other {
        kind: String,
    },
}

/// Error in a message signed by Clerk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventError {
    #[error("the body is not an event: {0}")]
    Json(#[from] serde_json::Error),
    #[error("`{0}` is missing or malformed")]
    Member(&'static str),
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Value,
}

impl Event {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, EventError> {
        let Envelope { kind, data } = serde_json::from_slice(body)?;
        let id = |is_id: fn(&str) -> bool| {
            let id = data["id"].as_str().filter(|id| is_id(id));
            id.map(str::to_owned).ok_or(EventError::Member("data.id"))
        };
        match kind.as_str() {
            "user.created" | "user.updated" => {
                let id = id(is_user_id)?;
                let profile = user_record::profile(data);
                // Without this time, the order of messages cannot be determined.
                if profile.updated_at <= 0 {
                    return Err(EventError::Member("data.updated_at"));
                }
                Ok(Self::User {
                    id,
                    profile: Box::new(profile),
                })
            }
            "user.deleted" => Ok(Self::UserDeleted {
                id: id(is_user_id)?,
            }),
            "session.ended" | "session.removed" | "session.revoked" => Ok(Self::SessionEnded {
                id: id(is_session_id)?,
            }),
            _ => Ok(Self::Other { kind }),
        }
    }

    /// Returns the change to make to the user directory, if any.
    pub(crate) fn change(&self) -> Option<ProviderEvent<'_>> {
        match self {
            Self::User { id, profile } => Some(ProviderEvent::User {
                subject: id,
                profile,
            }),
            Self::UserDeleted { id } => Some(ProviderEvent::UserDeleted { subject: id }),
            Self::SessionEnded { id } => Some(ProviderEvent::SessionEnded { session_id: id }),
            Self::Other { .. } => None,
        }
    }
}
