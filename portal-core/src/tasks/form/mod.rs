//! Forms for values of a JSON Schema: rendered as markup, and decoded from the submitted input.
//!
//! The form is independent of what the value is used for. Nested objects become fieldsets, arrays
//! and maps rows, enums selects, tagged unions a select with the fields of each variant.
//! Unsupported parts, such as recursive ones, become a JSON field.
//!
//! The name of a field consists of the prefix and its path: `args.address/street`. A list submits
//! the keys of its rows under its name, in their order; an optional group submits a switch under
//! its name and a `?`; a union submits the index of its variant.

mod choice;
mod draw;
mod fill;
mod moment;
mod node;
mod place;
mod read;
mod rows;
mod typed;

#[cfg(test)]
mod tests;

pub(super) use draw::{Drawn, Look};
pub(super) use read::Reading;
pub(super) use rows::Change;
pub(super) use typed::Typed;

use serde_json::Value;

use crate::error::Fault;
use node::Part;
use place::Place;

/// A form for the values of a schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct SchemaForm<'a> {
    schema: &'a Value,
    prefix: &'a str,
}

impl<'a> SchemaForm<'a> {
    /// Creates a form whose field names start with the prefix.
    pub(super) fn new(schema: &'a Value, prefix: &'a str) -> Self {
        Self { schema, prefix }
    }

    /// Returns the initial input of the form: defaults and examples.
    pub(super) fn initial(&self) -> Typed {
        let mut typed = Typed::default();
        fill::initial(&self.part(), &self.place(), &mut typed);
        typed
    }

    /// Encodes a value as form input.
    pub(super) fn filled(&self, value: &Value) -> Typed {
        let mut typed = Typed::default();
        fill::fill(&self.part(), &self.place(), Some(value), &mut typed);
        typed
    }

    /// Decodes form input to a value; text that does not fit its type stays a string for the check.
    pub(super) fn read(&self, typed: &Typed) -> Reading {
        read::read(&self.part(), &self.place(), typed)
    }

    /// Adds, moves or removes a row, if the list exists.
    pub(super) fn change(&self, typed: &mut Typed, change: &Change) {
        rows::apply(&self.part(), &self.place(), typed, change);
    }

    /// Renders the fields with their input and its errors.
    pub(super) fn draw(&self, typed: &Typed, faults: &[Fault], look: &Look<'_>) -> Drawn {
        draw::draw(&self.part(), &self.place(), typed, faults, look)
    }

    fn part(&self) -> Part<'a> {
        Part::root(self.schema)
    }

    fn place(&self) -> Place {
        Place::root(self.prefix)
    }
}
