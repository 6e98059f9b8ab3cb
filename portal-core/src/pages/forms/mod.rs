//! Typed forms: decode submitted fields into a struct, and render the form again with its errors.

mod input;
mod state;
mod values;

pub use input::FormInput;
pub use state::FormState;
