//! Keys of `#[admin_action]`.

use proc_macro2::{Ident, TokenStream};
use syn::{LitStr, Path};

use crate::errors::Errors;
use crate::guard::AccessRule;
use crate::keys::{Keys, split_leading_path};
use crate::paths::Paths;
use crate::suggestion::unknown;

const KEYS: &[&str] = &[
    "on",
    "name",
    "title",
    "confirm",
    "danger",
    "background",
    "requires_admin",
    "requires_role",
    "requires_permission",
    "crate",
];

const TARGETS: [&str; 3] = ["one", "many", "all"];

/// Parsed attribute, before the function is checked.
pub(crate) struct ActionAttribute {
    pub(crate) paths: Paths,
    /// Type of the model.
    pub(crate) model: Option<Path>,
    /// `true` if the action is offered for one row, selected rows and all rows that match.
    pub(crate) on: Option<[bool; 3]>,
    pub(crate) name: Option<String>,
    pub(crate) title: Option<LitStr>,
    pub(crate) confirm: Option<LitStr>,
    pub(crate) danger: bool,
    pub(crate) background: bool,
    pub(crate) guard: AccessRule,
}

impl ActionAttribute {
    /// Parses the attribute; reports invalid values and omits them.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let (model, rest) = split_leading_path(tokens);
        if model.is_none() {
            errors.at(
                proc_macro2::Span::call_site(),
                "`#[admin_action]` requires the model first, as in `#[admin_action(Deal, on(one, many))]`",
            );
        }
        let mut keys = Keys::parse(rest, KEYS, errors);
        Self {
            paths: Paths::take(&mut keys, errors),
            model,
            on: take_targets(&mut keys, errors),
            name: take_name(&mut keys, errors),
            title: keys.take_string("title", errors),
            confirm: take_confirm(&mut keys, errors),
            danger: keys.is_set("danger", errors),
            background: keys.is_set("background", errors),
            guard: AccessRule::take(&mut keys, errors),
        }
    }
}

fn take_targets(keys: &mut Keys, errors: &mut Errors) -> Option<[bool; 3]> {
    let key = keys.take("on")?;
    let words: Vec<Ident> = key.list(errors, "on(one, many, all)");
    if key.is_list() && words.is_empty() {
        errors.at(
            key.name.span(),
            "`on` requires at least one of `one`, `many` and `all`",
        );
    }
    for word in &words {
        let name = word.to_string();
        if !TARGETS.contains(&name.as_str()) {
            errors.at(word.span(), unknown("value of `on`:", &name, &TARGETS));
        }
    }
    Some(TARGETS.map(|target| words.iter().any(|word| word == target)))
}

fn take_name(keys: &mut Keys, errors: &mut Errors) -> Option<String> {
    let given = keys.take_string("name", errors)?;
    let name = given.value();
    if !crate::names::is_table_name(&name) {
        errors.at(
            given.span(),
            "`name` is part of URLs and audit entries; use `a-z`, `0-9` and `_`, starting with a letter",
        );
    }
    Some(name)
}

/// Takes the question; reports placeholders other than `{count}`.
fn take_confirm(keys: &mut Keys, errors: &mut Errors) -> Option<LitStr> {
    let question = keys.take_string("confirm", errors)?;
    let rest = question.value().replace("{count}", "");
    if rest.contains(['{', '}']) {
        errors.at(
            question.span(),
            "`confirm` supports only the placeholder `{count}`, the number of rows",
        );
    }
    Some(question)
}
