//! `#[monitored_background_task]`: turns a function into the constructor of a task.

mod attr;
mod duration;
mod expand;
mod model;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::handler::Handler;

/// Runs the macro: parse, model, check, expand.
pub(crate) fn task(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let attribute = attr::TaskAttribute::parse(attribute, &mut errors);
    let Some(handler) = Handler::read(item.clone(), "monitored_background_task", &mut errors)
    else {
        let errors = errors.into_compile_errors();
        return quote!(#errors #item);
    };
    let task = model::TaskModel::new(attribute, handler, &mut errors);
    if errors.is_empty() {
        expand::expand(&task)
    } else {
        let errors = errors.into_compile_errors();
        let stub = expand::stub(&task);
        quote!(#errors #stub)
    }
}
