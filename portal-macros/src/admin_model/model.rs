//! Parsed form of an admin model: combines the attribute with the struct and checks both.

use proc_macro2::{Ident, Span};
use syn::{Attribute, Data, DeriveInput, Fields, LitStr};

use crate::docs::Docs;
use crate::errors::Errors;
use crate::names;
use crate::suggestion::unknown;

use super::attr::ModelAttribute;
use super::columns;
use super::field::ModelField;

/// A model as written in the source code.
pub(crate) struct Model {
    pub(crate) attribute: ModelAttribute,
    pub(crate) ident: Ident,
    pub(crate) cfg_attributes: Vec<Attribute>,
    pub(crate) description: String,
    pub(crate) fields: Vec<ModelField>,
    pub(crate) has_generics: bool,
}

impl Model {
    /// Combines the attribute with the struct, removes `#[admin(..)]` and reports contradictions.
    pub(crate) fn new(
        attribute: ModelAttribute,
        item: &mut DeriveInput,
        errors: &mut Errors,
    ) -> Self {
        let is_cfg = |attribute: &&Attribute| attribute.path().is_ident("cfg");
        let mut model = Self {
            attribute,
            ident: item.ident.clone(),
            cfg_attributes: item.attrs.iter().filter(is_cfg).cloned().collect(),
            description: Docs::read(&item.attrs).text().unwrap_or_default(),
            fields: read_fields(&mut item.data, errors),
            has_generics: item.generics.lt_token.is_some() || item.generics.where_clause.is_some(),
        };
        if model.has_generics {
            errors.on(
                &item.generics,
                "an admin model cannot be generic; it represents a single table",
            );
        }
        match &item.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(_) => model.check(errors),
                _ => errors.at(
                    item.ident.span(),
                    "`#[admin_model]` requires a struct with named fields",
                ),
            },
            Data::Enum(data) => not_a_struct(data.enum_token.span, "an enum", errors),
            Data::Union(data) => not_a_struct(data.union_token.span, "a union", errors),
        }
        model
    }

    /// Returns the name in the database and in URLs.
    pub(crate) fn name(&self) -> String {
        let given = self.attribute.name.clone();
        given.unwrap_or_else(|| names::snake_case(&names::plain(&self.ident)))
    }

    /// Returns the singular title.
    pub(crate) fn title(&self) -> String {
        let given = self.attribute.title.as_ref().map(LitStr::value);
        given.unwrap_or_else(|| names::title(&names::plain(&self.ident)))
    }

    /// Returns the plural title.
    pub(crate) fn plural(&self) -> String {
        let given = self.attribute.plural.as_ref().map(LitStr::value);
        given.unwrap_or_else(|| names::plural(&self.title()))
    }

    /// Returns the fields that the admin shows and stores.
    pub(crate) fn shown_fields(&self) -> impl Iterator<Item = &ModelField> {
        self.fields.iter().filter(|field| field.is_shown())
    }

    fn check(&mut self, errors: &mut Errors) {
        self.settle_primary_key(errors);
        for field in &self.fields {
            if let Some(skip) = field.skip
                && field.primary_key.is_some()
            {
                errors.at(skip, "the primary key cannot be skipped");
            }
            check_rules(field, errors);
            check_on_delete(field, errors);
            check_many_to_many(field, errors);
        }
        self.check_computed(errors);
        for field in &self.attribute.list {
            if !self.attribute.computed.contains(field) {
                self.check_field_exists(field, errors);
            }
        }
        for field in &self.attribute.search {
            self.check_stored(field, "searched", errors);
        }
        for order in &self.attribute.order_by {
            self.check_stored(&order.field, "sorted", errors);
        }
        let table = &self.attribute.table;
        for list in table.unique.iter().chain(&table.index) {
            for (index, field) in list.iter().enumerate() {
                self.check_field_exists(field, errors);
                if list[..index].contains(field) {
                    errors.at(field.span(), format!("`{field}` is listed twice"));
                }
            }
        }
    }

    fn check_computed(&self, errors: &mut Errors) {
        let computed = &self.attribute.computed;
        for (position, name) in computed.iter().enumerate() {
            if computed.iter().take(position).any(|first| first == name) {
                errors.at(name.span(), format!("`{name}` is computed twice"));
            }
            if self.fields.iter().any(|field| field.name == *name) {
                let message = format!("`{name}` is a field, so it cannot be computed");
                errors.at(name.span(), message);
            }
        }
    }

    /// Checks that rows can be searched or sorted by a field.
    fn check_stored(&self, name: &Ident, verb: &str, errors: &mut Errors) {
        if self.attribute.computed.contains(name) {
            let message = format!("`{name}` is computed, so rows cannot be {verb} by it");
            errors.at(name.span(), message);
        } else if let Some(field) = self.fields.iter().find(|it| it.name == *name)
            && field.is_many_to_many()
        {
            let message = format!("`{name}` is not a column, so rows cannot be {verb} by it");
            errors.at(name.span(), message);
        } else {
            self.check_field_exists(name, errors);
        }
    }

    /// Determines the primary key: the marked field, otherwise `id`.
    fn settle_primary_key(&mut self, errors: &mut Errors) {
        let mut marked = self.fields.iter().filter_map(|field| field.primary_key);
        let first = marked.next();
        for more in marked {
            errors.at(
                more,
                format!(
                    "`{}` has more than one primary key; mark only one field",
                    self.ident
                ),
            );
        }
        if first.is_some() {
            return;
        }
        match self.fields.iter_mut().find(|field| field.name == "id") {
            Some(field) => field.primary_key = Some(field.name.span()),
            None => {
                let message = format!(
                    "`{}` has no primary key; mark one field with `#[admin(primary_key)]`",
                    self.ident
                );
                errors.at(self.ident.span(), message);
            }
        }
    }

    fn check_field_exists(&self, name: &Ident, errors: &mut Errors) {
        match self.fields.iter().find(|field| field.name == *name) {
            Some(field) if field.is_shown() => {}
            Some(_) => errors.at(
                name.span(),
                format!("`{name}` is marked `skip`, so the admin cannot use it"),
            ),
            None => {
                let shown: Vec<String> = self.shown_fields().map(ModelField::plain_name).collect();
                let known: Vec<&str> = shown.iter().map(String::as_str).collect();
                errors.at(name.span(), unknown("field", &names::plain(name), &known));
            }
        }
    }
}

/// Reports rules of fields that have no effect.
fn check_rules(field: &ModelField, errors: &mut Errors) {
    for (key, rule) in [("view", &field.view), ("change", &field.change)] {
        let Some(rule) = rule else {
            continue;
        };
        let reason = if field.primary_key.is_some() {
            "the primary key is visible in every row and never changes"
        } else if field.skip.is_some() {
            "a skipped field is not part of the admin"
        } else if field.is_read_only && key == "change" {
            "a `readonly` field cannot be changed"
        } else {
            continue;
        };
        errors.at(rule.span, format!("{reason}; remove `{key}`"));
    }
}

/// Reports a rule for deletions that has no effect or cannot be applied.
fn check_on_delete(field: &ModelField, errors: &mut Errors) {
    let Some(rule) = &field.on_delete else {
        return;
    };
    if field.references.is_none() {
        errors.at(rule.span, "`on_delete` requires `references = ..`");
    } else if rule.sets_null && !columns::is_option(field) {
        let written = &field.written;
        let message = format!(
            "`on_delete = set_null` empties the field; make it `Option<{}>`",
            quote::quote!(#written)
        );
        errors.at(rule.span, message);
    }
}

/// Reports options that have no effect on a many-to-many relation, which is not a column.
fn check_many_to_many(field: &ModelField, errors: &mut Errors) {
    if !field.is_many_to_many() {
        return;
    }
    let options = [
        ("primary_key", field.primary_key.is_some()),
        ("unique", field.is_unique),
        ("index", field.is_indexed),
        ("searchable", field.is_searchable),
        ("choices", !field.choices.is_empty()),
        ("default", field.default.is_some()),
        ("widget", field.widget.is_some()),
        ("references", field.references.is_some()),
        ("renamed_from", field.renamed_from.is_some()),
    ];
    for (key, _) in options.into_iter().filter(|(_, is_set)| *is_set) {
        let message =
            format!("`{key}` has no effect on `Related`, which is not a column; remove it");
        errors.at(field.name.span(), message);
    }
}

fn read_fields(data: &mut Data, errors: &mut Errors) -> Vec<ModelField> {
    match data {
        Data::Struct(data) => data
            .fields
            .iter_mut()
            .filter_map(|field| ModelField::read(field, errors))
            .collect(),
        _ => Vec::new(),
    }
}

fn not_a_struct(span: Span, what: &str, errors: &mut Errors) {
    errors.at(
        span,
        format!("{what} cannot be an admin model; use a struct with named fields"),
    );
}
