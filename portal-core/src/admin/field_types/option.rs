//! Optional fields: a value of any field type, or no value.

use serde_json::Value;

use super::super::field::{AdminField, FieldKind};
use crate::error::FieldError;
use crate::store::{Row, StoreError};

impl<T: AdminField> AdminField for Option<T> {
    const KIND: FieldKind = {
        assert!(
            T::MANY_TO_MANY.is_none(),
            "`Related` can be empty, so it must not be optional"
        );
        T::KIND
    };
    const NULLABLE: bool = true;
    const CHOICES: &'static [&'static str] = T::CHOICES;
    const CHOICE_LABELS: &'static [&'static str] = T::CHOICE_LABELS;

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }

    fn read(row: &Row, index: usize) -> Result<Option<Self>, StoreError> {
        T::read(row, index).map(Some)
    }
}
