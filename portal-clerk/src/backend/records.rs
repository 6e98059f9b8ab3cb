//! What the Backend API gives and takes.

use portal_core::auth::Profile;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::BackendError;
use crate::users;

/// A user as Clerk has him.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClerkUser {
    /// `user_…`; the `clerk_id` of the local user.
    pub id: String,
    /// His name, address, metadata and the rest of his record.
    pub profile: Profile,
}

impl ClerkUser {
    pub(super) fn read(record: Value) -> Result<Self, BackendError> {
        let id = record["id"].as_str().filter(|id| users::is_user_id(id));
        let id = id.map(str::to_owned);
        let id = id.ok_or_else(|| BackendError::Unexpected("a user without an id".to_owned()))?;
        Ok(Self {
            id,
            profile: users::profile(record),
        })
    }
}

/// A session as Clerk has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ClerkSession {
    /// `sess_…`
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// `active`, `ended`, `expired`, `removed`, `revoked`, or what Clerk adds to these.
    pub status: String,
    /// When it was last used, in milliseconds since 1970.
    #[serde(default)]
    pub last_active_at: i64,
    /// When it ends by itself, in milliseconds since 1970.
    #[serde(default)]
    pub expire_at: i64,
}

/// Which users are meant; without anything all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserQuery {
    /// Part of a name, an address or an id.
    pub search: Option<String>,
    /// Only users of these addresses.
    pub email_addresses: Vec<String>,
    /// Only these users.
    pub user_ids: Vec<String>,
    /// What to sort by, with `-` for backwards, such as `-created_at`, which is the default.
    pub order_by: Option<String>,
    /// How many to pass over.
    pub offset: u64,
    /// How many to give, 500 at the most; 0 means 100.
    pub limit: u64,
}

impl UserQuery {
    /// The parameters that say which users are meant.
    pub(super) fn filter(&self) -> Vec<(&'static str, String)> {
        let search = self.search.iter().map(|text| ("query", text.clone()));
        let addresses = self.email_addresses.iter();
        let addresses = addresses.map(|address| ("email_address[]", address.clone()));
        let ids = self.user_ids.iter().map(|id| ("user_id[]", id.clone()));
        search.chain(addresses).chain(ids).collect()
    }

    /// The same with which part of them is wanted.
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

/// Members to merge into a user's metadata: objects member by member, `null` takes one out.
///
/// There is no `unsafe` metadata: users write that themselves, so nothing may depend on it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetadataChange {
    /// For everyone to see.
    pub public: Option<Value>,
    /// For servers only.
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
