//! `#[admin_action]`: turns a function into the constructor of an action on rows of a model.

mod attr;
mod expand;
mod model;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::handler::Handler;

/// Runs the macro: parse, model, check, expand.
pub(crate) fn action(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let attribute = attr::ActionAttribute::parse(attribute, &mut errors);
    let Some(handler) = Handler::read(item.clone(), "admin_action", &mut errors) else {
        let errors = errors.into_compile_errors();
        return quote!(#errors #item);
    };
    let action = model::ActionModel::new(attribute, handler, &mut errors);
    if errors.is_empty() {
        expand::expand(&action)
    } else {
        let errors = errors.into_compile_errors();
        let stub = expand::stub(&action);
        quote!(#errors #stub)
    }
}
