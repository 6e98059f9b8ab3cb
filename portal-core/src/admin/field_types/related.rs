//! Many-to-many relations: a list of keys of related rows, which a join table stores.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::super::field::{AdminField, FieldKind, FieldSpec};
use super::super::field_type::{FieldType, object, plain_text, shorten};
use super::super::model::AdminModel;
use super::super::operator::Operator;
use super::super::storage::Storage;
use super::wrong_type;
use crate::error::{Error, FieldError, Result};

/// Maximum number of keys in a list.
const MAX_KEYS: usize = 1000;

/// Rows of the model `M` that are related to a row: a many-to-many relation.
///
/// The value is the list of the keys of the related rows, without duplicates, in ascending order,
/// with at most 1000 keys. It is not a column: the portal creates a join table with the name of the
/// model and the field, such as `company_tags`. Deleting a row on either side removes it from the
/// lists.
///
/// ```
/// use portal_core::admin::Related;
/// use portal_core::prelude::*;
///
/// /// A tag
/// #[admin_model]
/// struct Tag { id: i64, name: String }
///
/// /// A company
/// #[admin_model]
/// struct Company { id: i64, name: String, tags: Related<Tag> }
///
/// async fn tag(models: Data<Models>, mut company: Company, tag: Tag) -> Result<Company> {
///     let mut tags = company.tags.keys::<i64>()?;
///     tags.push(tag.id);
///     company.tags = Related::from(tags);
///     models.update(&company).await
/// }
/// # fn main() {}
/// ```
pub struct Related<M> {
    keys: Vec<Value>,
    model: PhantomData<fn() -> M>,
}

impl<M> Related<M> {
    /// Returns the keys of the related rows, in ascending order.
    ///
    /// # Errors
    ///
    /// Fails if the keys of the model do not have the type `K`.
    pub fn keys<K: AdminField>(&self) -> Result<Vec<K>> {
        let keys = self.keys.iter().cloned().map(K::from_value);
        keys.collect::<Result<_, _>>().map_err(Error::internal)
    }

    /// Returns the number of related rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns `true` if there is no related row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns `true` if the row with a key is related.
    #[must_use]
    pub fn contains(&self, key: &impl AdminField) -> bool {
        self.keys.contains(&key.to_value())
    }

    fn new(keys: Vec<Value>) -> Self {
        Self {
            keys: sorted(keys),
            model: PhantomData,
        }
    }
}

impl<M, K: AdminField> From<Vec<K>> for Related<M> {
    fn from(keys: Vec<K>) -> Self {
        keys.into_iter().collect()
    }
}

impl<M, K: AdminField> FromIterator<K> for Related<M> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        Self::new(keys.into_iter().map(|key| key.to_value()).collect())
    }
}

impl<M> Default for Related<M> {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl<M> Clone for Related<M> {
    fn clone(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            model: PhantomData,
        }
    }
}

impl<M> PartialEq for Related<M> {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl<M> Eq for Related<M> {}

impl<M> fmt::Debug for Related<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.keys).finish()
    }
}

impl<M: AdminModel> AdminField for Related<M> {
    const KIND: FieldKind = FieldKind::new(&RelatedKeys {
        key: key_field::<M>,
    });
    const DEFAULT: Option<&'static str> = Some("");
    const MANY_TO_MANY: Option<&'static str> = Some(M::NAME);

    fn to_value(&self) -> Value {
        Value::Array(self.keys.clone())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        let Value::Array(items) = value else {
            return Err(wrong_type("must be a list"));
        };
        if items.len() > MAX_KEYS {
            let message = format!("must contain at most {MAX_KEYS} keys");
            return Err(FieldError::new("", "too_long", message));
        }
        let kind = key_field::<M>().kind;
        let mut keys = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            // The same key can be written in several ways, such as a UUID in upper case.
            let key = kind.parse(&plain_text(item)).ok();
            match key.filter(|key| !item.is_null() && kind.bind(key).is_some()) {
                Some(key) => keys.push(key),
                None => {
                    let message = "must be a key of the related model";
                    return Err(FieldError::new(
                        format!("/{index}"),
                        "invalid_type",
                        message,
                    ));
                }
            }
        }
        Ok(Self::new(keys))
    }
}

/// Returns the primary key of a model. Its presence is checked before the portal starts.
fn key_field<M: AdminModel>() -> &'static FieldSpec {
    const NO_KEY: FieldSpec = FieldSpec::new::<i64>("id");
    let mut fields = M::FIELDS.iter();
    fields.find(|field| field.primary_key).unwrap_or(&NO_KEY)
}

/// Returns keys in ascending order, without duplicates.
fn sorted(keys: Vec<Value>) -> Vec<Value> {
    // Numbers come in numeric order, texts in the order of their characters.
    let place = |key: &Value| (key.as_i64().unwrap_or_default(), plain_text(key));
    let keys: BTreeMap<_, _> = keys.into_iter().map(|key| (place(&key), key)).collect();
    keys.into_values().collect()
}

#[derive(Debug)]
struct RelatedKeys {
    /// Returns the primary key of the model. It is a function because two models can be related to
    /// each other.
    key: fn() -> &'static FieldSpec,
}

impl RelatedKeys {
    fn texts(value: &Value) -> Vec<String> {
        let keys = value.as_array().map(Vec::as_slice).unwrap_or_default();
        keys.iter().map(plain_text).collect()
    }
}

impl FieldType for RelatedKeys {
    fn name(&self) -> &'static str {
        "many_to_many"
    }

    fn storage(&self) -> Storage {
        Storage::Json
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        let keys = text.lines().map(str::trim).filter(|key| !key.is_empty());
        let keys = keys.map(|key| (self.key)().kind.parse(key));
        Ok(Value::Array(sorted(keys.collect::<Result<_, _>>()?)))
    }

    fn decode(&self, stored: Value) -> Value {
        let key = (self.key)().kind;
        let Value::Array(keys) = stored else {
            return Value::Array(Vec::new());
        };
        // SQLite returns UUIDs without hyphens.
        let keys = keys.into_iter().map(|stored| match &stored {
            Value::String(text) if key.storage() == Storage::Uuid => {
                key.parse(text).unwrap_or(stored)
            }
            _ => key.decode(stored),
        });
        Value::Array(sorted(keys.collect()))
    }

    fn form_text(&self, value: &Value) -> String {
        Self::texts(value).join("\n")
    }

    fn normalize(&self, text: &str) -> String {
        let value = self.parse(text);
        value.map_or_else(|_| text.to_owned(), |value| self.form_text(&value))
    }

    fn cell(&self, value: &Value, _is_key: bool) -> Markup {
        html! { (shorten(&Self::texts(value).join(", "))) }
    }

    fn supports(&self, operator: Operator) -> bool {
        operator.is_equality()
    }

    fn filter_operators(&self) -> &'static [(Operator, &'static str)] {
        &[
            (Operator::Equal, "has"),
            (Operator::NotEqual, "does not have"),
        ]
    }

    fn parse_filter(&self, text: &str) -> Result<Value, FieldError> {
        (self.key)().kind.parse(text)
    }

    fn json_schema(&self) -> Map<String, Value> {
        let items = (self.key)().kind.json_schema();
        object(json!({
            "type": "array",
            "items": items,
            "uniqueItems": true,
            "maxItems": MAX_KEYS,
        }))
    }
}
