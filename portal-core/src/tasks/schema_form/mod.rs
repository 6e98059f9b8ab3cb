//! Forms for values that match a JSON Schema: rendering the form and decoding submitted input.
//!
//! A form does not depend on how its value is used. Nested objects become fieldsets, arrays and
//! maps become rows, enums become selects, and tagged unions become a select with the fields of
//! each variant. Unsupported parts, such as recursive ones, become a JSON field.
//!
//! The name of a field consists of the prefix and the path of the field: `args.address/street`. A
//! list submits the keys of its rows under its name, in order. An optional group submits a switch
//! under its name followed by `?`. A union submits the index of its variant.

mod choice;
mod datetime;
mod decode;
mod encode;
mod field_path;
mod form_input;
mod render;
mod row_action;
mod schema_node;

#[cfg(test)]
mod tests;

pub(crate) use decode::DecodedForm;
pub(crate) use form_input::FormInput;
pub(crate) use render::{RenderOptions, RenderedForm};
pub(crate) use row_action::RowAction;

use serde_json::Value;

use crate::error::FieldError;
use field_path::FieldPath;
use schema_node::Part;

/// A form for the values of a JSON Schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SchemaForm<'a> {
    schema: &'a Value,
    prefix: &'a str,
}

impl<'a> SchemaForm<'a> {
    /// Creates a form whose field names start with the prefix.
    pub(crate) fn new(schema: &'a Value, prefix: &'a str) -> Self {
        Self { schema, prefix }
    }

    /// Returns the initial input of the form: defaults and examples.
    pub(crate) fn initial(&self) -> FormInput {
        let mut input = FormInput::default();
        encode::initial(&self.part(), &self.root_path(), &mut input);
        input
    }

    /// Encodes a value as form input.
    pub(crate) fn encode(&self, value: &Value) -> FormInput {
        let mut input = FormInput::default();
        encode::encode(&self.part(), &self.root_path(), Some(value), &mut input);
        input
    }

    /// Decodes form input into a value; text that cannot be parsed stays a string, for validation.
    pub(crate) fn decode(&self, input: &FormInput) -> DecodedForm {
        decode::read(&self.part(), &self.root_path(), input)
    }

    /// Adds, moves or removes a row, if its list exists.
    pub(crate) fn change(&self, input: &mut FormInput, change: &RowAction) {
        row_action::apply(&self.part(), &self.root_path(), input, change);
    }

    /// Renders the fields with their input and their errors.
    pub(crate) fn render(
        &self,
        input: &FormInput,
        errors: &[FieldError],
        options: &RenderOptions<'_>,
    ) -> RenderedForm {
        render::render(&self.part(), &self.root_path(), input, errors, options)
    }

    fn part(&self) -> Part<'a> {
        Part::root(self.schema)
    }

    fn root_path(&self) -> FieldPath {
        FieldPath::root(self.prefix)
    }
}
