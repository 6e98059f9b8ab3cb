//! `#[derive(AdminChoice)]`: implements `AdminChoice` for an enum of unit variants.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Fields, Meta, Variant};

use crate::errors::Errors;
use crate::keys::Keys;
use crate::names;
use crate::paths::Paths;

const ENUM_KEYS: &[&str] = &["crate"];
const VARIANT_KEYS: &[&str] = &["value", "label"];

/// A variant with its stored text and its label.
struct Choice {
    variant: Ident,
    value: String,
    value_span: Span,
    label: String,
}

/// Runs the macro.
pub(crate) fn admin_choice(item: TokenStream) -> TokenStream {
    let item: DeriveInput = match syn::parse2(item) {
        Ok(item) => item,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let mut keys = read_keys(&item.attrs, ENUM_KEYS, &mut errors);
    let paths = Paths::take(&mut keys, &mut errors);
    let choices = read_choices(&item, &mut errors);
    check(&item, &choices, &mut errors);
    if errors.is_empty() {
        expand(&item.ident, &paths, &choices)
    } else {
        let stub = stub(&item, &paths);
        let errors = errors.into_compile_errors();
        quote!(#errors #stub)
    }
}

fn read_choices(item: &DeriveInput, errors: &mut Errors) -> Vec<Choice> {
    match &item.data {
        Data::Enum(data) => {
            if data.variants.is_empty() {
                let message = format!(
                    "`{}` has no variants; a choice needs at least one",
                    item.ident
                );
                errors.at(item.ident.span(), message);
            }
            let variants = data.variants.iter();
            variants
                .map(|variant| read_choice(variant, errors))
                .collect()
        }
        Data::Struct(data) => {
            not_an_enum(data.struct_token.span, "a struct", errors);
            Vec::new()
        }
        Data::Union(data) => {
            not_an_enum(data.union_token.span, "a union", errors);
            Vec::new()
        }
    }
}

fn not_an_enum(span: Span, what: &str, errors: &mut Errors) {
    errors.at(
        span,
        format!("{what} cannot be a choice; use an enum of unit variants"),
    );
}

fn read_choice(variant: &Variant, errors: &mut Errors) -> Choice {
    let ident = &variant.ident;
    if !matches!(variant.fields, Fields::Unit) {
        let message = format!("the choice `{ident}` cannot contain data; use a unit variant");
        errors.on(variant, message);
    }
    let mut keys = read_keys(&variant.attrs, VARIANT_KEYS, errors);
    let value = keys.take_string("value", errors);
    let label = keys.take_string("label", errors);
    let name = names::plain(ident);
    Choice {
        variant: ident.clone(),
        value_span: value.as_ref().map_or(ident.span(), |value| value.span()),
        value: value.map_or_else(|| names::snake_case(&name), |value| value.value()),
        label: label.map_or_else(|| names::title(&name), |label| label.value()),
    }
}

fn check(item: &DeriveInput, choices: &[Choice], errors: &mut Errors) {
    if !item.generics.params.is_empty() || item.generics.where_clause.is_some() {
        errors.on(&item.generics, "a choice cannot be generic");
    }
    for (position, choice) in choices.iter().enumerate() {
        let value = &choice.value;
        if value.is_empty() || value.contains(',') {
            let message = "the value of a choice must not be empty or contain a comma";
            errors.at(choice.value_span, message);
        }
        let earlier = choices.get(..position).unwrap_or_default();
        if let Some(first) = earlier.iter().find(|first| first.value == *value) {
            let message = format!(
                "duplicate value `{value}`; `{}` is also stored as `{value}`, so set another `value`",
                first.variant
            );
            errors.at(choice.value_span, message);
        }
    }
}

fn read_keys(attributes: &[Attribute], known: &[&str], errors: &mut Errors) -> Keys {
    let mut keys = Keys::parse(TokenStream::new(), known, errors);
    for attribute in attributes.iter().filter(|it| it.path().is_ident("admin")) {
        match &attribute.meta {
            Meta::List(list) => {
                keys.extend(Keys::parse(list.tokens.clone(), known, errors), errors);
            }
            other => errors.on(
                other,
                "`admin` takes a list, as in `#[admin(label = \"..\")]`",
            ),
        }
    }
    keys
}

fn expand(ident: &Ident, paths: &Paths, choices: &[Choice]) -> TokenStream {
    let (krate, private) = (paths.krate(), paths.private());
    let values: Vec<&String> = choices.iter().map(|choice| &choice.value).collect();
    let labels = choices.iter().map(|choice| &choice.label);
    let variants: Vec<&Ident> = choices.iter().map(|choice| &choice.variant).collect();
    quote! {
        #[allow(deprecated)]
        impl #krate::admin::AdminChoice for #ident {
            const CHOICES: &'static [&'static str] = &[#(#values),*];
            const LABELS: &'static [&'static str] = &[#(#labels),*];
            fn as_str(&self) -> &'static str {
                match self { #(Self::#variants => #values,)* }
            }
            fn from_choice(text: &str) -> #private::Option<Self> {
                match text {
                    #(#values => #private::Some(Self::#variants),)*
                    _ => #private::None,
                }
            }
        }
    }
}

/// Generates an empty implementation, for an enum with errors.
fn stub(item: &DeriveInput, paths: &Paths) -> TokenStream {
    let (krate, private, ident) = (paths.krate(), paths.private(), &item.ident);
    let (generics, arguments, bounds) = item.generics.split_for_impl();
    quote! {
        impl #generics #krate::admin::AdminChoice for #ident #arguments #bounds {
            const CHOICES: &'static [&'static str] = &[];
            fn as_str(&self) -> &'static str {
                ::core::unreachable!()
            }
            fn from_choice(_: &str) -> #private::Option<Self> {
                ::core::unreachable!()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(item: TokenStream) -> (Vec<(String, String)>, Vec<String>) {
        let item: DeriveInput = syn::parse2(item).unwrap();
        let mut errors = Errors::default();
        let choices = read_choices(&item, &mut errors);
        check(&item, &choices, &mut errors);
        let choices = choices
            .into_iter()
            .map(|choice| (choice.value, choice.label));
        (choices.collect(), errors.messages())
    }

    #[test]
    fn value_and_label_default_to_the_name() {
        let (found, messages) = choices(quote! {
            enum Stage {
                InReview,
                #[admin(value = "ok", label = "Accepted!")]
                Accepted,
            }
        });
        let expected = [("in_review", "In review"), ("ok", "Accepted!")];
        let expected = expected.map(|(value, label)| (value.to_owned(), label.to_owned()));
        assert_eq!(found, expected, "{messages:?}");
    }

    #[test]
    fn ambiguous_values_are_rejected() {
        let (_, messages) = choices(quote! {
            enum Stage {
                Open,
                #[admin(value = "open")]
                Reopened,
                #[admin(value = "a,b")]
                Other,
            }
        });
        assert_eq!(messages.len(), 2, "{messages:?}");
    }
}
