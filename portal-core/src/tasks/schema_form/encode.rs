//! Encodes a value as form input.

use serde_json::Value;

use super::datetime;
use super::field_path::FieldPath;
use super::form_input::FormInput;
use super::schema_node::{Part, Shape};

/// Adds the initial input of a part: its default, its example or empty fields.
pub(super) fn initial(part: &Part<'_>, place: &FieldPath, input: &mut FormInput) {
    if let Some(value) = part.default().or_else(|| part.node.example()) {
        return encode(part, place, Some(value), input);
    }
    if part.has_switch() {
        return behind_switch(part, place, input);
    }
    match &part.shape {
        Shape::Object(members) => {
            for member in members {
                initial(&member.part, &place.member(member.name), input);
            }
        }
        Shape::List { items } => {
            for index in 0..part.node.count("minItems").unwrap_or(0).min(20) {
                let key = index.to_string();
                initial(items, &place.row(&key, index), input);
                input.add(place.name.clone(), key);
            }
        }
        Shape::Variants(_) => choose(part, place, 0, input),
        _ => {}
    }
}

/// Selects a variant and adds the initial input of all variants.
pub(super) fn choose(part: &Part<'_>, place: &FieldPath, index: usize, input: &mut FormInput) {
    if let Shape::Variants(variants) = &part.shape {
        input.add(place.name.clone(), index.to_string());
        for (index, variant) in variants.iter().enumerate() {
            initial(&variant.part, &place.variant(index), input);
        }
    }
}

pub(super) fn encode(
    part: &Part<'_>,
    place: &FieldPath,
    value: Option<&Value>,
    input: &mut FormInput,
) {
    // A missing value means the default.
    let value = value.or_else(|| part.default());
    let Some(value) = value.filter(|value| !value.is_null()) else {
        // Fill in the fields controlled by the switch, for when the user turns it on.
        if part.has_switch() {
            behind_switch(part, place, input);
        }
        return;
    };
    if part.has_switch() {
        input.add(place.switch(), "true");
    }
    match (&part.shape, value) {
        (Shape::Object(members), Value::Object(values)) => {
            for member in members {
                let place = place.member(member.name);
                encode(&member.part, &place, values.get(member.name), input);
            }
        }
        (Shape::List { items }, Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                let key = index.to_string();
                encode(items, &place.row(&key, index), Some(value), input);
                input.add(place.name.clone(), key);
            }
        }
        (Shape::Map { values: part }, Value::Object(values)) => {
            for (index, (name, value)) in values.iter().enumerate() {
                let key = index.to_string();
                encode(part, &place.entry(&key, name), Some(value), input);
                input.add(place.entry_key(&key), name.as_str());
                input.add(place.name.clone(), key);
            }
        }
        (Shape::Variants(variants), value) => {
            let fits = |shape: &Part<'_>| match shape.shape {
                Shape::Constant(constant) => constant == value,
                _ => shape.node.fits(value),
            };
            let index = variants.iter().position(|variant| fits(&variant.part));
            let index = index.unwrap_or(0);
            input.add(place.name.clone(), index.to_string());
            for (at, variant) in variants.iter().enumerate() {
                let place = place.variant(at);
                if at == index {
                    encode(&variant.part, &place, Some(value), input);
                } else {
                    initial(&variant.part, &place, input);
                }
            }
        }
        (Shape::Text, Value::String(text)) if part.node.format() == "date-time" => {
            input.add(place.name.clone(), datetime::to_field(text));
        }
        (Shape::Json, value) => {
            let text = serde_json::to_string_pretty(value).unwrap_or_default();
            input.add(place.name.clone(), text);
        }
        (_, Value::String(text)) => input.add(place.name.clone(), text.as_str()),
        (_, value) => input.add(place.name.clone(), value.to_string()),
    }
}

/// Adds the initial input of fields whose switch is off, for when the user turns it on.
fn behind_switch(part: &Part<'_>, place: &FieldPath, input: &mut FormInput) {
    match &part.shape {
        Shape::Object(members) => {
            for member in members {
                initial(&member.part, &place.member(member.name), input);
            }
        }
        Shape::Variants(_) => choose(part, place, 0, input),
        _ => {}
    }
}
