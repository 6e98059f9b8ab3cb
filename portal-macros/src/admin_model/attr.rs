//! Keys of `#[admin_model]`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::LitStr;
use syn::parse::{Parse, ParseStream};

use crate::errors::Errors;
use crate::guard::AccessRule;
use crate::keys::{Key, Keys};
use crate::names;
use crate::paths::Paths;

const KEYS: &[&str] = &[
    "name",
    "title",
    "plural",
    "list",
    "search",
    "order_by",
    "readonly",
    "requires_role",
    "requires_permission",
    "validate",
    "hooks",
    "crate",
];

/// Parsed attribute, before the struct is checked.
pub(crate) struct ModelAttribute {
    pub(crate) paths: Paths,
    pub(crate) name: Option<String>,
    pub(crate) title: Option<LitStr>,
    pub(crate) plural: Option<LitStr>,
    pub(crate) list: Vec<Ident>,
    pub(crate) search: Vec<Ident>,
    pub(crate) order_by: Vec<Order>,
    pub(crate) is_read_only: bool,
    /// Access rule for users other than administrators.
    pub(crate) guard: Option<AccessRule>,
    /// Location of `validate`, if present.
    pub(crate) validate: Option<Span>,
    /// Location of `hooks`, if present.
    pub(crate) hooks: Option<Span>,
}

/// Field to sort by: `name` or `-name`.
pub(crate) struct Order {
    pub(crate) field: Ident,
    pub(crate) is_descending: bool,
}

impl Parse for Order {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let minus: Option<syn::Token![-]> = input.parse()?;
        Ok(Self {
            field: input.parse()?,
            is_descending: minus.is_some(),
        })
    }
}

impl ModelAttribute {
    /// Parses the attribute; reports invalid values and omits them.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut keys = Keys::parse(tokens, KEYS, errors);
        Self {
            paths: Paths::take(&mut keys, errors),
            name: take_name(&mut keys, errors),
            title: keys.take_string("title", errors),
            plural: keys.take_string("plural", errors),
            list: take_fields("list", &mut keys, errors),
            search: take_fields("search", &mut keys, errors),
            order_by: take_order(&mut keys, errors),
            is_read_only: keys.is_set("readonly", errors),
            guard: AccessRule::take_for_model(&mut keys, errors),
            validate: take_switch("validate", &mut keys, errors),
            hooks: take_switch("hooks", &mut keys, errors),
        }
    }
}

fn take_switch(name: &str, keys: &mut Keys, errors: &mut Errors) -> Option<Span> {
    let flag = keys.take_flag(name, errors)?;
    flag.is_set.then_some(flag.span)
}

fn take_name(keys: &mut Keys, errors: &mut Errors) -> Option<String> {
    let given = keys.take_string("name", errors)?;
    if !names::is_table_name(&given.value()) {
        errors.at(
            given.span(),
            "`name` is used as a table name; use only `a-z`, `0-9` and `_`, starting with a letter",
        );
    }
    Some(given.value())
}

fn take_fields(name: &str, keys: &mut Keys, errors: &mut Errors) -> Vec<Ident> {
    let key = keys.take(name);
    key.map_or_else(Vec::new, |key| {
        key.list(errors, &format!("{name}(name, price)"))
    })
}

fn take_order(keys: &mut Keys, errors: &mut Errors) -> Vec<Order> {
    let read = |key: Key| {
        if key.is_list() {
            return key.list(errors, "order_by(-created_at, name)");
        }
        let order = key.parsed(
            errors,
            "a field, as in `{} = name` or, for descending order, `{} = -name`",
        );
        order.into_iter().collect()
    };
    keys.take("order_by").map_or_else(Vec::new, read)
}
