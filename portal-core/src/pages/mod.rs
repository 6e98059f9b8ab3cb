//! What a reader sees: components, layouts, themes, and the files they need.

pub mod assets;
pub mod components;
pub mod default_layout;
pub mod layout;
pub mod theme;

#[cfg(test)]
mod contrast;
