//! What a struct has to say of itself to be an admin model.

use serde_json::Value;

use super::field::FieldSpec;
use super::spec::ModelSpec;
use super::values::FieldValues;
use crate::auth::Access;
use crate::error::Fault;
use crate::source::Source;

/// A table that administrators look at and change, with a REST interface of its own.
///
/// Usually written by `#[admin_model]` on a struct; everything it writes can be written by hand:
///
/// ```
/// use portal_core::admin::{AdminField, AdminModel, FieldSpec, FieldValues, ModelOptions};
/// use portal_core::{Fault, Source};
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
///     fn from_values(mut values: FieldValues) -> Result<Self, Vec<Fault>> {
///         let id = values.take(&Self::FIELDS[0]);
///         let name = values.take(&Self::FIELDS[1]);
///         let configuration = values.take(&Self::FIELDS[2]);
///         match (id, name, configuration) {
///             (Some(id), Some(name), Some(configuration)) => Ok(Self { id, name, configuration }),
///             _ => Err(values.into_faults()),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an admin model",
    label = "add `#[admin_model]` to this struct"
)]
pub trait AdminModel: Sized + Send + Sync + 'static {
    /// Where it was declared.
    const SOURCE: Source;
    /// Name of the table and in URLs: a word of `a-z`, `0-9` and `_`.
    const NAME: &'static str;
    /// What one row is called.
    const TITLE: &'static str;
    /// What many rows are called.
    const PLURAL: &'static str;
    /// What the model is for; stands above the list.
    const DESCRIPTION: &'static str;
    /// How rows are listed.
    const OPTIONS: ModelOptions;
    /// The fields, in the order of the form.
    const FIELDS: &'static [FieldSpec];

    /// Who may see and change the rows in the admin: administrators, and whom this lets in.
    fn access() -> Access {
        Access::Admin
    }

    /// The value of each field, in the order of [`FIELDS`](Self::FIELDS).
    fn to_values(&self) -> Vec<Value>;

    /// A row from its values, or everything that is wrong with them.
    fn from_values(values: FieldValues) -> Result<Self, Vec<Fault>>;

    /// What is wrong with a row whose fields are each well-formed.
    fn validate(&self) -> Vec<Fault> {
        Vec::new()
    }
}

/// How the rows of a model are listed, and whether they can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModelOptions {
    /// Columns of the list; none means all but documents and long texts.
    pub list: &'static [&'static str],
    /// Fields that a search looks at; none means every text.
    pub search: &'static [&'static str],
    /// Fields to sort by and whether the greatest comes first.
    pub order_by: &'static [(&'static str, bool)],
    /// Whether the admin may only look.
    pub read_only: bool,
}

/// A model that `discover()` finds.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ModelEntry(fn() -> ModelSpec);

impl ModelEntry {
    /// The entry of a model.
    #[must_use]
    pub const fn of<M: AdminModel>() -> Self {
        Self(ModelSpec::of::<M>)
    }

    /// What the model says of itself.
    #[must_use]
    pub fn spec(&self) -> ModelSpec {
        (self.0)()
    }
}

inventory::collect!(ModelEntry);
