//! Records and parameters in calls to the Backend API.

use portal_core::auth::Profile;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::BackendError;
use crate::user_record;

/// A user as stored by Clerk.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClerkUser {
    /// Id of the user, such as `user_…`; stored as the `clerk_id` of the local user.
    pub id: String,
    /// Name, e-mail address, metadata and other data from the record.
    pub profile: Profile,
}

impl ClerkUser {
    pub(super) fn read(record: Value) -> Result<Self, BackendError> {
        let id = record["id"]
            .as_str()
            .filter(|id| user_record::is_user_id(id));
        let id = id.map(str::to_owned);
        let id = id.ok_or_else(|| BackendError::Unexpected("a user without an id".to_owned()))?;
        Ok(Self {
            id,
            profile: user_record::profile(record),
        })
    }
}

/// A session as stored by Clerk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ClerkSession {
    /// Id of the session, such as `sess_…`.
    pub id: String,
    /// Id of the session's user.
    pub user_id: String,
    /// Status: `active`, `ended`, `expired`, `removed`, `revoked`, or a status that Clerk adds
    /// later.
    pub status: String,
    /// Time at which the session was last used, in milliseconds since 1970.
    #[serde(default)]
    pub last_active_at: i64,
    /// Time at which the session expires, in milliseconds since 1970.
    #[serde(default)]
    pub expire_at: i64,
}

/// Criteria for listing users; an empty query selects all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserQuery {
    /// Part of a name, an e-mail address or an id.
    pub search: Option<String>,
    /// Limits the result to users with these e-mail addresses.
    pub email_addresses: Vec<String>,
    /// Limits the result to these users.
    pub user_ids: Vec<String>,
    /// Field to sort by, with `-` for descending order. Default: `-created_at`.
    pub order_by: Option<String>,
    /// Number of users to skip.
    pub offset: u64,
    /// Maximum number of users to return, at most 500; 0 means 100.
    pub limit: u64,
}

impl UserQuery {
    /// Returns the query parameters that select users.
    pub(super) fn filter(&self) -> Vec<(&'static str, String)> {
        let search = self.search.iter().map(|text| ("query", text.clone()));
        let addresses = self.email_addresses.iter();
        let addresses = addresses.map(|address| ("email_address[]", address.clone()));
        let ids = self.user_ids.iter().map(|id| ("user_id[]", id.clone()));
        search.chain(addresses).chain(ids).collect()
    }

    /// Returns the query parameters that select users, including the order, offset and limit.
    pub(super) fn page(&self) -> Vec<(&'static str, String)> {
        let limit = if self.limit == 0 { 100 } else { self.limit };
        let mut page = self.filter();
        page.push(("limit", limit.min(500).to_string()));
        page.push(("offset", self.offset.to_string()));
        if let Some(order) = &self.order_by {
            page.push(("order_by", order.clone()));
        }
        page
    }
}

/// Fields to merge into a user's metadata; `null` removes a field.
///
/// Objects are merged field by field. Clerk's `unsafe` metadata cannot be changed here: users can
/// write it themselves, so nothing may depend on it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetadataChange {
    /// Metadata that everyone can read.
    pub public: Option<Value>,
    /// Metadata that only servers can read.
    pub private: Option<Value>,
}

impl MetadataChange {
    pub(super) fn body(&self) -> Value {
        let mut body = json!({});
        if let Some(public) = &self.public {
            body["public_metadata"] = public.clone();
        }
        if let Some(private) = &self.private {
            body["private_metadata"] = private.clone();
        }
        body
    }
}
