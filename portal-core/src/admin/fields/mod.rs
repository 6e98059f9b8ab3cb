//! Field types, one per file: conversion of Rust types, and behavior in the admin.
//!
//! A new type is a new file with a [`FieldType`](super::field_type::FieldType) and the Rust types
//! that have it.

mod boolean;
mod choice;
mod date;
mod document;
mod integer;
mod number;
mod option;
mod text;
mod timestamp;
mod uuid;

pub use choice::AdminChoice;

use crate::error::FieldError;

fn wrong_type(message: &'static str) -> FieldError {
    FieldError::new("", "invalid_type", message)
}

#[cfg(test)]
mod tests;
