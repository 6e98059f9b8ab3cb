//! Enums of unit variants as choices.

use serde_json::Value;

use super::super::field::{AdminField, FieldKind};
use super::super::values::not_allowed;
use super::wrong_type;
use crate::error::FieldError;
use crate::store::{Row, StoreError};

/// An enum whose variants are stored as strings, which makes it an [`AdminField`].
///
/// `#[derive(AdminChoice)]` implements it for enums of unit variants. By hand:
///
/// ```
/// use portal_core::admin::{AdminChoice, AdminField};
/// use serde_json::json;
///
/// #[derive(Clone, Copy)]
/// enum Tier { Free, Pro }
///
/// impl AdminChoice for Tier {
///     const CHOICES: &'static [&'static str] = &["free", "pro"];
///
///     fn as_str(&self) -> &'static str {
///         match self { Self::Free => "free", Self::Pro => "pro" }
///     }
///
///     fn from_choice(text: &str) -> Option<Self> {
///         match text { "free" => Some(Self::Free), "pro" => Some(Self::Pro), _ => None }
///     }
/// }
///
/// assert_eq!(Tier::Pro.to_value(), json!("pro"));
/// assert!(Tier::from_value(json!("gold")).is_err());
/// ```
pub trait AdminChoice: Sized {
    /// Texts of all variants.
    const CHOICES: &'static [&'static str];
    /// Labels of all variants, in the same order; empty shows the texts.
    const LABELS: &'static [&'static str] = &[];

    /// Returns the text of the variant.
    fn as_str(&self) -> &'static str;

    /// Returns the label of the variant or, without labels, its text.
    fn label(&self) -> &'static str {
        let text = self.as_str();
        let position = Self::CHOICES.iter().position(|choice| *choice == text);
        let label = position.and_then(|position| Self::LABELS.get(position));
        label.copied().unwrap_or(text)
    }

    /// Returns the variant with this text.
    fn from_choice(text: &str) -> Option<Self>;
}

impl<T: AdminChoice> AdminField for T {
    const KIND: FieldKind = String::KIND;
    const CHOICES: &'static [&'static str] = <T as AdminChoice>::CHOICES;
    const CHOICE_LABELS: &'static [&'static str] = <T as AdminChoice>::LABELS;

    fn to_value(&self) -> Value {
        Value::String(self.as_str().to_owned())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        let text = value
            .as_str()
            .ok_or_else(|| wrong_type("must be a string"))?;
        T::from_choice(text).ok_or_else(|| not_allowed(<T as AdminChoice>::CHOICES))
    }

    fn read(row: &Row, index: usize) -> Result<Option<Self>, StoreError> {
        let Some(text) = row.text(index)? else {
            return Ok(None);
        };
        match T::from_choice(text) {
            Some(choice) => Ok(Some(choice)),
            None => Err(StoreError::unreadable(
                row.column_name(index)?,
                not_allowed(<T as AdminChoice>::CHOICES),
            )),
        }
    }
}
