//! Field types, one per file: conversion from and to Rust types, and behavior in the admin.
//!
//! To add a type, add a file with a [`FieldType`](super::field_type::FieldType) and the Rust types
//! that use it.

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
