//! Lists of simple values, one per line in forms.

use std::marker::PhantomData;

use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::super::document_format::Format;
use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, object, shorten};
use super::super::storage::Storage;
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;

/// A list; the default is an empty list. Items are stored in their JSON form.
impl<T: AdminField> AdminField for Vec<T> {
    const KIND: FieldKind = FieldKind::new(ListOf::<T>::TYPE);
    const DEFAULT: Option<&'static str> = Some("");

    fn to_value(&self) -> Value {
        self.iter().map(T::to_value).collect()
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        let Value::Array(items) = value else {
            return Err(wrong_type("must be a list"));
        };
        let items = items.into_iter().enumerate().map(|(index, item)| {
            let item = match item {
                Value::Null => Err(FieldError::new("", "missing", "must not be empty")),
                item => T::from_value(item),
            };
            item.map_err(|error| at(index, error))
        });
        items.collect()
    }
}

/// Returns the error of an item as an error of the list.
fn at(index: usize, mut error: FieldError) -> FieldError {
    error.pointer.insert_str(0, &format!("/{index}"));
    error
}

struct ListOf<T>(PhantomData<T>);

impl<T: AdminField> ListOf<T> {
    const TYPE: &'static List = {
        assert!(!T::NULLABLE, "the items of a list must not be optional");
        assert!(
            T::MANY_TO_MANY.is_none(),
            "a list must not contain `Related`"
        );
        &List {
            item: T::KIND,
            choices: T::CHOICES,
        }
    };
}

#[derive(Debug)]
struct List {
    item: FieldKind,
    /// Allowed items, if they are choices.
    choices: &'static [&'static str],
}

impl FieldType for List {
    fn name(&self) -> &'static str {
        "list"
    }

    fn storage(&self) -> Storage {
        Storage::Json
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let items = lines
            .enumerate()
            .map(|(index, line)| self.parse_item(line).map_err(|error| at(index, error)));
        items.collect::<Result<Vec<Value>, _>>().map(Value::Array)
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::textarea(spec.name, spec.title).hint("One value per line")
    }

    fn read_only_control(&self, name: String, title: &str, text: &str) -> Field {
        Field::textarea(name, title).value(text)
    }

    fn form_text(&self, value: &Value) -> String {
        self.texts(value).join("\n")
    }

    fn normalize(&self, text: &str) -> String {
        let value = self.parse(text);
        value.map_or_else(|_| text.to_owned(), |value| value.to_string())
    }

    fn cell(&self, value: &Value, _is_key: bool) -> Markup {
        html! { (shorten(&self.texts(value).join(", "))) }
    }

    fn json_schema(&self) -> Map<String, Value> {
        let mut items = self.item.0.json_schema();
        if !self.choices.is_empty() {
            items.insert("enum".to_owned(), json!(self.choices));
        }
        object(json!({"type": "array", "items": items}))
    }
}

impl List {
    /// Parses a line. An item that is a document or a list is written as JSON.
    fn parse_item(&self, line: &str) -> Result<Value, FieldError> {
        if self.item.0.is_scalar() {
            self.item.0.parse(line)
        } else {
            Format::Json.parse(line)
        }
    }

    fn texts(&self, value: &Value) -> Vec<String> {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let text = |item: &Value| match self.item.0.is_scalar() {
            true => self.item.0.form_text(item),
            false => item.to_string(),
        };
        items.iter().map(text).collect()
    }
}
