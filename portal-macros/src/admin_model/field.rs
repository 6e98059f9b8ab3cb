//! Fields of a model and the keys of `#[admin(..)]`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Field, Lit, LitStr, Meta, Type, Visibility};

use crate::docs::Docs;
use crate::errors::Errors;
use crate::handler::{type_arguments, type_name};
use crate::keys::Keys;
use crate::names;

use super::attr::take_table_name;
use super::rule::Rule;

const KEYS: &[&str] = &[
    "primary_key",
    "skip",
    "readonly",
    "unique",
    "searchable",
    "label",
    "help",
    "choices",
    "default",
    "widget",
    "references",
    "on_delete",
    "view",
    "change",
    "index",
    "renamed_from",
];

/// A field as written in the source code.
pub(crate) struct ModelField {
    pub(crate) name: Ident,
    pub(crate) visibility: Visibility,
    pub(crate) written: Type,
    pub(crate) title: String,
    pub(crate) help: Option<String>,
    /// Location of `primary_key`, if present.
    pub(crate) primary_key: Option<Span>,
    /// Location of `skip`, if present.
    pub(crate) skip: Option<Span>,
    pub(crate) is_read_only: bool,
    pub(crate) is_unique: bool,
    pub(crate) is_searchable: bool,
    pub(crate) choices: Vec<LitStr>,
    pub(crate) default: Option<String>,
    pub(crate) widget: Option<Ident>,
    pub(crate) references: Option<Type>,
    /// Rule for rows whose reference points to a deleted row.
    pub(crate) on_delete: Option<OnDelete>,
    /// Users who may view the field.
    pub(crate) view: Option<Rule>,
    /// Users who may set the field.
    pub(crate) change: Option<Rule>,
    pub(crate) is_indexed: bool,
    pub(crate) renamed_from: Option<LitStr>,
}

impl ModelField {
    /// Reads a field and removes its `#[admin(..)]` attributes.
    pub(crate) fn read(field: &mut Field, errors: &mut Errors) -> Option<Self> {
        let mut keys = take_keys(&mut field.attrs, errors);
        if let Some(cfg) = field
            .attrs
            .iter()
            .find(|attribute| attribute.path().is_ident("cfg"))
        {
            errors.on(cfg, "a field of an admin model cannot depend on `cfg`");
        }
        let name = field.ident.clone()?;
        let docs = Docs::read(&field.attrs);
        let label = keys.take_string("label", errors);
        let help = keys.take_string("help", errors);
        let choices = keys.take("choices");
        let references = keys
            .take("references")
            .and_then(|key| key.parsed(errors, "a model, as in `{} = Plan`"));
        let title = || {
            let name = names::plain(&name);
            let row = name.strip_suffix("_id").filter(|_| references.is_some());
            names::title(row.unwrap_or(&name))
        };
        Some(Self {
            title: label.map_or_else(title, |label| label.value()),
            help: help.map(|help| help.value()).or_else(|| docs.text()),
            primary_key: take_switch("primary_key", &mut keys, errors),
            skip: take_switch("skip", &mut keys, errors),
            is_read_only: keys.is_set("readonly", errors),
            is_unique: keys.is_set("unique", errors),
            is_searchable: keys.is_set("searchable", errors),
            choices: choices.map_or_else(Vec::new, |key| {
                key.list(errors, "choices(\"free\", \"pro\")")
            }),
            default: keys.take("default").and_then(|key| {
                let literal: Default =
                    key.parsed(errors, "a literal, as in `{} = 0` or `{} = \"free\"`")?;
                if !literal.is_text && is_string(&field.ty) {
                    let message = format!(
                        "the default of a `String` must be a string; write `default = \"{}\"`",
                        literal.text
                    );
                    errors.at(literal.span, message);
                }
                Some(literal.text)
            }),
            widget: keys
                .take("widget")
                .and_then(|key| key.parsed(errors, "a widget, as in `{} = Textarea`")),
            references,
            on_delete: OnDelete::take(&mut keys, errors),
            view: Rule::take("view", &mut keys, errors),
            change: Rule::take("change", &mut keys, errors),
            is_indexed: keys.is_set("index", errors),
            renamed_from: take_table_name("renamed_from", &mut keys, errors),
            written: field.ty.clone(),
            visibility: field.vis.clone(),
            name,
        })
    }

    /// Returns the name in the database and the API.
    pub(crate) fn plain_name(&self) -> String {
        names::plain(&self.name)
    }

    /// Returns `true` if the type of the field is `Related`, whose values are not in a column.
    pub(crate) fn is_many_to_many(&self) -> bool {
        type_name(&self.written).is_some_and(|segment| segment.ident == "Related")
    }

    /// Returns `true` if the admin shows and stores the field.
    pub(crate) fn is_shown(&self) -> bool {
        self.skip.is_none()
    }
}

/// Value of `on_delete`: a variant of `portal_core::admin::OnDelete`.
pub(crate) struct OnDelete {
    pub(crate) variant: Ident,
    /// `true` if the field becomes empty.
    pub(crate) sets_null: bool,
    pub(crate) span: Span,
}

impl OnDelete {
    fn take(keys: &mut Keys, errors: &mut Errors) -> Option<Self> {
        const RULES: [&str; 3] = ["restrict", "set_null", "cascade"];
        let key = keys.take("on_delete")?;
        let span = key.name.span();
        let variant = match key.word(&RULES, errors)?.as_str() {
            "set_null" => "SetNull",
            "cascade" => "Cascade",
            _ => "Restrict",
        };
        Some(Self {
            variant: Ident::new(variant, span),
            sets_null: variant == "SetNull",
            span,
        })
    }
}

/// Default value as the text that a form would send.
struct Default {
    text: String,
    /// `true` if the value was written in quotes.
    is_text: bool,
    span: Span,
}

impl Parse for Default {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let minus: Option<syn::Token![-]> = input.parse()?;
        let literal: Lit = input.parse()?;
        let text = match (&literal, minus) {
            (Lit::Int(number), None) => number.base10_digits().to_owned(),
            (Lit::Float(number), None) => number.base10_digits().to_owned(),
            (Lit::Int(number), Some(_)) => format!("-{}", number.base10_digits()),
            (Lit::Float(number), Some(_)) => format!("-{}", number.base10_digits()),
            (Lit::Str(text), None) => text.value(),
            (Lit::Char(letter), None) => letter.value().to_string(),
            (Lit::Bool(flag), None) => flag.value.to_string(),
            _ => return Err(syn::Error::new(literal.span(), "expected a literal")),
        };
        Ok(Self {
            text,
            is_text: matches!(literal, Lit::Str(_) | Lit::Char(_)),
            span: literal.span(),
        })
    }
}

/// Returns `true` for `String` and `Option<String>`.
fn is_string(written: &Type) -> bool {
    let Some(segment) = type_name(written) else {
        return false;
    };
    match type_arguments(segment).as_slice() {
        [inner] if segment.ident == "Option" => is_string(inner),
        _ => segment.ident == "String",
    }
}

/// Removes all `#[admin(..)]` attributes and reads their keys as one list.
fn take_keys(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Keys {
    let mut keys = Keys::parse(TokenStream::new(), KEYS, errors);
    for attribute in attributes.extract_if(.., |attribute| attribute.path().is_ident("admin")) {
        match &attribute.meta {
            Meta::List(list) => keys.extend(Keys::parse(list.tokens.clone(), KEYS, errors), errors),
            other => errors.on(other, "`admin` takes a list, as in `#[admin(skip)]`"),
        }
    }
    keys
}

fn take_switch(name: &str, keys: &mut Keys, errors: &mut Errors) -> Option<Span> {
    let key = keys.take(name)?;
    key.flag(errors)?.is_set.then(|| key.name.span())
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn read(mut field: Field) -> (Option<ModelField>, Vec<String>) {
        let mut errors = Errors::default();
        (ModelField::read(&mut field, &mut errors), errors.messages())
    }

    #[test]
    fn default_is_converted_to_form_text() {
        for (field, expected) in [
            (parse_quote!(#[admin(default = 5_000u32)] a: u32), "5000"),
            (parse_quote!(#[admin(default = -1)] a: i32), "-1"),
            (parse_quote!(#[admin(default = "free")] a: String), "free"),
            (parse_quote!(#[admin(default = true)] a: bool), "true"),
        ] {
            let (field, messages) = read(field);
            assert_eq!(
                field.and_then(|field| field.default).as_deref(),
                Some(expected),
                "{messages:?}"
            );
        }
    }

    #[test]
    fn numeric_default_of_a_string_is_rejected() {
        for field in [
            parse_quote!(#[admin(default = 5)] a: String),
            parse_quote!(#[admin(default = 5)] a: Option<std::string::String>),
        ] {
            let (_, messages) = read(field);
            let expected = "the default of a `String` must be a string; write `default = \"5\"`";
            assert_eq!(messages, [expected]);
        }
    }

    #[test]
    fn label_and_help_default_to_name_and_docs() {
        let (field, _) = read(parse_quote!(
            #[doc = " In cents"]
            price_per_month: i64
        ));
        let field = field.unwrap();
        assert_eq!(field.title, "Price per month");
        assert_eq!(field.help.as_deref(), Some("In cents"));
    }

    #[test]
    fn several_attributes_are_merged() {
        let (_, messages) = read(parse_quote!(
            #[admin(unique, lable = "a")]
            #[admin(unique)]
            name: String
        ));
        assert_eq!(
            messages,
            [
                "unknown key `lable`; did you mean `label`?",
                "duplicate key `unique`"
            ]
        );
    }
}
