//! Rules of operations and fields: `view = "role:sales"`, `view("role:sales", "role:finance")`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::LitStr;
use syn::parse::{Parse, ParseStream};

use crate::errors::Errors;
use crate::guard::AccessRule;
use crate::keys::Keys;
use crate::paths::Paths;

/// Users who satisfy at least one of several rules.
pub(crate) struct Rule {
    /// Location of the key.
    pub(crate) span: Span,
    any: Vec<AccessRule>,
}

/// A rule as written in the source code.
enum WrittenRule {
    Text(LitStr),
    Word(Ident),
}

impl Parse for WrittenRule {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitStr) {
            return Ok(Self::Text(input.parse()?));
        }
        Ok(Self::Word(input.parse()?))
    }
}

impl Rule {
    /// Takes the rule of a key, if present; reports invalid rules and omits them.
    pub(crate) fn take(name: &str, keys: &mut Keys, errors: &mut Errors) -> Option<Self> {
        let key = keys.take(name)?;
        let written: Vec<WrittenRule> = if key.is_list() {
            let example = format!("{name}(\"role:sales\", \"permission:deals:read\")");
            key.list(errors, &example)
        } else {
            let what = "`\"role:..\"`, `\"permission:..\"` or `requires_admin`, as in `{} = \"role:sales\"`";
            key.parsed(errors, what).into_iter().collect()
        };
        let any = written.iter().filter_map(|rule| access(name, rule, errors));
        Some(Self {
            span: key.name.span(),
            any: any.collect(),
        })
    }

    /// Returns the `Access` of the rule.
    pub(crate) fn access(&self, paths: &Paths) -> TokenStream {
        let (krate, private) = (paths.krate(), paths.private());
        let any: Vec<_> = self.any.iter().filter_map(|it| it.access(krate)).collect();
        match any.as_slice() {
            [only] => quote!(#only),
            any => quote!(#krate::Access::AnyOf(#private::vec![#(#any),*])),
        }
    }
}

fn access(key: &str, written: &WrittenRule, errors: &mut Errors) -> Option<AccessRule> {
    let span = match written {
        WrittenRule::Word(word) if word == "requires_admin" => return Some(AccessRule::Admin),
        WrittenRule::Word(word) => word.span(),
        WrittenRule::Text(text) => {
            if let Some(rule) = AccessRule::from_text(text, errors) {
                return Some(rule);
            }
            text.span()
        }
    };
    let message = format!(
        "`{key}` takes `\"role:..\"`, `\"permission:..\"` or `requires_admin`, as in `{key} = \"role:sales\"`"
    );
    errors.at(span, message);
    None
}
