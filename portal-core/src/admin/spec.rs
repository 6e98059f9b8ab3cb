//! Specification of a model, independent of the model's Rust type, for lists, forms and the API.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::actions::AdminAction;
use super::children::ChildSpec;
use super::computed::ComputedFields;
use super::field::FieldSpec;
use super::field_type::KeySource;
use super::hooks::HookTable;
use super::key_query::KeyQuery;
use super::model::{AdminModel, ModelOptions, TableOptions};
use super::policy::ModelPolicy;
use super::row_version::RowVersion;
use super::values::FieldValues;
use crate::error::FieldError;
use crate::json;
use crate::pages::NavItem;
use crate::source::Source;

/// The values of a row by field name.
pub(crate) type RowValues = Map<String, Value>;

/// Owner of a model's table, who creates and changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableOwner {
    /// The portal creates the table from the model.
    Model,
    /// Migrations of the application create the table.
    Application,
    /// Migrations of the portal create the table.
    Portal,
}

/// Specification of an admin model at run time.
#[derive(Debug, Clone)]
pub struct ModelSpec {
    pub(crate) source: Source,
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    pub(crate) title: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) description: &'static str,
    pub(crate) options: ModelOptions,
    pub(crate) fields: &'static [FieldSpec],
    pub(crate) computed: ComputedFields,
    /// Models whose rows are edited in the form of a record.
    pub(crate) children: &'static [ChildSpec],
    pub(crate) policy: ModelPolicy,
    /// Entry in the navigation; `None` for a tab of the settings.
    pub(crate) nav: Option<NavItem>,
    pub(crate) owner: TableOwner,
    pub(crate) table_options: TableOptions,
    pub(crate) version: RowVersion,
    /// Column that is not null in rows that count as deleted.
    pub(crate) deleted: Option<&'static str>,
    /// Choices that are determined at run time, such as the roles of users, with their titles.
    pub(crate) choices: BTreeMap<&'static str, Vec<(String, String)>>,
    pub(crate) check: fn(FieldValues) -> Result<Vec<Value>, Vec<FieldError>>,
    pub(crate) hooks: Option<HookTable>,
    /// Actions on rows, in the order of their declarations.
    pub(crate) actions: Vec<AdminAction>,
    pub(crate) key_query: KeyQuery,
}

impl ModelSpec {
    /// Returns the specification of a model.
    #[must_use]
    pub fn of<M: AdminModel>() -> Self {
        let policy = M::policy();
        Self {
            source: M::SOURCE,
            name: M::NAME,
            table: M::NAME,
            title: M::TITLE,
            plural: M::PLURAL,
            description: M::DESCRIPTION,
            options: M::OPTIONS,
            fields: M::FIELDS,
            computed: ComputedFields::of::<M>(),
            children: M::CHILDREN,
            policy: if M::OPTIONS.read_only {
                policy.read_only()
            } else {
                policy
            },
            nav: M::nav(),
            owner: if M::TABLE.managed {
                TableOwner::Model
            } else {
                TableOwner::Application
            },
            table_options: M::TABLE,
            version: RowVersion::of(&M::TABLE, M::FIELDS),
            deleted: None,
            choices: BTreeMap::new(),
            check: check::<M>,
            hooks: M::hooks(),
            actions: Vec::new(),
            key_query: KeyQuery::default(),
        }
    }

    /// Returns the field with a name.
    pub(crate) fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns the fields that are columns of the table.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static FieldSpec> + use<> {
        let fields = self.fields.iter();
        fields.filter(|field| field.many_to_many.is_none())
    }

    /// Returns the fields that join tables store.
    pub(crate) fn many_to_many(&self) -> impl Iterator<Item = &'static FieldSpec> + use<> {
        let fields = self.fields.iter();
        fields.filter(|field| field.many_to_many.is_some())
    }

    /// Returns the primary key. Its presence is checked before the portal starts.
    pub(crate) fn key(&self) -> &'static FieldSpec {
        const NO_KEY: FieldSpec = FieldSpec::new::<i64>("id").primary_key();
        self.fields
            .iter()
            .find(|field| field.primary_key)
            .unwrap_or(&NO_KEY)
    }

    /// Returns the choices of a field; empty allows any text.
    pub(crate) fn choices(&self, field: &FieldSpec) -> Vec<&str> {
        match self.choices.get(field.name) {
            Some(choices) => choices.iter().map(|(value, _)| value.as_str()).collect(),
            None => field.choices.to_vec(),
        }
    }

    /// Returns the title of a choice.
    pub(crate) fn choice_title<'a>(&'a self, field: &str, value: &'a str) -> &'a str {
        if let Some(choices) = self.choices.get(field) {
            let found = choices.iter().find(|(choice, _)| choice == value);
            return found.map_or(value, |(_, title)| title);
        }
        let mut specs = self.fields.iter().chain(self.computed.specs());
        let spec = specs.find(|spec| spec.name == field);
        spec.and_then(|spec| spec.choice_label(value))
            .unwrap_or(value)
    }

    /// Returns the fields that are searched.
    pub(crate) fn searched(&self) -> impl Iterator<Item = &'static FieldSpec> {
        let named = self.options.search;
        let chosen = !named.is_empty() || self.fields.iter().any(|field| field.searchable);
        let fields = self.fields.iter().filter(|field| !field.is_write_only());
        fields.filter(move |field| {
            if chosen {
                field.searchable || named.contains(&field.name)
            } else {
                field.kind.is_text()
            }
        })
    }

    /// Returns the columns of the list, of the given fields.
    pub(super) fn listed<'s>(
        &self,
        fields: impl Iterator<Item = &'static FieldSpec>,
        computed: &'s [FieldSpec],
    ) -> Vec<&'s FieldSpec> {
        let fields: Vec<&'s FieldSpec> = fields.collect();
        let named = self.options.list;
        if named.is_empty() {
            let is_short = |field: &&FieldSpec| {
                let is_short = field.kind.is_scalar() || field.many_to_many.is_some();
                is_short && !field.is_generated() && !field.is_write_only()
            };
            let mut columns: Vec<_> = fields.into_iter().filter(is_short).take(6).collect();
            if columns.is_empty() {
                columns.push(self.key());
            }
            columns.extend(computed);
            return columns;
        }
        let find = |name: &&str| {
            let mut all = fields.iter().copied().chain(computed);
            all.find(|field| field.name == *name)
        };
        let columns: Vec<_> = named.iter().filter_map(find).collect();
        if columns.is_empty() {
            return vec![self.key()];
        }
        columns
    }

    /// Returns the text form of a row's key.
    pub(crate) fn key_of(&self, values: &RowValues) -> String {
        match values.get(self.key().name) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        }
    }

    /// Returns the label of a row: the first text in the list's columns, otherwise the key.
    pub(crate) fn label_of(&self, values: &RowValues) -> String {
        self.label_from(&self.listed(self.fields.iter(), &[]), values)
    }

    /// Returns the label of a row for some of the list's columns.
    pub(super) fn label_from(&self, columns: &[&FieldSpec], values: &RowValues) -> String {
        let text = columns
            .iter()
            .filter(|field| self.field(field.name).is_some())
            .find(|field| field.kind.is_text() && !field.is_write_only())
            .and_then(|field| values.get(field.name)?.as_str())
            .filter(|text| !text.is_empty());
        text.map_or_else(
            || format!("{} {}", self.title, self.key_of(values)),
            str::to_owned,
        )
    }

    /// Checks a whole row and returns it in its stored form. A key that the database generates may
    /// be missing; it then remains missing.
    pub(crate) fn checked(&self, row: RowValues) -> Result<RowValues, Vec<FieldError>> {
        let errors = unstorable(&row);
        self.finish(row, errors)
    }

    /// Checks a whole row, in addition to errors that are already known.
    pub(super) fn finish(
        &self,
        mut row: RowValues,
        mut errors: Vec<FieldError>,
    ) -> Result<RowValues, Vec<FieldError>> {
        for name in row.keys().filter(|name| self.field(name).is_none()) {
            errors.push(unknown_field(self, name));
        }
        let key = self.key();
        let is_missing = row.get(key.name).is_none_or(Value::is_null);
        let new_key = match key.kind.key_source() {
            Some(KeySource::Database) if !key.nullable => Some(Value::from(0)),
            Some(KeySource::Portal { generate, .. }) => Some(generate()),
            _ => None,
        };
        if let Some(new_key) = new_key.filter(|_| is_missing) {
            row.insert(key.name.to_owned(), new_key);
        }
        let checked = match (self.check)(FieldValues::new(row)) {
            Ok(values) => values,
            Err(more) => {
                // Fields that are already rejected do not need further errors.
                let is_new =
                    |error: &FieldError| !errors.iter().any(|it| it.pointer == error.pointer);
                let more: Vec<FieldError> = more.into_iter().filter(is_new).collect();
                errors.extend(more);
                return Err(errors);
            }
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let names = self.fields.iter().map(|field| field.name.to_owned());
        let mut row: RowValues = names.zip(checked).collect();
        let is_unset = |value: &Value| value.is_null() || *value == 0;
        let is_counted = matches!(key.kind.key_source(), Some(KeySource::Database));
        if is_counted && row.get(key.name).is_some_and(is_unset) {
            row.remove(key.name);
        }
        Ok(row)
    }
}

/// Returns the reasons why values cannot be stored, each with its JSON pointer.
pub(super) fn unstorable(given: &RowValues) -> Vec<FieldError> {
    let errors = given.iter().map(|(name, value)| {
        let pointer = format!("/{}", crate::request::escape_pointer(name));
        json::validate(value, &pointer)
    });
    errors.flatten().collect()
}

fn check<M: AdminModel>(values: FieldValues) -> Result<Vec<Value>, Vec<FieldError>> {
    let model = M::from_values(values)?;
    let errors = model.field_errors();
    if errors.is_empty() {
        Ok(model.to_values())
    } else {
        Err(errors)
    }
}

fn unknown_field(spec: &ModelSpec, name: &str) -> FieldError {
    let names: Vec<&str> = spec.fields.iter().map(|field| field.name).collect();
    FieldError::new(
        format!("/{}", crate::request::escape_pointer(name)),
        "unknown_field",
        format!("unknown field; use {}", names.join(", ")),
    )
}
