//! JSON documents with the type of a Rust struct.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::document_format::Format;
use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, object};
use super::super::storage::Storage;
use super::document;
use crate::error::FieldError;
use crate::pages::components::Field;
use crate::request;

/// A JSON document that has the type `T`.
///
/// Forms show the document as YAML or JSON. Its JSON Schema is that of `T`, and errors point to the
/// invalid member. Members that `T` does not have are dropped, unless `T` has
/// `#[serde(deny_unknown_fields)]`.
///
/// ```
/// use portal_core::admin::{AdminField, Document};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use serde_json::json;
///
/// #[derive(Debug, Serialize, Deserialize, JsonSchema)]
/// struct Limits { seats: u32 }
///
/// let limits = Document::<Limits>::from_value(json!({"seats": 5}))?;
/// assert_eq!(limits.seats, 5);
/// let error = Document::<Limits>::from_value(json!({"seats": "many"})).unwrap_err();
/// assert_eq!(error.pointer, "/seats");
/// # Ok::<(), portal_core::FieldError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Document<T>(pub T);

impl<T> Deref for Document<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Document<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Serialize + DeserializeOwned + JsonSchema> AdminField for Document<T> {
    const KIND: FieldKind = FieldKind::new(DocumentOf::<T>::TYPE);

    /// Null if `T` cannot be written as JSON, which a required field rejects.
    fn to_value(&self) -> Value {
        serde_json::to_value(&self.0).unwrap_or_default()
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        request::from_value(value).map(Self)
    }
}

struct DocumentOf<T>(PhantomData<T>);

impl<T: JsonSchema> DocumentOf<T> {
    const TYPE: &'static TypedDocument = &TypedDocument {
        schema: schema::<T>,
    };
}

/// Returns the schema of a type, without references to other schemas if possible.
fn schema<T: JsonSchema>() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = object(schema.to_value());
    if schema.contains_key("$defs") {
        // The references of a recursive type are relative to this id.
        let id = format!("urn:document:{}", T::schema_name());
        schema.insert("$id".to_owned(), id.into());
    }
    schema
}

#[derive(Debug)]
struct TypedDocument {
    schema: fn() -> Map<String, Value>,
}

impl FieldType for TypedDocument {
    fn name(&self) -> &'static str {
        "json"
    }

    fn storage(&self) -> Storage {
        Storage::Json
    }

    fn is_document(&self) -> bool {
        true
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        Format::Json.parse(text)
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::code(spec.name, spec.title)
    }

    fn read_only_control(&self, name: String, title: &str, text: &str) -> Field {
        Field::code(name, title).value(text)
    }

    fn cell(&self, value: &Value, _is_key: bool) -> maud::Markup {
        document::cell(value)
    }

    fn json_schema(&self) -> Map<String, Value> {
        (self.schema)()
    }
}
