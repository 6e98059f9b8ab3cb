//! Trait for admin models: name, titles, fields, access and conversion.

use serde_json::{Map, Value};

use super::field::FieldSpec;
use super::hooks::HookTable;
use super::spec::ModelSpec;
use super::values::FieldValues;
use crate::auth::Access;
use crate::error::{Error, FieldError, Result};
use crate::source::Source;
use crate::store::Row;

/// A table that administrators view and edit, with its own REST interface.
///
/// Usually implemented by `#[admin_model]` on a struct. Everything that the macro generates can
/// also be written by hand:
///
/// ```
/// use portal_core::admin::{AdminField, AdminModel, FieldSpec, FieldValues, ModelOptions};
/// use portal_core::{FieldError, Source};
/// use serde_json::{Map, Value};
///
/// struct CustomConfig {
///     id: Option<i64>,
///     name: String,
///     configuration: Map<String, Value>,
/// }
///
/// impl AdminModel for CustomConfig {
///     const SOURCE: Source = portal_core::source!(CustomConfig);
///     const NAME: &'static str = "custom_config";
///     const TITLE: &'static str = "Custom config";
///     const PLURAL: &'static str = "Custom configs";
///     const DESCRIPTION: &'static str = "Configuration documents by name.";
///     const OPTIONS: ModelOptions =
///         ModelOptions { list: &["name"], search: &["name"], order_by: &[("name", false)], read_only: false };
///     const FIELDS: &'static [FieldSpec] = &[
///         FieldSpec::new::<Option<i64>>("id").primary_key(),
///         FieldSpec::new::<String>("name").title("Name").unique(),
///         FieldSpec::new::<Map<String, Value>>("configuration").title("Configuration"),
///     ];
///
///     fn to_values(&self) -> Vec<Value> {
///         vec![self.id.to_value(), self.name.to_value(), self.configuration.to_value()]
///     }
///
///     fn from_values(mut values: FieldValues) -> Result<Self, Vec<FieldError>> {
///         let id = values.take(&Self::FIELDS[0]);
///         let name = values.take(&Self::FIELDS[1]);
///         let configuration = values.take(&Self::FIELDS[2]);
///         match (id, name, configuration) {
///             (Some(id), Some(name), Some(configuration)) => Ok(Self { id, name, configuration }),
///             _ => Err(values.into_errors()),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an admin model",
    label = "add `#[admin_model]` to this struct"
)]
pub trait AdminModel: Sized + Send + Sync + 'static {
    /// Location of the declaration.
    const SOURCE: Source;
    /// Name of the table, also used in URLs: a word of `a-z`, `0-9` and `_`.
    const NAME: &'static str;
    /// Title of one row.
    const TITLE: &'static str;
    /// Title of several rows.
    const PLURAL: &'static str;
    /// Purpose of the model, shown above the list.
    const DESCRIPTION: &'static str;
    /// Options of the list.
    const OPTIONS: ModelOptions;
    /// Fields, in the order of the form.
    const FIELDS: &'static [FieldSpec];

    /// Returns the rule for viewing and editing rows. Administrators always have access.
    fn access() -> Access {
        Access::Admin
    }

    /// Returns the value of each field, in the order of [`FIELDS`](Self::FIELDS).
    fn to_values(&self) -> Vec<Value>;

    /// Builds a row from its values.
    ///
    /// # Errors
    ///
    /// Fails if values are invalid, with one error for each invalid value.
    fn from_values(values: FieldValues) -> Result<Self, Vec<FieldError>>;

    /// Returns the errors in a row whose fields are all well-formed. Default: no errors.
    fn field_errors(&self) -> Vec<FieldError> {
        Vec::new()
    }

    /// Reads a row from consecutive columns, in the order of [`FIELDS`](Self::FIELDS).
    ///
    /// The default converts the values to JSON first. `#[admin_model]` generates code that reads
    /// the fields directly.
    ///
    /// # Errors
    ///
    /// Fails if a stored value does not match its field.
    fn from_row(row: &Row, first: usize) -> Result<Self> {
        let mut values = Map::new();
        for (index, field) in (first..).zip(Self::FIELDS) {
            let value = field.kind.read(row, row.column_name(index)?)?;
            values.insert(field.name.to_owned(), value);
        }
        Self::from_values(FieldValues::new(values)).map_err(|errors| mismatch::<Self>(&errors))
    }

    /// Returns the hooks that run with each change of a row, `HookTable::of::<Self>()` for a type
    /// that implements [`ModelHooks`](super::ModelHooks). Default: no hooks.
    fn hooks() -> Option<HookTable> {
        None
    }
}

/// Returns the error for a stored row that does not match its struct.
pub(super) fn mismatch<M: AdminModel>(errors: &[FieldError]) -> Error {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Error::internal(format!(
        "a stored row of `{}` does not match its struct: {}",
        M::NAME,
        errors.join("; ")
    ))
}

/// Options for listing and editing the rows of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModelOptions {
    /// Columns of the list.
    ///
    /// Empty means the first six fields that are not documents, generated or write-only.
    pub list: &'static [&'static str],
    /// Fields that are searched; empty means all text fields.
    pub search: &'static [&'static str],
    /// Fields to sort by; `true` sorts in descending order.
    pub order_by: &'static [(&'static str, bool)],
    /// `true` if rows cannot be changed in the admin.
    pub read_only: bool,
}

/// A model found by `discover()`.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ModelEntry(fn() -> ModelSpec);

impl ModelEntry {
    /// Creates the entry for a model.
    #[must_use]
    pub const fn of<M: AdminModel>() -> Self {
        Self(ModelSpec::of::<M>)
    }

    /// Returns the specification of the model.
    #[must_use]
    pub fn spec(&self) -> ModelSpec {
        (self.0)()
    }
}

inventory::collect!(ModelEntry);
