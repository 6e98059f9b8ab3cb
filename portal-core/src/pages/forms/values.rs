//! Deserialization of form fields, reporting an error for each malformed field.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::error::FieldError;
use crate::request::escape_pointer;

/// Placeholders for malformed text, so that serde continues with the next field.
///
/// Serde stops at the first malformed field. A value that contains a placeholder is never returned
/// as valid.
const STAND_INS: [&str; 4] = ["1", "true", "2000-01-01", "2000-01-01T00:00:00Z"];

/// Deserializes a value from the fields of a form.
///
/// If there are errors, the malformed fields of the value contain placeholders; the value is absent
/// if a field accepts none of the placeholders.
pub(super) fn read<'a, T: Deserialize<'a>>(
    fields: &'a [(String, String)],
) -> (Option<T>, Vec<FieldError>) {
    let mut form = Form::new(fields);
    let mut errors = Vec::new();
    loop {
        let error = match T::deserialize(FormDeserializer(&form)) {
            Ok(value) => return (Some(value), errors),
            Err(error) => error,
        };
        let Some(name) = error.field else {
            errors.push(FieldError::new("", error.code, error.message));
            return (None, errors);
        };
        let next = match form.stand_ins.get(&*name) {
            Some(tried) => tried + 1,
            None => {
                let pointer = format!("/{}", escape_pointer(&name));
                errors.push(FieldError::new(pointer, error.code, error.message));
                0
            }
        };
        if next == STAND_INS.len() {
            return (None, errors);
        }
        form.stand_ins.insert(name, next);
    }
}

/// Submitted texts by field, in the order of the form's fields.
struct Form<'a> {
    names: Vec<&'a str>,
    texts: HashMap<&'a str, Vec<&'a str>>,
    /// Index into [`STAND_INS`] for each malformed field, by name.
    stand_ins: HashMap<String, usize>,
}

impl<'a> Form<'a> {
    fn new(fields: &'a [(String, String)]) -> Self {
        let mut names = Vec::new();
        let mut texts = HashMap::<_, Vec<_>>::new();
        for (name, text) in fields {
            let of_name = texts.entry(name.as_str()).or_default();
            if of_name.is_empty() {
                names.push(name.as_str());
            }
            of_name.push(text.as_str());
        }
        Self {
            names,
            texts,
            stand_ins: HashMap::new(),
        }
    }

    /// Returns each field with its values or its placeholder.
    fn fields(&self) -> Vec<(&str, Value<'_>)> {
        let wrong = self.stand_ins.iter().map(|(name, at)| {
            let stand_in = STAND_INS.get(*at).copied().unwrap_or_default();
            (name.as_str(), Value::One(stand_in))
        });
        let right = self
            .names
            .iter()
            .filter(|name| !self.stand_ins.contains_key(**name));
        let right = right.map(|name| {
            let texts = self.texts.get(name).map_or(&[][..], Vec::as_slice);
            (*name, Value::All(texts))
        });
        right.chain(wrong).collect()
    }
}

/// Reason why a form cannot be deserialized.
#[derive(Debug)]
struct ValueError {
    /// Absent if the error does not concern one field.
    field: Option<String>,
    code: &'static str,
    message: String,
}

impl ValueError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            field: None,
            code,
            message: message.into(),
        }
    }

    fn empty() -> Self {
        Self::new("missing", "must not be empty")
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ValueError {}

impl de::Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new("invalid_value", message.to_string())
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        let message = format!("must be one of {}", expected.join(", "));
        Self::new("not_allowed", message)
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..Self::empty()
        }
    }
}

struct FormDeserializer<'f, 'a>(&'f Form<'a>);

impl<'de> de::Deserializer<'de> for FormDeserializer<'_, '_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_map(Fields {
            rest: self.0.fields().into_iter(),
            next: None,
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Fields<'f, I: Iterator<Item = (&'f str, Value<'f>)>> {
    rest: I,
    next: Option<(&'f str, Value<'f>)>,
}

impl<'de, 'f, I: Iterator<Item = (&'f str, Value<'f>)>> MapAccess<'de> for Fields<'f, I> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ValueError> {
        self.next = self.rest.next();
        let Some((name, _)) = self.next else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, ValueError> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, ValueError> {
        let Some((name, value)) = self.next.take() else {
            return Err(de::Error::custom("value without a key"));
        };
        seed.deserialize(value).map_err(|error| {
            let is_empty = value.last().trim().is_empty();
            ValueError {
                field: Some(name.to_owned()),
                ..if is_empty { ValueError::empty() } else { error }
            }
        })
    }
}

/// Texts submitted for one field.
#[derive(Clone, Copy)]
enum Value<'f> {
    One(&'f str),
    All(&'f [&'f str]),
}

impl<'f> Value<'f> {
    /// Returns the text to use if the type takes a single value.
    fn last(self) -> &'f str {
        match self {
            Self::One(text) => text,
            Self::All(texts) => texts.last().copied().unwrap_or_default(),
        }
    }
}

impl<'f> IntoDeserializer<'_, ValueError> for Value<'f> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $number:ty),+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            let text = self.last().trim();
            match text.parse::<$number>() {
                Ok(number) => visitor.$visit(number),
                Err(_) if is_whole_number(text) => Err(ValueError::new(
                    "invalid_value",
                    format!("must be a whole number from {} to {}", <$number>::MIN, <$number>::MAX),
                )),
                Err(_) => Err(ValueError::new("invalid_type", "must be a whole number")),
            }
        }
    )+};
}

fn is_whole_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

impl<'de> de::Deserializer<'de> for Value<'_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_str(self.last())
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.last().trim() {
            "true" | "on" | "1" => visitor.visit_bool(true),
            "false" | "off" | "0" => visitor.visit_bool(false),
            _ => Err(ValueError::new("invalid_type", "must be `true` or `false`")),
        }
    }

    whole_numbers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128, deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.last().trim().parse::<f64>() {
            Ok(number) if number.is_finite() => visitor.visit_f64(number),
            _ => Err(ValueError::new("invalid_type", "must be a number")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        if self.last().trim().is_empty() {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Self::One(_) => visitor.visit_seq(SeqDeserializer::new([self].into_iter())),
            Self::All(texts) => {
                let texts = texts.iter().map(|text| Value::One(text));
                visitor.visit_seq(SeqDeserializer::new(texts))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let text: StrDeserializer<'_, ValueError> = self.last().into_deserializer();
        visitor.visit_enum(text)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}
