//! E-mail addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, object};
use super::super::storage::Storage;
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;

/// A valid e-mail address.
///
/// The rules are those of `#[garde(email)]`. Whether the address exists is not checked.
///
/// ```
/// use portal_core::admin::Email;
///
/// let email: Email = "ada@example.com".parse()?;
/// assert_eq!(email.as_str(), "ada@example.com");
/// assert!("ada@".parse::<Email>().is_err());
/// # Ok::<(), portal_core::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// Returns the address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        Self::try_from(text.trim().to_owned())
    }
}

impl TryFrom<String> for Email {
    type Error = FieldError;

    fn try_from(text: String) -> Result<Self, FieldError> {
        match garde::rules::email::parse_email(&text) {
            Ok(()) => Ok(Self(text)),
            Err(_) => Err(FieldError::new(
                "",
                "invalid_value",
                "must be an e-mail address such as ada@example.com",
            )),
        }
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl AsRef<str> for Email {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AdminField for Email {
    const KIND: FieldKind = FieldKind::new(&EmailType);

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::String(text) => text.parse(),
            _ => Err(wrong_type("must be a string")),
        }
    }
}

#[derive(Debug)]
struct EmailType;

impl FieldType for EmailType {
    fn name(&self) -> &'static str {
        "email"
    }

    fn storage(&self) -> Storage {
        Storage::Text
    }

    fn is_text(&self) -> bool {
        true
    }

    fn accepts_empty_text(&self) -> bool {
        false
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        text.parse().map(|email: Email| email.to_value())
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::email(spec.name, spec.title)
            .autocomplete("off")
            .required(spec.is_required)
    }

    fn json_schema(&self) -> Map<String, Value> {
        object(json!({"type": "string", "format": "email"}))
    }
}
