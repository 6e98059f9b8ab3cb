//! Portal: an embeddable user portal for axum.

pub mod pages;
