//! Typed columns of a model, for queries.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::Visibility;

use crate::handler::type_name;
use crate::paths::located_at;

use super::field::ModelField;
use super::model::Model;

/// Generates one constant per field: `Deal::AMOUNT` for `amount`.
///
/// The types have no bounds, so that an unsupported field type yields no further error here.
pub(super) fn expand(model: &Model) -> TokenStream {
    let krate = model.attribute.paths.krate();
    let (ident, cfg_attributes) = (&model.ident, &model.cfg_attributes);
    let columns = model
        .shown_fields()
        .filter(|field| !field.is_many_to_many());
    let constants = columns.map(|field| constant(field, krate));
    quote! {
        #(#cfg_attributes)*
        #[allow(dead_code, deprecated, private_interfaces, non_upper_case_globals)]
        impl #ident {
            #(#constants)*
        }
    }
}

fn constant(field: &ModelField, krate: &TokenStream) -> TokenStream {
    let (written, name) = (&field.written, field.plain_name());
    let constant = name_of(field);
    let visibility: &Visibility = &field.visibility;
    let docs = format!("Column `{name}`.");
    let related = field.references.as_ref().map(|target| {
        if is_option(field) {
            quote!(, ::core::option::Option<#target>)
        } else {
            quote!(, #target)
        }
    });
    quote! {
        #[doc = #docs]
        #visibility const #constant: #krate::admin::Column<Self, #written #related> =
            #krate::admin::Column::new(#name);
    }
}

fn name_of(field: &ModelField) -> Ident {
    let span = located_at(field.name.span());
    format_ident!("{}", field.plain_name().to_uppercase(), span = span)
}

/// Returns `true` if a field is an `Option`.
pub(super) fn is_option(field: &ModelField) -> bool {
    type_name(&field.written).is_some_and(|segment| segment.ident == "Option")
}
