//! Attribute keys: `key`, `key = value` and `key(..)`.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::{LitBool, LitInt, LitStr, Path};

use crate::errors::Errors;
use crate::names;
use crate::size;
use crate::suggestion::{quoted, unknown};

/// Keys of one attribute; each key can be taken only once.
pub(crate) struct Keys {
    given: Vec<Key>,
    /// Keys that can be given more than once.
    repeatable: &'static [&'static str],
}

/// One key and its value.
pub(crate) struct Key {
    pub(crate) name: Ident,
    value: Value,
}

enum Value {
    /// `key`
    None,
    /// `key = tokens`
    Assigned(TokenStream),
    /// `key(tokens)`
    List(TokenStream),
}

/// Value of a switch and its location.
pub(crate) struct Flag {
    pub(crate) is_set: bool,
    pub(crate) span: Span,
}

impl Keys {
    /// Parses the keys of an attribute; only those in `known` are allowed.
    pub(crate) fn parse(tokens: TokenStream, known: &[&str], errors: &mut Errors) -> Self {
        Self::parse_repeatable(tokens, known, &[], errors)
    }

    /// Parses the keys of an attribute, some of which can be given more than once.
    pub(crate) fn parse_repeatable(
        tokens: TokenStream,
        known: &[&str],
        repeatable: &'static [&'static str],
        errors: &mut Errors,
    ) -> Self {
        let mut keys = Self {
            given: Vec::new(),
            repeatable,
        };
        for entry in entries(tokens) {
            if let Some(key) = Key::parse(entry, errors) {
                keys.add(key, known, errors);
            }
        }
        keys
    }

    /// Adds the keys from another attribute on the same item.
    pub(crate) fn extend(&mut self, more: Self, errors: &mut Errors) {
        for key in more.given {
            self.add_once(key, errors);
        }
    }

    /// Takes the key, if present.
    pub(crate) fn take(&mut self, name: &str) -> Option<Key> {
        let at = self.given.iter().position(|key| key.name == name)?;
        Some(self.given.remove(at))
    }

    /// Takes all keys with a name.
    pub(crate) fn take_all(&mut self, name: &str) -> Vec<Key> {
        std::iter::from_fn(|| self.take(name)).collect()
    }

    /// Returns `true` if the key is present.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.span_of(name).is_some()
    }

    /// Returns the span of a key, if present.
    pub(crate) fn span_of(&self, name: &str) -> Option<Span> {
        let key = self.given.iter().find(|key| key.name == name)?;
        Some(key.name.span())
    }

    /// Takes the text of a key, if present.
    pub(crate) fn take_string(&mut self, name: &str, errors: &mut Errors) -> Option<LitStr> {
        self.take(name)?.string(errors)
    }

    /// Takes a size, if present; returns its number of bytes and the span of the key.
    pub(crate) fn take_size(&mut self, name: &str, errors: &mut Errors) -> Option<(usize, Span)> {
        let key = self.take(name)?;
        let written = key.size_text(errors)?;
        match size::bytes(&written.value()) {
            Ok(bytes) => Some((bytes, key.name.span())),
            Err(message) => {
                errors.at(written.span(), message);
                None
            }
        }
    }

    /// Takes a name that becomes part of URLs, if present.
    pub(crate) fn take_url_name(&mut self, name: &str, errors: &mut Errors) -> Option<String> {
        let given = self.take_string(name, errors)?;
        if !names::is_url_safe(&given.value()) {
            let message =
                format!("`{name}` is part of URLs; use only letters, digits, `_` and `-`");
            errors.at(given.span(), message);
        }
        Some(given.value())
    }

    /// Takes a switch, if present.
    pub(crate) fn take_flag(&mut self, name: &str, errors: &mut Errors) -> Option<Flag> {
        self.take(name)?.flag(errors)
    }

    /// Takes a switch; returns `true` if it is present and on.
    pub(crate) fn is_set(&mut self, name: &str, errors: &mut Errors) -> bool {
        self.take_flag(name, errors).is_some_and(|flag| flag.is_set)
    }

    fn add(&mut self, key: Key, known: &[&str], errors: &mut Errors) {
        let name = key.name.to_string();
        if known.contains(&name.as_str()) {
            self.add_once(key, errors);
        } else {
            errors.at(key.name.span(), unknown("key", &name, known));
        }
    }

    fn add_once(&mut self, key: Key, errors: &mut Errors) {
        let is_repeatable = self.repeatable.iter().any(|name| key.name == name);
        if !is_repeatable && self.given.iter().any(|first| first.name == key.name) {
            errors.at(key.name.span(), format!("duplicate key `{}`", key.name));
        } else {
            self.given.push(key);
        }
    }
}

impl Key {
    fn parse(entry: Vec<TokenTree>, errors: &mut Errors) -> Option<Self> {
        let mut rest = entry.into_iter();
        let name = match rest.next()? {
            TokenTree::Ident(name) => name,
            other => {
                errors.at(other.span(), "expected a key, as in `key = value`");
                return None;
            }
        };
        let value = match rest.next() {
            None => Value::None,
            Some(TokenTree::Punct(sign)) if sign.as_char() == '=' => {
                Value::Assigned(rest.by_ref().collect())
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                Value::List(group.stream())
            }
            Some(other) => {
                errors.at(
                    other.span(),
                    format!("expected `,`, `=` or `(` after `{name}`"),
                );
                return None;
            }
        };
        if let Some(left) = rest.next() {
            errors.at(left.span(), format!("expected `,` after `{name}(..)`"));
        }
        Some(Self { name, value })
    }

    /// Returns `true` if the key was written as `key(..)`.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    /// Reads a string: `key = "text"`.
    pub(crate) fn string(&self, errors: &mut Errors) -> Option<LitStr> {
        self.assigned(errors, "a string, as in `{} = \"..\"`")
    }

    /// Reads a duration, still as text: `key = "5m"`.
    pub(crate) fn duration_text(&self, errors: &mut Errors) -> Option<LitStr> {
        self.assigned(errors, "a duration in quotes, as in `{} = \"5m\"`")
    }

    /// Reads a size, still as text: `key = "256KiB"`.
    pub(crate) fn size_text(&self, errors: &mut Errors) -> Option<LitStr> {
        self.assigned(errors, "a size in quotes, as in `{} = \"256KiB\"`")
    }

    /// Reads a path: `key = some::path`.
    pub(crate) fn path(&self, errors: &mut Errors) -> Option<Path> {
        self.assigned(errors, "a path, as in `{} = some::path`")
    }

    /// Reads a type or anything else that `syn` can parse: `key = value`.
    pub(crate) fn parsed<T: syn::parse::Parse>(
        &self,
        errors: &mut Errors,
        what: &str,
    ) -> Option<T> {
        self.assigned(errors, what)
    }

    /// Reads a whole number: `key = 2`, `key = -1`.
    pub(crate) fn integer(&self, errors: &mut Errors) -> Option<i32> {
        let number = |input: syn::parse::ParseStream<'_>| {
            let minus: Option<syn::Token![-]> = input.parse()?;
            let digits = input.parse::<LitInt>()?;
            // The number is parsed together with its sign, because `i32::MIN` has no positive
            // counterpart.
            let sign = if minus.is_some() { "-" } else { "" };
            format!("{sign}{}", digits.base10_digits())
                .parse()
                .map_err(|_| input.error("out of range"))
        };
        self.assigned_with(number, errors, "a whole number, as in `{} = 2`")
    }

    /// Reads a switch: `key`, `key = true` or `key = false`.
    pub(crate) fn flag(&self, errors: &mut Errors) -> Option<Flag> {
        if matches!(self.value, Value::None) {
            return Some(Flag {
                is_set: true,
                span: self.name.span(),
            });
        }
        let literal: LitBool = self.assigned(errors, "no value, or `{} = true` or `{} = false`")?;
        Some(Flag {
            is_set: literal.value,
            span: literal.span,
        })
    }

    /// Reads one of the known words: `key = word`.
    pub(crate) fn word(&self, known: &[&str], errors: &mut Errors) -> Option<String> {
        let word: Ident = self.assigned(errors, &format!("one of: {}", quoted(known)))?;
        let name = word.to_string();
        if known.contains(&name.as_str()) {
            return Some(name);
        }
        errors.at(
            word.span(),
            unknown(&format!("value of `{}`:", self.name), &name, known),
        );
        None
    }

    /// Reads values between parentheses: `key(a, b)`.
    pub(crate) fn list<T: syn::parse::Parse>(&self, errors: &mut Errors, example: &str) -> Vec<T> {
        let Value::List(tokens) = &self.value else {
            errors.at(
                self.name.span(),
                format!("`{}` takes a list, as in `{example}`", self.name),
            );
            return Vec::new();
        };
        match syn::punctuated::Punctuated::<T, syn::Token![,]>::parse_terminated
            .parse2(tokens.clone())
        {
            Ok(list) => list.into_iter().collect(),
            Err(error) => {
                let message = format!("{error}; `{}` takes a list, as in `{example}`", self.name);
                errors.at(error.span(), message);
                Vec::new()
            }
        }
    }

    /// Reads keys between parentheses: `key(inner = value)`.
    pub(crate) fn nested(&self, known: &[&str], errors: &mut Errors) -> Keys {
        match &self.value {
            Value::List(tokens) => Keys::parse(tokens.clone(), known, errors),
            _ => Keys::parse(TokenStream::new(), known, errors),
        }
    }

    fn assigned<T: syn::parse::Parse>(&self, errors: &mut Errors, what: &str) -> Option<T> {
        self.assigned_with(T::parse, errors, what)
    }

    /// Reads `key = value`; `what` describes the expected value, where `{}` is replaced by the key.
    fn assigned_with<T>(
        &self,
        read: impl Parser<Output = T>,
        errors: &mut Errors,
        what: &str,
    ) -> Option<T> {
        let what = what.replace("{}", &self.name.to_string());
        let message = format!("`{}` takes {what}", self.name);
        match &self.value {
            Value::Assigned(tokens) if !tokens.is_empty() => match read.parse2(tokens.clone()) {
                Ok(value) => return Some(value),
                Err(_) => errors.on(tokens, message),
            },
            Value::List(tokens) if !tokens.is_empty() => errors.on(tokens, message),
            _ => errors.at(self.name.span(), message),
        }
        None
    }
}

/// Splits off the leading text of an attribute, such as the route of a page.
pub(crate) fn split_leading_string(tokens: TokenStream) -> (Option<LitStr>, TokenStream) {
    let mut entries = entries(tokens.clone()).into_iter();
    let first = entries.next().and_then(|entry| {
        let tokens: TokenStream = entry.into_iter().collect();
        syn::parse2::<LitStr>(tokens).ok()
    });
    if first.is_none() {
        return (None, tokens);
    }
    (first, joined(entries))
}

/// Splits off the leading type of an attribute, such as the model of an action. Types start with an
/// upper-case letter, unlike keys.
pub(crate) fn split_leading_path(tokens: TokenStream) -> (Option<Path>, TokenStream) {
    let mut entries = entries(tokens.clone()).into_iter();
    let first = entries.next().and_then(|entry| {
        let tokens: TokenStream = entry.into_iter().collect();
        let path = syn::parse2::<Path>(tokens).ok()?;
        let name = path.segments.last()?.ident.to_string();
        name.starts_with(char::is_uppercase).then_some(path)
    });
    if first.is_none() {
        return (None, tokens);
    }
    (first, joined(entries))
}

fn joined(entries: impl Iterator<Item = Vec<TokenTree>>) -> TokenStream {
    let comma = proc_macro2::Punct::new(',', proc_macro2::Spacing::Alone);
    let entries =
        entries.flat_map(|entry| entry.into_iter().chain([TokenTree::Punct(comma.clone())]));
    entries.collect()
}

/// Splits at commas, except those inside brackets, which are part of a token group.
fn entries(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut entries = vec![Vec::new()];
    for token in tokens {
        match token {
            TokenTree::Punct(sign) if sign.as_char() == ',' => entries.push(Vec::new()),
            // A value passed through a `macro_rules!` is wrapped in an invisible group.
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                if let Some(entry) = entries.last_mut() {
                    entry.extend(group.stream().into_token_stream());
                }
            }
            other => {
                if let Some(entry) = entries.last_mut() {
                    entry.push(other);
                }
            }
        }
    }
    entries.retain(|entry| !entry.is_empty());
    entries
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    const KNOWN: &[&str] = &["title", "requires_auth", "requires_admin", "order", "nav"];

    fn messages(tokens: TokenStream, read: impl FnOnce(&mut Keys, &mut Errors)) -> Vec<String> {
        let mut errors = Errors::default();
        let mut keys = Keys::parse(tokens, KNOWN, &mut errors);
        read(&mut keys, &mut errors);
        errors.messages()
    }

    #[test]
    fn every_error_is_reported() {
        let found = messages(
            quote!(titel = "a", order = 1, order = 2, "stray", nav nav),
            |_, _| {},
        );
        assert_eq!(
            found,
            [
                "unknown key `titel`; did you mean `title`?",
                "duplicate key `order`",
                "expected a key, as in `key = value`",
                "expected `,`, `=` or `(` after `nav`",
            ]
        );
    }

    #[test]
    fn value_of_the_wrong_type_reports_the_expected_form() {
        let found = messages(
            quote!(title = users, requires_auth = "yes", order),
            |keys, errors| {
                assert!(keys.take_string("title", errors).is_none());
                assert!(keys.take_flag("requires_auth", errors).is_none());
                assert!(
                    keys.take("order")
                        .and_then(|key| key.integer(errors))
                        .is_none()
                );
            },
        );
        assert_eq!(
            found,
            [
                "`title` takes a string, as in `title = \"..\"`",
                "`requires_auth` takes no value, or `requires_auth = true` or `requires_auth = false`",
                "`order` takes a whole number, as in `order = 2`",
            ]
        );
    }

    #[test]
    fn values_are_read() {
        let found = messages(
            quote!(
                title = "Users",
                requires_auth,
                requires_admin = false,
                order = -3,
            ),
            |keys, errors| {
                assert_eq!(
                    keys.take_string("title", errors)
                        .map(|title| title.value())
                        .as_deref(),
                    Some("Users")
                );
                assert!(keys.is_set("requires_auth", errors));
                assert!(!keys.is_set("requires_admin", errors));
                assert_eq!(
                    keys.take("order").and_then(|key| key.integer(errors)),
                    Some(-3)
                );
                assert!(keys.take("nav").is_none());
            },
        );
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn leading_text_is_split_off() {
        let (route, rest) = split_leading_string(quote!("/users", title = "Users", nav));
        assert_eq!(route.map(|route| route.value()).as_deref(), Some("/users"));
        assert_eq!(rest.to_string(), quote!(title = "Users", nav,).to_string());
        let (route, rest) = split_leading_string(quote!(route = "/users"));
        assert!(route.is_none());
        assert_eq!(rest.to_string(), quote!(route = "/users").to_string());
    }
}
