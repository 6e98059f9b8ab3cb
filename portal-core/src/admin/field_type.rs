//! Behavior of field types: storage, text, forms, lists, filters and the API.

use std::fmt::Debug;

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::document_format::Format;
use super::operator::Operator;
use crate::error::FieldError;
use crate::pages::components::Field;
use crate::store::schema::ColumnType;
use crate::store::{Row, StoreError};

/// Maximum length of the text in a cell, in characters.
const CELL_LENGTH: usize = 80;

/// Behavior of a field type.
///
/// Each type implements this trait in its own file under `field_types/`. The rest of the admin
/// calls these methods and never distinguishes types, so adding a type means adding a file.
pub(crate) trait FieldType: Debug + Send + Sync {
    /// Returns the name in the API. The type of a reference must have the same name as the type of
    /// the key to which it refers.
    fn name(&self) -> &'static str;

    /// Returns `true` if values are free text.
    ///
    /// Text can be searched, restricted to choices and edited in different widgets. Empty text
    /// counts as a value.
    fn is_text(&self) -> bool {
        false
    }

    /// Returns `true` if values can be compared and fit into a column of a list.
    fn is_scalar(&self) -> bool {
        true
    }

    /// Returns all possible values as strings with their labels if there are only a few; otherwise
    /// empty.
    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    // Storage

    /// Returns the type of the database column.
    fn column_type(&self) -> ColumnType;

    /// Converts a value for binding to a statement; `None` if it does not have this type.
    fn bind(&self, value: &Value) -> Option<sea_query::Value>;

    /// Reads the value of a column.
    fn read(&self, row: &Row, column: &str) -> Result<Value, StoreError>;

    /// Returns a value in the text form that the default of a column accepts.
    fn column_default(&self, value: &Value) -> String {
        plain_text(value)
    }

    /// Returns the source of primary keys; `None` if the type cannot be a key.
    fn key_source(&self) -> Option<KeySource> {
        None
    }

    // Texts

    /// Parses a value as written in a form, a URL or a default.
    fn parse(&self, text: &str) -> Result<Value, FieldError>;

    /// Returns the default of a required field that administrators cannot set.
    fn read_only_default(&self) -> Option<&'static str> {
        None
    }

    /// Returns `true` if the value of a text depends on the current time.
    fn is_volatile(&self, _text: &str) -> bool {
        false
    }

    // Forms

    /// Renders the form control, without a value.
    fn control(&self, spec: ControlSpec<'_>) -> Field;

    /// Renders a value that cannot be changed.
    fn read_only_control(&self, name: String, title: &str, text: &str) -> Field {
        Field::text(name, title).value(text)
    }

    /// Returns the formats that an administrator can choose from.
    fn formats(&self) -> &'static [Format] {
        &[]
    }

    /// Returns the text of a value in a form.
    fn form_text(&self, value: &Value, _format: Format) -> String {
        plain_text(value)
    }

    /// Parses the text of a form.
    fn parse_form_text(&self, text: &str, _format: Format) -> Result<Value, FieldError> {
        self.parse(text)
    }

    /// Returns a normalized text, which is the same for equal values.
    fn normalize(&self, text: &str, _format: Format) -> String {
        text.to_owned()
    }

    /// Returns the text that a control has if the browser does not submit it.
    fn unsubmitted_text(&self) -> &'static str {
        ""
    }

    // Lists

    /// Returns `true` if list columns align the values like numbers.
    fn is_numeric(&self) -> bool {
        false
    }

    /// Renders a non-null value in a cell of a list.
    fn cell(&self, value: &Value, _is_key: bool) -> Markup {
        html! { (shorten(&plain_text(value))) }
    }

    // Filters

    /// Returns `true` if filters support the operator.
    fn supports(&self, operator: Operator) -> bool {
        operator != Operator::Contains
    }

    /// Returns the operators that the filter form offers, with their labels.
    fn filter_operators(&self) -> &'static [(Operator, &'static str)] {
        &[]
    }

    /// Returns the input of the filter form for a value.
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

    /// Returns the JSON type; `None` allows any JSON type.
    fn json_type(&self) -> Option<&'static str>;

    /// Adds the constraints of the type to the JSON Schema of a field.
    fn describe(&self, _widget: Widget, _schema: &mut Map<String, Value>) {}
}

/// Source of the primary key of a new row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeySource {
    /// The creator of the row provides it.
    Creator,
    /// The database generates it from a sequence.
    Database,
    /// The portal generates it.
    Portal {
        generate: fn() -> Value,
        /// Value that requests a new key.
        unset: &'static str,
    },
}

/// Properties of the field for which a control is rendered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ControlSpec<'a> {
    pub(crate) name: &'a str,
    pub(crate) title: &'a str,
    pub(crate) is_required: bool,
    pub(crate) widget: Widget,
}

/// Input element of the filter form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FilterInput {
    pub(crate) input_type: &'static str,
    pub(crate) inputmode: Option<&'static str>,
    pub(crate) hint: Option<&'static str>,
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
