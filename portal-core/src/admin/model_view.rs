//! A model as one user sees it: the fields, operations and values that its policy grants.

use axum::http::HeaderValue;
use serde_json::Value;

use super::actions::AdminAction;
use super::field::FieldSpec;
use super::policy::ModelPermissions;
use super::precondition;
use super::record::Record;
use super::spec::{ModelSpec, RowValues, unstorable};
use super::users;
use crate::auth::User;
use crate::error::{Error, FieldError, Result};

/// A model as one user sees it.
///
/// Every surface receives this type instead of [`ModelSpec`]: fields that the user may not view do
/// not exist in it, and rows leave it only as [`VisibleRow`].
#[derive(Debug, Clone)]
pub(crate) struct ModelView<'a> {
    spec: &'a ModelSpec,
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) description: &'static str,
    pub(crate) permissions: ModelPermissions,
    fields: Vec<ViewedField>,
    /// Actions that the user may run.
    permitted: Vec<&'a AdminAction>,
}

/// The part of a stored row that a user may see.
///
/// Contains neither fields that the user may not view nor write-only values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VisibleRow {
    pub(crate) values: RowValues,
    pub(crate) version: i64,
    /// Only [`ModelView::show`] creates rows.
    _created_by_view: (),
}

impl VisibleRow {
    pub(crate) fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }

    pub(crate) fn etag_header(&self) -> HeaderValue {
        HeaderValue::try_from(self.etag()).unwrap_or(HeaderValue::from_static("\"\""))
    }
}

#[derive(Debug, Clone, Copy)]
struct ViewedField {
    spec: &'static FieldSpec,
    may_set: bool,
}

impl<'a> ModelView<'a> {
    /// Returns the model as a user sees it.
    ///
    /// The user must be allowed to view it; [`RowService`](super::row_service::RowService) checks
    /// this.
    pub(super) fn new(spec: &'a ModelSpec, user: &User) -> Self {
        let viewed = |field: &'static FieldSpec| {
            spec.policy.shows(field, user).then(|| ViewedField {
                spec: field,
                may_set: spec.policy.lets_set(field, user),
            })
        };
        let may_run = |action: &&AdminAction| spec.policy.allows(action.operation(), user);
        Self {
            spec,
            name: spec.name,
            title: spec.title,
            plural: spec.plural,
            description: spec.description,
            permissions: spec.policy.permissions(user),
            fields: spec.fields.iter().filter_map(viewed).collect(),
            permitted: spec.actions.iter().filter(may_run).collect(),
        }
    }

    /// Returns `true` if the model has an entry in the navigation; otherwise it is a tab of the
    /// settings.
    pub(crate) fn is_in_nav(&self) -> bool {
        self.spec.nav.is_some() || self.name == users::MODEL
    }

    /// Returns the live topic of the model's rows.
    pub(super) fn topic(&self) -> String {
        match self.name {
            users::MODEL => "users".to_owned(),
            name => format!("model:{name}"),
        }
    }

    /// Returns the value of a key in its text form; null if the text is not a valid key.
    pub(super) fn parse_key(&self, key: &str) -> Value {
        self.spec.key().kind.parse(key).unwrap_or_default()
    }

    /// Returns the actions that the user may run.
    pub(super) fn actions(&self) -> impl Iterator<Item = &'a AdminAction> {
        self.permitted.iter().copied()
    }

    /// Returns the action with a name, even if the user may not run it.
    pub(super) fn action(&self, name: &str) -> Option<&'a AdminAction> {
        self.spec.actions.iter().find(|action| action.name == name)
    }

    /// Returns the fields that the user may view, in the order of the form.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static FieldSpec> {
        self.fields.iter().map(|field| field.spec)
    }

    /// Returns the computed columns.
    ///
    /// Only users who may view all fields see them, because they can reveal the fields from which
    /// they are computed.
    pub(crate) fn computed(&self) -> &'a [FieldSpec] {
        match self.fields.len() == self.spec.fields.len() {
            true => self.spec.computed.specs(),
            false => &[],
        }
    }

    /// Returns the fields and the computed columns that the user may view.
    pub(crate) fn all_fields(&self) -> impl Iterator<Item = &FieldSpec> {
        let fields = self.fields.iter().map(|field| -> &FieldSpec { field.spec });
        fields.chain(self.computed())
    }

    /// Returns the field with a name, if the user may view it.
    pub(crate) fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields().find(|field| field.name == name)
    }

    /// Returns `true` if the policy lets the user set a field.
    pub(super) fn may_set(&self, field: &FieldSpec) -> bool {
        let found = self.fields.iter().find(|it| it.spec.name == field.name);
        found.is_some_and(|it| it.may_set)
    }

    /// Returns `true` if the user can set the field in a form.
    pub(crate) fn is_editable(&self, field: &FieldSpec, is_new: bool) -> bool {
        field.is_editable(is_new) && self.may_set(field)
    }

    /// Returns the fields that the form of a row can change.
    pub(super) fn editable(&self, is_new: bool) -> impl Iterator<Item = &'static FieldSpec> {
        let may_edit = if is_new {
            self.permissions.create
        } else {
            self.permissions.change
        };
        self.fields()
            .filter(move |field| may_edit && self.is_editable(field, is_new))
    }

    /// Returns the choices of a field; empty allows any text.
    pub(crate) fn choices(&self, field: &FieldSpec) -> Vec<&str> {
        self.spec.choices(field)
    }

    /// Returns the title of a choice.
    pub(crate) fn choice_title<'b>(&'b self, field: &str, value: &'b str) -> &'b str {
        self.spec.choice_title(field, value)
    }

    /// Returns the fields that are searched.
    pub(crate) fn searched(&self) -> impl Iterator<Item = &'static FieldSpec> {
        let is_visible = |field: &&FieldSpec| self.field(field.name).is_some();
        self.spec.searched().filter(is_visible)
    }

    /// Returns the columns of the list.
    pub(crate) fn listed(&self) -> Vec<&'a FieldSpec> {
        self.spec.listed(self.fields(), self.computed())
    }

    /// Returns the default order of the list.
    pub(super) fn order(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let order = self.spec.options.order_by.iter().copied();
        order.filter(|(field, _)| self.field(field).is_some())
    }

    /// Returns the primary key.
    pub(super) fn key(&self) -> &'static FieldSpec {
        self.spec.key()
    }

    /// Returns the text form of a row's key.
    pub(crate) fn key_of(&self, values: &RowValues) -> String {
        self.spec.key_of(values)
    }

    /// Returns the label of a row: the first text in the list's columns, otherwise the key.
    pub(crate) fn label_of(&self, values: &RowValues) -> String {
        self.spec.label_from(&self.listed(), values)
    }

    /// Returns the part of a stored row that the user may see.
    pub(super) fn show(&self, record: Record) -> VisibleRow {
        let mut values = record.values;
        if !self.computed().is_empty() {
            self.spec.computed.add_to(&mut values);
        }
        let is_shown = |name: &str| match self.field(name) {
            Some(field) => !field.is_write_only(),
            None => self.computed().iter().any(|field| field.name == name),
        };
        values.retain(|name, _| is_shown(name));
        VisibleRow {
            values,
            version: record.version,
            _created_by_view: (),
        }
    }

    /// Returns the `412` error for a row that has changed since the user read it; it contains the
    /// current row.
    pub(super) fn stale(&self, current: Record) -> Error {
        let current = self.show(current);
        precondition::stale()
            .with_extension("etag", current.etag())
            .with_extension("current", current.values)
    }

    /// Removes from an error of the database the names of fields that the user may not view.
    pub(super) fn redact(&self, error: Error) -> Error {
        let errors = error.field_errors();
        if errors.iter().all(|error| self.names(error)) {
            return error;
        }
        let redacted = errors.iter().cloned().map(|it| self.redacted(it)).collect();
        error.with_field_errors(redacted)
    }

    /// Removes the name of a field that the user may not view from an error in a whole row.
    fn redacted(&self, error: FieldError) -> FieldError {
        match self.names(&error) {
            true => error,
            false => FieldError::new("", &error.code, "a field that you cannot see is invalid"),
        }
    }

    /// Returns `true` if an error is about the whole row, a visible field, or an unknown one.
    fn names(&self, error: &FieldError) -> bool {
        let name = error.pointer.split('/').nth(1).unwrap_or_default();
        self.field(name).is_some() || self.spec.field(name).is_none()
    }

    /// Builds a new row from the values that the user submitted.
    pub(super) fn new_row(&self, given: RowValues) -> Result<RowValues, Vec<FieldError>> {
        let mut given = given;
        let computed = self.take_computed(&mut given, &RowValues::new());
        let unknown = self.unknown_fields(&given);
        let mut given = self.known(given);
        let mut errors = unstorable(&given);
        errors.extend(computed);
        for field in self.fields().filter(|field| !self.is_editable(field, true)) {
            let default = field.default_value().ok().flatten();
            match given.remove(field.name) {
                None | Some(Value::Null) => {}
                Some(value) if Some(&value) == default.as_ref() => {}
                Some(_) => errors.push(read_only(field)),
            }
        }
        // `null` requests the default value of the field.
        given.retain(|name, value| {
            !value.is_null() || self.field(name).is_none_or(|field| field.nullable)
        });
        errors.extend(unknown);
        self.finish(given, errors)
    }

    /// Builds a row after a change; if `full` is set, omitted values are reset to their defaults.
    pub(super) fn changed_row(
        &self,
        present: &RowValues,
        given: RowValues,
        full: bool,
    ) -> Result<RowValues, Vec<FieldError>> {
        // Stored values are not checked again: a document stored before there was a limit must not
        // prevent changes to other fields.
        let mut given = given;
        let computed = self.take_computed(&mut given, present);
        let unknown = self.unknown_fields(&given);
        let given = self.known(given);
        let mut errors = unstorable(&given);
        errors.extend(computed);
        let mut row = RowValues::new();
        for field in self.spec.fields {
            let now = present.get(field.name).unwrap_or(&Value::Null);
            if self.is_editable(field, false) {
                // Write-only values are kept, because a client cannot read and send them back.
                if !full || field.is_write_only() {
                    row.insert(field.name.to_owned(), now.clone());
                }
            } else {
                if given.get(field.name).is_some_and(|value| value != now) {
                    errors.push(read_only(field));
                }
                row.insert(field.name.to_owned(), now.clone());
            }
        }
        for (name, value) in given {
            let field = self.field(&name);
            if field.is_some_and(|field| self.is_editable(field, false)) {
                row.insert(name, value);
            }
        }
        errors.extend(unknown);
        self.finish(row, errors)
    }

    /// Removes computed values from submitted values, and returns the errors of those that differ
    /// from the row. A client can thus send back a row that it has read.
    fn take_computed(&self, given: &mut RowValues, present: &RowValues) -> Vec<FieldError> {
        let specs = self.computed();
        if !specs.iter().any(|spec| given.contains_key(spec.name)) {
            return Vec::new();
        }
        let mut computed = present.clone();
        self.spec.computed.add_to(&mut computed);
        let mut errors = Vec::new();
        for spec in specs {
            let value = given.remove(spec.name).filter(|value| !value.is_null());
            if value.is_some() && value.as_ref() != computed.get(spec.name) {
                let message = "is computed and cannot be set";
                errors.push(FieldError::new(spec.pointer(), "read_only", message));
            }
        }
        errors
    }

    /// Checks a whole row, in addition to errors in the submitted values.
    fn finish(
        &self,
        row: RowValues,
        errors: Vec<FieldError>,
    ) -> Result<RowValues, Vec<FieldError>> {
        let submitted = errors.len();
        self.spec.finish(row, errors).map_err(|mut errors| {
            // Errors in the submitted values already treat hidden fields as unknown.
            let of_row = errors.split_off(submitted);
            errors.extend(of_row.into_iter().map(|error| self.redacted(error)));
            errors
        })
    }

    /// Returns the submitted values of fields that the user may view.
    fn known(&self, mut given: RowValues) -> RowValues {
        given.retain(|name, _| self.field(name).is_some());
        given
    }

    fn unknown_fields(&self, given: &RowValues) -> Vec<FieldError> {
        let names = given.keys().filter(|name| self.field(name).is_none());
        names.map(|name| self.unknown_field(name)).collect()
    }

    fn unknown_field(&self, name: &str) -> FieldError {
        let names: Vec<&str> = self.fields().map(|field| field.name).collect();
        FieldError::new(
            format!("/{}", crate::request::escape_pointer(name)),
            "unknown_field",
            format!("unknown field; use {}", names.join(", ")),
        )
    }
}

fn read_only(field: &FieldSpec) -> FieldError {
    FieldError::new(field.pointer(), "read_only", "is read-only")
}

#[cfg(test)]
impl<'a> ModelView<'a> {
    /// Returns the model as an administrator sees it.
    pub(crate) fn of_admin(spec: &'a ModelSpec) -> Self {
        let admin = User::for_tests(crate::auth::Role::Admin, &crate::auth::Roles::default());
        Self::new(spec, &admin)
    }
}
