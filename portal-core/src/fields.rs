//! Fields in queries and submitted forms whose names are not fixed.

use std::convert::Infallible;
use std::ops::Deref;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use url::form_urlencoded;

use crate::error::Error;
use crate::request::body_bytes;
use crate::state::PortalState;

/// Names and values in the order in which they were sent. If a name occurs more than once, the last
/// value applies.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// Returns the value of a field as it was sent.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter().rev();
        let field = fields.find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }

    /// Returns the trimmed value of a field, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.find(name).map(str::trim);
        value.filter(|value| !value.is_empty())
    }

    /// Returns the value of a field as it was sent; empty if it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// Returns all fields in the order in which they were sent.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// Fields in the query.
pub(crate) struct QueryFields(pub(crate) Fields);

impl FromRequestParts<PortalState> for QueryFields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &PortalState) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(Fields::parse(query.as_bytes())))
    }
}

/// Fields in the submitted form.
pub(crate) struct FormFields {
    fields: Fields,
    /// The form as the browser sent it.
    pub(crate) encoded: Bytes,
}

impl FromRequest<PortalState> for FormFields {
    type Rejection = Error;

    async fn from_request(request: Request, state: &PortalState) -> Result<Self, Error> {
        let encoded = body_bytes(request, state).await?;
        Ok(Self {
            fields: Fields::parse(&encoded),
            encoded,
        })
    }
}

impl Deref for FormFields {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}
