//! Keys of `#[admin_model]`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::LitStr;
use syn::parse::{Parse, ParseStream};

use crate::errors::Errors;
use crate::guard::AccessRule;
use crate::keys::{Key, Keys};
use crate::names;
use crate::nav::NavAttribute;
use crate::paths::Paths;

use super::rule::Rule;

const KEYS: &[&str] = &[
    "name",
    "title",
    "plural",
    "list",
    "search",
    "computed",
    "order_by",
    "nav",
    "readonly",
    "requires_role",
    "requires_permission",
    "view",
    "create",
    "change",
    "delete",
    "export",
    "import",
    "restore",
    "scope",
    "validate",
    "managed",
    "version",
    "unique",
    "index",
    "renamed_from",
    "hooks",
    "children",
    "crate",
];

/// Operations that have a key, with the variant of `Operation`; `true` if they store something.
const OPERATIONS: [(&str, &str, bool); 7] = [
    ("view", "View", false),
    ("create", "Create", true),
    ("change", "Change", true),
    ("delete", "Delete", true),
    ("export", "Export", false),
    ("import", "Import", true),
    ("restore", "Restore", true),
];
/// Keys that can be given more than once.
const REPEATABLE: &[&str] = &["unique", "index", "children"];

/// Parsed attribute, before the struct is checked.
pub(crate) struct ModelAttribute {
    pub(crate) paths: Paths,
    pub(crate) name: Option<String>,
    pub(crate) title: Option<LitStr>,
    pub(crate) plural: Option<LitStr>,
    pub(crate) list: Vec<Ident>,
    pub(crate) search: Vec<Ident>,
    /// Methods whose values are shown as columns.
    pub(crate) computed: Vec<Ident>,
    pub(crate) order_by: Vec<Order>,
    pub(crate) nav: Option<NavAttribute>,
    pub(crate) is_read_only: bool,
    /// Access rule for users other than administrators.
    pub(crate) guard: Option<AccessRule>,
    /// Rules of operations, each with the variant of `Operation`.
    pub(crate) rules: Vec<(Ident, Rule)>,
    /// Function that returns the rows that a user may see.
    pub(crate) scope: Option<syn::Path>,
    /// Location of `validate`, if present.
    pub(crate) validate: Option<Span>,
    /// Location of `hooks`, if present.
    pub(crate) hooks: Option<Span>,
    /// Models whose rows are edited in the form of a record.
    pub(crate) children: Vec<Child>,
    pub(crate) table: TableKeys,
}

/// A model whose rows are edited in the form of a record: `children(Activity, by = deal_id)`.
pub(crate) struct Child {
    pub(crate) model: syn::Path,
    /// Field of that model which refers to the record.
    pub(crate) field: Ident,
}

impl Child {
    fn take_all(keys: &mut Keys, errors: &mut Errors) -> Vec<Self> {
        let example = "children(Activity, by = deal_id)";
        let mut all = Vec::new();
        for key in keys.take_all("children") {
            let before = errors.len();
            let mut parts = key.list::<ChildPart>(errors, example).into_iter();
            match (parts.next(), parts.next(), parts.next()) {
                (Some(ChildPart::Model(model)), Some(ChildPart::By(field)), None) => {
                    all.push(Self { model, field });
                }
                _ if errors.len() > before => {}
                _ => errors.at(
                    key.name.span(),
                    format!("`children` takes a model and its field, as in `{example}`"),
                ),
            }
        }
        all
    }
}

enum ChildPart {
    Model(syn::Path),
    By(Ident),
}

impl Parse for ChildPart {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path: syn::Path = input.parse()?;
        if !path.is_ident("by") || !input.peek(syn::Token![=]) {
            return Ok(Self::Model(path));
        }
        input.parse::<syn::Token![=]>()?;
        Ok(Self::By(input.parse()?))
    }
}

/// Keys that concern the table.
pub(crate) struct TableKeys {
    pub(crate) is_managed: bool,
    pub(crate) version: Option<LitStr>,
    /// Lists of fields that are unique together.
    pub(crate) unique: Vec<Vec<Ident>>,
    /// Lists of fields that have an index.
    pub(crate) index: Vec<Vec<Ident>>,
    pub(crate) renamed_from: Option<LitStr>,
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
        let mut keys = Keys::parse_repeatable(tokens, KEYS, REPEATABLE, errors);
        let is_read_only = keys.is_set("readonly", errors);
        Self {
            paths: Paths::take(&mut keys, errors),
            name: take_name(&mut keys, errors),
            title: keys.take_string("title", errors),
            plural: keys.take_string("plural", errors),
            list: take_fields("list", &mut keys, errors),
            search: take_fields("search", &mut keys, errors),
            computed: take_fields("computed", &mut keys, errors),
            order_by: take_order(&mut keys, errors),
            nav: NavAttribute::take(&mut keys, errors),
            is_read_only,
            guard: AccessRule::take_for_model(&mut keys, errors),
            rules: take_rules(is_read_only, &mut keys, errors),
            scope: keys.take("scope").and_then(|key| key.path(errors)),
            validate: take_switch("validate", &mut keys, errors),
            hooks: take_switch("hooks", &mut keys, errors),
            children: Child::take_all(&mut keys, errors),
            table: TableKeys::take(&mut keys, errors),
        }
    }
}

impl TableKeys {
    fn take(keys: &mut Keys, errors: &mut Errors) -> Self {
        let managed = keys.take_flag("managed", errors);
        let table = Self {
            is_managed: managed.is_none_or(|flag| flag.is_set),
            version: take_table_name("version", keys, errors),
            unique: take_lists("unique", keys, errors),
            index: take_lists("index", keys, errors),
            renamed_from: take_table_name("renamed_from", keys, errors),
        };
        if let Some(version) = &table.version
            && table.is_managed
        {
            errors.at(
                version.span(),
                "`version` requires `managed = false`; the portal's tables have the column `row_version`",
            );
        }
        if let Some(old) = &table.renamed_from
            && !table.is_managed
        {
            errors.at(
                old.span(),
                "`renamed_from` has no effect with `managed = false`; rename the table in a migration",
            );
        }
        table
    }
}

/// Takes lists of at least two fields each: `unique(a, b), unique(c, d)`.
fn take_lists(name: &str, keys: &mut Keys, errors: &mut Errors) -> Vec<Vec<Ident>> {
    let mut lists = Vec::new();
    for key in keys.take_all(name) {
        let span = key.name.span();
        let list: Vec<Ident> = key.list(errors, &format!("{name}(company_id, name)"));
        match list.as_slice() {
            [] => {}
            [field] => errors.at(
                span,
                format!("`{name}` lists at least two fields; mark a single field with `#[admin({name})]`, here `{field}`"),
            ),
            _ => lists.push(list),
        }
    }
    lists
}

/// Takes the name of a table or a column.
pub(crate) fn take_table_name(name: &str, keys: &mut Keys, errors: &mut Errors) -> Option<LitStr> {
    let given = keys.take_string(name, errors)?;
    if !names::is_table_name(&given.value()) {
        errors.at(
            given.span(),
            format!("`{name}` is a name in the database; use only `a-z`, `0-9` and `_`, starting with a letter"),
        );
    }
    Some(given)
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

fn take_rules(is_read_only: bool, keys: &mut Keys, errors: &mut Errors) -> Vec<(Ident, Rule)> {
    let mut rules = Vec::new();
    for (name, variant, is_write) in OPERATIONS {
        let Some(rule) = Rule::take(name, keys, errors) else {
            continue;
        };
        if is_read_only && is_write {
            errors.at(
                rule.span,
                format!("rows of a `readonly` model do not change; remove `{name}` or `readonly`"),
            );
        }
        rules.push((Ident::new(variant, rule.span), rule));
    }
    rules
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
