//! Trait for admin models: name, titles, fields, permissions and conversion.

use serde_json::{Map, Value};

use super::children::ChildSpec;
use super::computed::ComputedField;
use super::field::FieldSpec;
use super::hooks::HookTable;
use super::policy::ModelPolicy;
use super::spec::ModelSpec;
use super::values::FieldValues;
use crate::auth::Access;
use crate::error::{Error, FieldError, Result};
use crate::pages::NavItem;
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
    /// Models whose rows are edited in the form of a record of this model.
    const CHILDREN: &'static [ChildSpec] = &[];
    /// Options of the table.
    const TABLE: TableOptions = TableOptions::new();

    /// Returns the permissions. Default: only administrators have access.
    fn policy() -> ModelPolicy {
        ModelPolicy::new(Access::Admin)
    }

    /// Returns the columns that are computed from a row. Default: none.
    fn computed() -> Vec<ComputedField<Self>> {
        Vec::new()
    }

    /// Returns the entry in the navigation. Default: none; the model is a tab of the settings.
    fn nav() -> Option<NavItem> {
        None
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
    /// Empty means the first six fields that are not documents, generated or write-only, and all
    /// computed columns.
    pub list: &'static [&'static str],
    /// Fields that are searched; empty means all text fields.
    pub search: &'static [&'static str],
    /// Fields to sort by; `true` sorts in descending order.
    pub order_by: &'static [(&'static str, bool)],
    /// `true` if rows cannot be changed in the admin.
    pub read_only: bool,
}

/// Options of a model's table.
///
/// ```
/// use portal_core::admin::TableOptions;
///
/// const TABLE: TableOptions = TableOptions::new()
///     .unique(&[&["company_id", "name"]])
///     .index(&[&["status", "created_at"]]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct TableOptions {
    pub(crate) managed: bool,
    pub(crate) version: Option<&'static str>,
    pub(crate) unique: &'static [&'static [&'static str]],
    pub(crate) index: &'static [&'static [&'static str]],
    pub(crate) renamed_from: Option<&'static str>,
}

impl TableOptions {
    /// Returns the default options: the portal creates and extends the table.
    pub const fn new() -> Self {
        Self {
            managed: true,
            version: None,
            unique: &[],
            index: &[],
            renamed_from: None,
        }
    }

    /// Leaves the table to the application, whose migrations create and change it.
    pub const fn unmanaged(mut self) -> Self {
        self.managed = false;
        self
    }

    /// Sets the column that identifies the version of a row in an unmanaged table.
    ///
    /// Each write by the portal increments a whole number, and sets a time to the current time. A
    /// column that is not a field of the model must contain whole numbers.
    ///
    /// Default: the portal compares all values of the row.
    pub const fn version(mut self, column: &'static str) -> Self {
        self.version = Some(column);
        self
    }

    /// Sets lists of fields whose combined values are unique.
    pub const fn unique(mut self, lists: &'static [&'static [&'static str]]) -> Self {
        self.unique = lists;
        self
    }

    /// Sets lists of fields that have an index.
    pub const fn index(mut self, lists: &'static [&'static [&'static str]]) -> Self {
        self.index = lists;
        self
    }

    /// Sets the former name of the table, which `db diff` renames.
    pub const fn renamed_from(mut self, table: &'static str) -> Self {
        self.renamed_from = Some(table);
        self
    }
}

impl Default for TableOptions {
    fn default() -> Self {
        Self::new()
    }
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
