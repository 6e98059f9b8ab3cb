//! `#[admin_model]`: implements `AdminModel` for a struct.

mod attr;
mod columns;
mod expand;
mod field;
mod model;
mod rule;

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::errors::Errors;

/// Runs the macro: parse, model, check, expand.
pub(crate) fn admin_model(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let attribute = attr::ModelAttribute::parse(attribute, &mut errors);
    let mut item: syn::DeriveInput = match syn::parse2(item.clone()) {
        Ok(item) => item,
        Err(error) => {
            let starts_type =
                |word: &proc_macro2::Ident| word == "struct" || word == "enum" || word == "union";
            let is_type = item.clone().into_iter().any(
                |token| matches!(token, proc_macro2::TokenTree::Ident(word) if starts_type(&word)),
            );
            if is_type {
                errors.push(error);
            } else {
                errors.at(
                    Span::call_site(),
                    "`#[admin_model]` requires a struct with named fields",
                );
            }
            let errors = errors.into_compile_errors();
            return quote!(#errors #item);
        }
    };
    let model = model::Model::new(attribute, &mut item, &mut errors);
    if errors.is_empty() {
        let implementation = expand::expand(&model);
        quote!(#item #implementation)
    } else {
        let errors = errors.into_compile_errors();
        let stub = expand::stub(&model);
        quote!(#errors #item #stub)
    }
}
