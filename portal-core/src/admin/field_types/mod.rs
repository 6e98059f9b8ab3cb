//! Field types, one per file: conversion from and to Rust types, and behavior in the admin.
//!
//! To add a type, add a file with a [`FieldType`](super::field_type::FieldType) and the Rust types
//! that use it. Applications add types in the same way.

mod boolean;
mod choice;
mod date;
mod decimal;
mod document;
mod duration;
mod email;
mod integer;
mod list;
mod markdown;
mod number;
mod option;
mod related;
mod relative_date;
mod text;
mod timestamp;
mod typed_document;
mod url;
mod uuid;

pub use choice::AdminChoice;
pub use email::Email;
pub use markdown::Markdown;
pub use related::Related;
pub use typed_document::Document;

use crate::error::FieldError;

fn wrong_type(message: &'static str) -> FieldError {
    FieldError::new("", "invalid_type", message)
}

#[cfg(test)]
mod tests;
