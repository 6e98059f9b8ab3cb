//! A form drawn from a JSON Schema: schema in, markup out, and what was typed back as a value.
//!
//! It knows nothing of what the value is for. Nested objects become fieldsets, arrays and maps
//! rows, enums selects, tagged unions a select with the fields of each variant; what cannot be
//! drawn, such as a recursive part, is a field of JSON.
//!
//! Every field has a name made of the prefix and the way to it: `args.address/street`. A list
//! sends the keys of its rows under its own name, in their order; what is optional as a whole
//! sends a switch under its name and a `?`; a union sends the number of its variant.

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
    /// A form whose fields have names that begin with the prefix.
    pub(super) fn new(schema: &'a Value, prefix: &'a str) -> Self {
        Self { schema, prefix }
    }

    /// What stands in the form before anything was typed: defaults and examples.
    pub(super) fn initial(&self) -> Typed {
        let mut typed = Typed::default();
        fill::initial(&self.part(), &self.place(), &mut typed);
        typed
    }

    /// What has to be typed for a value.
    pub(super) fn filled(&self, value: &Value) -> Typed {
        let mut typed = Typed::default();
        fill::fill(&self.part(), &self.place(), Some(value), &mut typed);
        typed
    }

    /// What was typed, as a value. What is no value of its type stays text, for a check to refuse.
    pub(super) fn read(&self, typed: &Typed) -> Reading {
        read::read(&self.part(), &self.place(), typed)
    }

    /// Adds, moves or removes a row, if there is such a list.
    pub(super) fn change(&self, typed: &mut Typed, change: &Change) {
        rows::apply(&self.part(), &self.place(), typed, change);
    }

    /// The fields, with what was typed and what is wrong with it.
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
