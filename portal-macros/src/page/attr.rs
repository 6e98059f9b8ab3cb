//! Keys of `#[page]`.

use proc_macro2::{Span, TokenStream};
use syn::{LitStr, Path};

use crate::errors::Errors;
use crate::guard::AccessRule;
use crate::keys::{self, Keys};
use crate::nav::NavAttribute;
use crate::paths::Paths;

use super::route;

const KEYS: &[&str] = &[
    "route",
    "title",
    "description",
    "requires_auth",
    "requires_admin",
    "requires_role",
    "requires_permission",
    "nav",
    "layout",
    "method",
    "max_body",
    "rate_class",
    "crate",
];
/// Values of `method`, each with the corresponding `Method` constant.
const METHODS: &[(&str, &str)] = &[
    ("get", "GET"),
    ("post", "POST"),
    ("put", "PUT"),
    ("patch", "PATCH"),
    ("delete", "DELETE"),
];
/// Values of `rate_class`, each with the corresponding `RateClass` variant.
const RATE_CLASSES: &[(&str, &str)] = &[
    ("sign_in", "SignIn"),
    ("client_token", "ClientToken"),
    ("start_task", "StartTask"),
    ("admin_write", "AdminWrite"),
    ("own_write", "OwnWrite"),
];

/// Parsed attribute, before the function is checked.
pub(crate) struct PageAttribute {
    pub(crate) paths: Paths,
    /// The route; absent only after an error.
    pub(crate) route: Option<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) guard: AccessRule,
    pub(crate) nav: Option<NavAttribute>,
    pub(crate) layout: Option<Path>,
    /// Name of the `Method` constant; `GET` by default.
    pub(crate) method: &'static str,
    /// Maximum size of the request body in bytes.
    pub(crate) max_body: Option<usize>,
    /// Name of the `RateClass` variant.
    pub(crate) rate_class: Option<&'static str>,
}

impl PageAttribute {
    /// Parses the attribute; reports invalid values and omits them.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let (leading, tokens) = keys::split_leading_string(tokens);
        let mut keys = Keys::parse(tokens, KEYS, errors);
        Self {
            paths: Paths::take(&mut keys, errors),
            route: take_route(leading, &mut keys, errors),
            title: keys.take_string("title", errors),
            description: keys.take_string("description", errors),
            guard: AccessRule::take(&mut keys, errors),
            nav: NavAttribute::take(&mut keys, errors),
            layout: keys.take("layout").and_then(|key| key.path(errors)),
            method: take_method(&mut keys, errors),
            max_body: keys.take_size("max_body", errors).map(|(bytes, _)| bytes),
            rate_class: take_rate_class(&mut keys, errors),
        }
    }
}

fn take_route(leading: Option<LitStr>, keys: &mut Keys, errors: &mut Errors) -> Option<LitStr> {
    let named = keys.take("route");
    let route = match (leading, named) {
        (Some(route), None) => route,
        (None, Some(key)) => key.string(errors)?,
        (Some(route), Some(key)) => {
            errors.at(key.name.span(), "duplicate key `route`");
            route
        }
        (None, None) => {
            errors.at(
                Span::call_site(),
                "missing route; write `#[page(\"/path\")]`",
            );
            return None;
        }
    };
    if let Err(message) = route::check(&route.value()) {
        errors.at(route.span(), message);
    }
    Some(route)
}

fn take_method(keys: &mut Keys, errors: &mut Errors) -> &'static str {
    let words: Vec<_> = METHODS.iter().map(|(word, _)| *word).collect();
    let given = keys.take("method").and_then(|key| key.word(&words, errors));
    let mut methods = METHODS.iter();
    let found = methods.find(|(word, _)| given.as_ref().is_some_and(|given| given == word));
    found.map_or("GET", |(_, constant)| *constant)
}

fn take_rate_class(keys: &mut Keys, errors: &mut Errors) -> Option<&'static str> {
    let words: Vec<_> = RATE_CLASSES.iter().map(|(word, _)| *word).collect();
    let given = keys.take("rate_class")?.word(&words, errors)?;
    let mut classes = RATE_CLASSES.iter();
    classes.find_map(|(word, variant)| (given == *word).then_some(*variant))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn method_is_a_lower_case_word() {
        let mut errors = Errors::default();
        let attribute = PageAttribute::parse(quote!("/", method = POST), &mut errors);
        assert_eq!(
            errors.messages(),
            ["unknown value of `method`: `POST`; did you mean `post`?"]
        );
        assert_eq!(attribute.method, "GET");
    }
}
