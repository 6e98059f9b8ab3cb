//! Error collection: gathers all errors in one item, so that they are reported together.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// Errors found so far.
#[derive(Default)]
#[must_use]
pub(crate) struct Errors {
    all: Vec<syn::Error>,
}

impl Errors {
    /// Adds an error at one span.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.all.push(syn::Error::new(span, message));
    }

    /// Adds an error that underlines all of `tokens`.
    ///
    /// Spans cannot be joined in stable Rust; instead, `syn` makes the error extend from the first
    /// token to the last.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.all.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds an error from `syn`.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.all.push(error);
    }

    /// Returns `true` if there are no errors.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the number of errors.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Converts every error to a `compile_error!`.
    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.all.iter().map(syn::Error::to_compile_error).collect()
    }

    /// Returns the messages, for tests.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.all.iter().map(ToString::to_string).collect()
    }
}
