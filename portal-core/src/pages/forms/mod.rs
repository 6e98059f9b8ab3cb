//! Typed forms: a struct from the fields of a form, and the form again with its errors.

mod input;
mod state;
mod values;

pub use input::FormInput;
pub use state::FormState;
