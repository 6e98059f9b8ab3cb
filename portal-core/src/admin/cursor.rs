//! Cursors: positions in the order of a list, between two rows.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::field::FieldSpec;
use super::model_view::ModelView;
use super::query::{Sort, sort_text};
use super::record::Record;
use super::spec::ModelSpec;
use crate::json;

/// Maximum length of the values in a cursor, in bytes. Cursors of rows with longer values contain
/// only the key.
const MAX_VALUES: usize = 1000;

/// Start of a page in the order of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Position {
    /// The first page.
    First,
    /// The last page.
    Last,
    /// The rows after a row.
    After(Cursor),
    /// The rows before a row.
    Before(Cursor),
}

/// A row's place in the order of a list. Remains valid if the row is changed or deleted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cursor {
    pub(super) key: Value,
    /// Values of the sort fields; `None` if they are too long, so that the row must be read.
    pub(super) values: Option<Vec<Value>>,
}

/// Text form of a cursor, as JSON in Base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoded {
    /// Sort order, which must be the order of the list.
    s: String,
    k: Value,
    v: Option<Vec<Value>>,
    /// `true` for the rows before the row.
    b: bool,
}

impl Position {
    /// Name of the last page in URLs.
    pub(super) const LAST: &'static str = "last";

    /// Parses a cursor of a list with an order; `None` if the text is not a cursor of this list.
    pub(super) fn parse(text: &str, model: &ModelView<'_>, sort: &[Sort]) -> Option<Self> {
        match text {
            "" => return Some(Self::First),
            Self::LAST => return Some(Self::Last),
            _ => {}
        }
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let Encoded { s, k, v, b } = serde_json::from_slice(&decoded).ok()?;
        let has_type = |field: &FieldSpec, value: &Value| match value {
            Value::Null => field.nullable,
            value => json::validate(value, "").is_empty() && field.kind.bind(value).is_some(),
        };
        let are_valid = |values: &Vec<Value>| {
            let mut pairs = sort.iter().zip(values);
            values.len() == sort.len()
                && pairs.all(|(sort, value)| {
                    let field = model.field(sort.field);
                    field.is_some_and(|field| has_type(field, value))
                })
        };
        let is_valid =
            s == sort_text(sort) && has_type(model.key(), &k) && v.as_ref().is_none_or(are_valid);
        let cursor = Cursor { key: k, values: v };
        is_valid.then_some(if b {
            Self::Before(cursor)
        } else {
            Self::After(cursor)
        })
    }
}

impl Cursor {
    pub(super) fn of(model: &ModelSpec, sort: &[Sort], record: &Record) -> Self {
        let value = |field: &str| record.values.get(field).cloned().unwrap_or_default();
        let values: Vec<Value> = sort.iter().map(|sort| value(sort.field)).collect();
        let length = |value: &Value| value.as_str().map_or(0, str::len);
        let is_short = values.iter().map(length).sum::<usize>() <= MAX_VALUES;
        Self {
            key: value(model.key().name),
            values: is_short.then_some(values),
        }
    }

    /// Returns the text for the rows after or before the row.
    pub(super) fn encode(self, sort: &[Sort], is_before: bool) -> String {
        let encoded = Encoded {
            s: sort_text(sort),
            k: self.key,
            v: self.values,
            b: is_before,
        };
        // Serializing these types cannot fail.
        let json = serde_json::to_vec(&encoded).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.encode(json)
    }
}
