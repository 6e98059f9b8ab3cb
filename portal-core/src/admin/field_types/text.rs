//! Text fields.

use serde_json::Value;

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, Widget};
use super::super::storage::Storage;
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;
use crate::store::{Row, StoreError};

impl AdminField for String {
    const KIND: FieldKind = FieldKind::new(&Text);

    fn to_value(&self) -> Value {
        Value::String(self.clone())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::String(text) => Ok(text),
            _ => Err(wrong_type("must be a string")),
        }
    }

    fn read(row: &Row, index: usize) -> Result<Option<Self>, StoreError> {
        row.at(index)
    }
}

#[derive(Debug)]
struct Text;

impl FieldType for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn is_text(&self) -> bool {
        true
    }

    fn storage(&self) -> Storage {
        Storage::Text
    }

    fn can_be_key(&self) -> bool {
        true
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        Ok(Value::String(text.to_owned()))
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        let (name, title) = (spec.name, spec.title);
        let control = match spec.widget {
            Widget::Textarea => Field::textarea(name, title),
            Widget::Email => Field::email(name, title),
            Widget::Url => Field::url(name, title),
            Widget::Password => Field::password(name, title).autocomplete("new-password"),
            Widget::Auto | Widget::Input => Field::text(name, title).autocomplete("off"),
        };
        control.required(spec.is_required)
    }
}
