//! Collects the mistakes of one item, so that all are reported in one go.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes found so far.
#[derive(Default)]
#[must_use]
pub(crate) struct Errors {
    all: Vec<syn::Error>,
}

impl Errors {
    /// Adds a mistake at one span.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.all.push(syn::Error::new(span, message));
    }

    /// Adds a mistake that underlines all of `tokens`.
    ///
    /// A joined span is not to be had on stable; `syn` spans the message from the first to the last
    /// token instead.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.all.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds what `syn` found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.all.push(error);
    }

    /// Says whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Writes every mistake as a `compile_error!`.
    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.all.iter().map(syn::Error::to_compile_error).collect()
    }

    /// The messages, for tests.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.all.iter().map(ToString::to_string).collect()
    }
}
