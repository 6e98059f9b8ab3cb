//! Behavior of field types: text, forms, lists, filters and the API.

use std::fmt::Debug;

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::document_format::Format;
use super::operator::Operator;
use super::storage::Storage;
use crate::error::FieldError;
use crate::pages::components::Field;
use crate::store::schema::ColumnType;
use crate::store::{Row, StoreError};

pub(crate) use super::storage::KeySource;

/// Maximum length of the text in a cell, in characters.
const CELL_LENGTH: usize = 80;

/// Behavior of a field type: storage, text, form control, list cell, filters and JSON Schema.
///
/// The admin calls these methods and never distinguishes types, so an application can add its own
/// types. Only [`name`](Self::name), [`storage`](Self::storage) and [`parse`](Self::parse) are
/// required. The example defines a type for weights, which are stored in grams:
///
/// ```
/// use portal_core::FieldError;
/// use portal_core::admin::{AdminField, FieldKind, FieldSpec, FieldType, Storage};
/// use serde_json::{Map, Value, json};
///
/// #[derive(Debug, PartialEq)]
/// struct Weight { grams: i64 }
///
/// impl AdminField for Weight {
///     const KIND: FieldKind = FieldKind::new(&WeightType);
///
///     fn to_value(&self) -> Value {
///         json!(format!("{} g", self.grams))
///     }
///
///     fn from_value(value: Value) -> Result<Self, FieldError> {
///         let grams = value.as_str().and_then(|text| text.strip_suffix('g')?.trim().parse().ok());
///         grams.map(|grams| Self { grams }).ok_or_else(|| {
///             FieldError::new("", "invalid_value", "must be a weight such as 250 g")
///         })
///     }
/// }
///
/// #[derive(Debug)]
/// struct WeightType;
///
/// impl FieldType for WeightType {
///     fn name(&self) -> &'static str {
///         "weight"
///     }
///
///     fn storage(&self) -> Storage {
///         Storage::BigInt
///     }
///
///     fn parse(&self, text: &str) -> Result<Value, FieldError> {
///         Weight::from_value(json!(text.trim())).map(|weight| weight.to_value())
///     }
///
///     // The column contains the number of grams, so that rows are sorted by weight.
///     fn encode(&self, value: &Value) -> Option<Value> {
///         Weight::from_value(value.clone()).ok().map(|weight| json!(weight.grams))
///     }
///
///     fn decode(&self, stored: Value) -> Value {
///         stored.as_i64().map_or(Value::Null, |grams| Weight { grams }.to_value())
///     }
///
///     fn json_schema(&self) -> Map<String, Value> {
///         Map::from_iter([("type".to_owned(), json!("string"))])
///     }
/// }
///
/// const WEIGHT: FieldSpec = FieldSpec::new::<Option<Weight>>("weight");
/// assert_eq!(WEIGHT.kind().name(), "weight");
/// assert!(Weight::from_value(json!("heavy")).is_err());
/// ```
pub trait FieldType: Debug + Send + Sync {
    /// Returns the name in the API. The type of a reference must have the same name as the type of
    /// the key to which it refers.
    fn name(&self) -> &'static str;

    /// Returns the column that stores the values.
    fn storage(&self) -> Storage;

    /// Parses a value as written in a form, a URL or a default.
    ///
    /// # Errors
    ///
    /// Fails if the text is not a valid value. The message completes "this value …".
    fn parse(&self, text: &str) -> Result<Value, FieldError>;

    // Storage

    /// Encodes a value as the JSON value that [`storage`](Self::storage) stores; `None` if it does not
    /// have this type. Default: the value itself.
    fn encode(&self, value: &Value) -> Option<Value> {
        Some(value.clone())
    }

    /// Decodes a stored JSON value. Default: the stored value itself.
    fn decode(&self, stored: Value) -> Value {
        stored
    }

    // Classification

    /// Returns `true` if values are free text.
    ///
    /// Text can be searched and restricted to choices, and filters support
    /// [`Operator::Contains`](Operator) if [`supports`](Self::supports) does.
    fn is_text(&self) -> bool {
        false
    }

    /// Returns `true` if an empty text is a value, not the absence of one. Default: `true` for free
    /// text.
    fn accepts_empty_text(&self) -> bool {
        self.is_text()
    }

    /// Returns `true` if values can be compared and fit into a column of a list. Default: `true`
    /// unless the values are stored as JSON.
    fn is_scalar(&self) -> bool {
        self.storage().is_scalar()
    }

    /// Returns `true` if values are JSON documents, which forms show as YAML or JSON.
    fn is_document(&self) -> bool {
        false
    }

    /// Returns `true` if list columns align the values like numbers.
    fn is_numeric(&self) -> bool {
        false
    }

    /// Returns `true` if values can be primary keys. Such values must be stored unchanged, as text,
    /// whole numbers or UUIDs.
    fn can_be_key(&self) -> bool {
        false
    }

    /// Returns all possible values as strings with their labels if there are only a few; otherwise
    /// empty.
    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    // Defaults

    /// Returns the default of a required field that administrators cannot set.
    fn read_only_default(&self) -> Option<&'static str> {
        None
    }

    /// Returns `true` if the value of a text depends on the current time.
    fn is_volatile(&self, _text: &str) -> bool {
        false
    }

    // Forms

    /// Renders the form control, without a value. Default: a text input.
    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::text(spec.name, spec.title)
            .autocomplete("off")
            .required(spec.is_required)
    }

    /// Renders a value that cannot be changed. Default: a text input.
    fn read_only_control(&self, name: String, title: &str, text: &str) -> Field {
        Field::text(name, title).value(text)
    }

    /// Returns the text of a value in a form. Default: strings unchanged, null as an empty text,
    /// and other values as JSON.
    fn form_text(&self, value: &Value) -> String {
        plain_text(value)
    }

    /// Returns a normalized text, which is the same for equal values. Default: the text itself.
    fn normalize(&self, text: &str) -> String {
        text.to_owned()
    }

    /// Returns the text that a control has if the browser does not submit it.
    fn unsubmitted_text(&self) -> &'static str {
        ""
    }

    /// Renders the text of a form as users will see it; `None` if the form offers no preview.
    fn preview(&self, _text: &str) -> Option<Markup> {
        None
    }

    // Lists

    /// Renders a non-null value in a cell of a list. Default: the shortened text.
    fn cell(&self, value: &Value, _is_key: bool) -> Markup {
        html! { (shorten(&self.form_text(value))) }
    }

    // Filters

    /// Returns `true` if filters support the operator. Default: all for text, comparisons for other
    /// scalar values, [`Operator::Contains`] for JSON. The admin decides about
    /// [`Operator::Empty`], which depends on the field.
    fn supports(&self, operator: Operator) -> bool {
        match operator {
            Operator::StartsWith => self.is_text(),
            Operator::Contains => self.is_text() || !self.is_scalar(),
            _ => self.is_scalar(),
        }
    }

    /// Returns the operators that the filter form offers, with their labels. Default: equality for
    /// scalar values, [`Operator::Contains`] for JSON, and both for text.
    fn filter_operators(&self) -> &'static [(Operator, &'static str)] {
        if self.is_text() {
            &[
                (Operator::Contains, "contains"),
                (Operator::StartsWith, "starts with"),
                (Operator::Equal, "is"),
                (Operator::NotEqual, "is not"),
                (Operator::In, "is one of"),
            ]
        } else if self.is_scalar() {
            &[
                (Operator::Equal, "is"),
                (Operator::NotEqual, "is not"),
                (Operator::In, "is one of"),
            ]
        } else {
            &[(Operator::Contains, "contains")]
        }
    }

    /// Returns ready-made filters that the filter form offers. Default: none.
    fn filter_presets(&self) -> &'static [FilterPreset] {
        &[]
    }

    /// Parses a value of a filter. Default: as [`parse`](Self::parse).
    ///
    /// # Errors
    ///
    /// Fails if the text is not a valid value.
    fn parse_filter(&self, text: &str) -> Result<Value, FieldError> {
        self.parse(text)
    }

    /// Returns the input of the filter form for a value. Default: a text input.
    fn filter_input(&self) -> FilterInput {
        FilterInput::default()
    }

    /// Returns the word or sign for `<`, `≤`, `>` or `≥` in the description of a filter.
    fn comparison_word(&self, operator: Operator) -> &'static str {
        match operator {
            Operator::Less => "<",
            Operator::LessOrEqual => "≤",
            Operator::Greater => ">",
            _ => "≥",
        }
    }

    /// Formats a value for the description of a filter; `None` shows the text unchanged.
    fn describe_value(&self, _text: &str) -> Option<String> {
        None
    }

    // API

    /// Returns the JSON Schema of a value that is not null. Default: the schema of stored values;
    /// a type whose values differ from the stored ones must override it.
    fn json_schema(&self) -> Map<String, Value> {
        self.storage().json_schema()
    }
}

/// Operations on types that are the same for all of them.
impl dyn FieldType {
    pub(crate) fn column_type(&self) -> ColumnType {
        self.storage().column_type()
    }

    /// Converts a value for binding to a statement; `None` if it does not have this type.
    pub(crate) fn bind(&self, value: &Value) -> Option<sea_query::Value> {
        let stored = match value {
            Value::Null => Value::Null,
            value => self.encode(value)?,
        };
        self.storage().bind(stored)
    }

    /// Reads the value of a column.
    pub(crate) fn read(&self, row: &Row, column: &str) -> Result<Value, StoreError> {
        Ok(match self.storage().read(row, column)? {
            Value::Null => Value::Null,
            stored => self.decode(stored),
        })
    }

    /// Returns a value in the text form that the default of a column accepts.
    pub(crate) fn column_default(&self, value: &Value) -> String {
        let stored = self.encode(value).unwrap_or_default();
        self.storage().column_default(&stored)
    }

    /// Returns the source of primary keys; `None` if the type cannot be a key.
    pub(crate) fn key_source(&self) -> Option<KeySource> {
        self.storage().key_source().filter(|_| self.can_be_key())
    }

    /// Returns the formats that an administrator can choose from.
    pub(crate) fn formats(&self) -> &'static [Format] {
        if self.is_document() {
            &[Format::Yaml, Format::Json]
        } else {
            &[]
        }
    }

    /// Returns the text of a value in a form, in a format.
    pub(crate) fn text_in(&self, format: Format, value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            value if self.is_document() => format.write(value),
            value => self.form_text(value),
        }
    }

    /// Parses the text of a form in a format.
    pub(crate) fn parse_in(&self, format: Format, text: &str) -> Result<Value, FieldError> {
        if self.is_document() {
            format.parse(text)
        } else {
            self.parse(text)
        }
    }

    /// Returns a normalized text of a form, which is the same for equal values. Documents that
    /// differ only in their formatting are equal.
    pub(crate) fn normalize_in(&self, format: Format, text: &str) -> String {
        if self.is_document() {
            let value = format.parse(text);
            value.map_or_else(|_| text.to_owned(), |value| value.to_string())
        } else {
            self.normalize(text)
        }
    }
}

/// Properties of the field for which a control is rendered.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ControlSpec<'a> {
    /// Name of the form field.
    pub name: &'a str,
    /// Label of the form field.
    pub title: &'a str,
    /// `true` if the field must have a value.
    pub is_required: bool,
    /// Control that the model requests.
    pub widget: Widget,
}

/// A ready-made filter of the filter form, such as "in the last 7 days".
#[derive(Debug, Clone, Copy)]
pub struct FilterPreset {
    /// Name in the submitted form.
    pub name: &'static str,
    /// Text that follows the title of the field.
    pub label: &'static str,
    /// Filters, each as an operator and the text of its value.
    pub conditions: &'static [(Operator, &'static str)],
}

/// Input element of the filter form.
#[derive(Debug, Clone, Copy)]
pub struct FilterInput {
    /// Type of the HTML input, such as `text` or `date`.
    pub input_type: &'static str,
    /// Value of the attribute `inputmode`, such as `decimal`.
    pub inputmode: Option<&'static str>,
    /// Short text next to the input, such as a unit.
    pub hint: Option<&'static str>,
}

impl Default for FilterInput {
    fn default() -> Self {
        Self {
            input_type: "text",
            inputmode: None,
            hint: None,
        }
    }
}

/// Form control of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Widget {
    /// The default control of the type.
    #[default]
    Auto,
    /// A single-line text input.
    Input,
    /// A multi-line text area.
    Textarea,
    /// An e-mail input.
    Email,
    /// A URL input.
    Url,
    /// An input that hides its text. The value is write-only: no form, list, response or log
    /// contains it, and no search, filter or sort order uses it.
    Password,
}

/// Returns a string unchanged, null as an empty string, and other values as JSON.
pub(super) fn plain_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Shortens text to the length of a cell.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(CELL_LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns the members of a JSON object; any other value has no members.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
