//! `#[page]`: turns a handler into the constructor of a page.

mod attr;
mod expand;
mod model;
mod route;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::handler::Handler;

/// Runs the macro: parse, model, check, expand.
pub(crate) fn page(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let attribute = attr::PageAttribute::parse(attribute, &mut errors);
    let Some(handler) = Handler::read(item.clone(), "page", &mut errors) else {
        let errors = errors.into_compile_errors();
        return quote!(#errors #item);
    };
    let page = model::PageModel { attribute, handler };
    page.check(&mut errors);
    if errors.is_empty() {
        expand::expand(&page)
    } else {
        let errors = errors.into_compile_errors();
        let stub = expand::stub(&page);
        quote!(#errors #stub)
    }
}
