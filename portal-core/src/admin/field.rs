//! Fields of admin models: their Rust types and specifications.

use serde_json::Value;

use super::field_type::{FieldType, KeySource, Widget};
use super::on_delete::OnDelete;
use crate::error::FieldError;
use crate::store::{Row, StoreError};

/// A type that a field of an admin model can have.
///
/// Implemented for strings, numbers, decimals, booleans, times, durations, UUIDs, e-mail addresses,
/// URLs, Markdown, JSON, and for `Option`s and lists of these types. An enum of unit variants derives
/// [`AdminChoice`](super::AdminChoice) instead; [`FieldType`] shows how to define a new type.
///
/// ```
/// use portal_core::admin::AdminField;
/// use serde_json::json;
///
/// assert_eq!(Some(5_i64).to_value(), json!(5));
/// assert!(i16::from_value(json!(70_000)).is_err());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a supported admin field type",
    label = "unsupported field type",
    note = "implement `AdminField` (for an enum `AdminChoice`) for `{Self}` or add `#[admin(skip)]` to the field"
)]
pub trait AdminField: Sized {
    /// Storage and presentation of the value.
    const KIND: FieldKind;
    /// `true` if the value may be absent.
    const NULLABLE: bool = false;
    /// Allowed strings; empty allows any string.
    const CHOICES: &'static [&'static str] = &[];
    /// Labels of the allowed strings, in the same order; empty shows the strings themselves.
    const CHOICE_LABELS: &'static [&'static str] = &[];
    /// Default as text, used when no value is set.
    const DEFAULT: Option<&'static str> = None;
    /// Model whose keys the value lists, if a join table stores them.
    #[doc(hidden)]
    const MANY_TO_MANY: Option<&'static str> = None;

    /// Converts the value to JSON.
    fn to_value(&self) -> Value;

    /// Converts the value from JSON.
    ///
    /// # Errors
    ///
    /// Fails if the JSON is not a valid value. The pointer in the error is relative to the value.
    fn from_value(value: Value) -> Result<Self, FieldError>;

    /// Reads the value from a column of a row, by index; `None` if it is `NULL`.
    ///
    /// The default converts the stored value to JSON first. Override it for types that queries read
    /// often.
    ///
    /// # Errors
    ///
    /// Fails if the column does not exist or contains an invalid value.
    fn read(row: &Row, index: usize) -> Result<Option<Self>, StoreError> {
        let column = row.column_name(index)?;
        let value = Self::KIND.0.read(row, column)?;
        if value.is_null() && !Self::NULLABLE {
            return Ok(None);
        }
        Self::from_value(value)
            .map(Some)
            .map_err(|error| StoreError::unreadable(column, error))
    }
}

/// Type of a field: how its values are stored and presented.
///
/// Each [`AdminField`] has a kind. [`new`](Self::new) creates the kind of a new type; the example of
/// [`FieldType`] shows how. A wrapper type uses the kind of its inner type:
///
/// ```
/// use portal_core::FieldError;
/// use portal_core::admin::{AdminField, FieldKind};
/// use serde_json::Value;
///
/// struct Cents(i64);
///
/// impl AdminField for Cents {
///     const KIND: FieldKind = i64::KIND;
///
///     fn to_value(&self) -> Value {
///         self.0.to_value()
///     }
///
///     fn from_value(value: Value) -> Result<Self, FieldError> {
///         i64::from_value(value).map(Self)
///     }
/// }
/// assert_eq!(Cents::KIND.name(), "integer");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FieldKind(pub(super) &'static dyn FieldType);

impl FieldKind {
    /// Creates the kind of a field type, for types that an application defines.
    #[must_use]
    pub const fn new(field_type: &'static dyn FieldType) -> Self {
        Self(field_type)
    }

    /// Returns the name in the API, such as `text` or `datetime`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name()
    }
}

/// A field of an admin model: its name, type and presentation.
///
/// ```
/// use portal_core::admin::FieldSpec;
///
/// const NAME: FieldSpec = FieldSpec::new::<String>("name").title("Name").unique().searchable();
/// assert_eq!(NAME.name(), "name");
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct FieldSpec {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: &'static dyn FieldType,
    pub(crate) nullable: bool,
    pub(crate) primary_key: bool,
    pub(crate) unique: bool,
    pub(crate) indexed: bool,
    pub(crate) renamed_from: Option<&'static str>,
    pub(crate) read_only: bool,
    pub(crate) searchable: bool,
    pub(crate) choices: &'static [&'static str],
    pub(crate) choice_labels: &'static [&'static str],
    pub(crate) default: Option<&'static str>,
    pub(crate) widget: Widget,
    pub(crate) references: Option<&'static str>,
    pub(crate) on_delete: OnDelete,
    /// Model whose keys the value lists; a join table stores them.
    pub(crate) many_to_many: Option<&'static str>,
}

impl FieldSpec {
    /// Creates a field with a name and a type.
    pub const fn new<T: AdminField>(name: &'static str) -> Self {
        Self {
            name,
            title: name,
            help: "",
            kind: T::KIND.0,
            nullable: T::NULLABLE,
            primary_key: false,
            unique: false,
            indexed: false,
            renamed_from: None,
            read_only: false,
            searchable: false,
            choices: T::CHOICES,
            choice_labels: T::CHOICE_LABELS,
            default: T::DEFAULT,
            widget: Widget::Auto,
            references: None,
            on_delete: OnDelete::Restrict,
            many_to_many: T::MANY_TO_MANY,
        }
    }

    /// Sets the title that the admin shows.
    pub const fn title(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }

    /// Sets the help text below the field in a form.
    pub const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    /// Marks the field as the primary key.
    ///
    /// The database generates whole numbers and the portal generates UUIDs; for a string, the
    /// creator of the row provides the key.
    pub const fn primary_key(mut self) -> Self {
        self.primary_key = true;
        self
    }

    /// Makes the field unique: no two rows may have the same value.
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Adds an index, which speeds up filters and sorting. References always have one.
    pub const fn index(mut self) -> Self {
        self.indexed = true;
        self
    }

    /// Sets the former name of the field, whose column `db diff` renames.
    pub const fn renamed_from(mut self, column: &'static str) -> Self {
        self.renamed_from = Some(column);
        self
    }

    /// Makes the field read-only in the admin.
    ///
    /// A new row gets the default of the field; a required date or time without a default gets the
    /// current time.
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Includes the field in searches.
    pub const fn searchable(mut self) -> Self {
        self.searchable = true;
        self
    }

    /// Restricts the field to these strings.
    pub const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self.choice_labels = &[];
        self
    }

    /// Sets the default for new rows, written as in a form; `now` is the current time.
    pub const fn default_text(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// Sets the form control. Default: [`Widget::Auto`].
    pub const fn widget(mut self, widget: Widget) -> Self {
        self.widget = widget;
        self
    }

    /// Makes the field a reference to a row of another model, by its primary key.
    pub const fn references(mut self, model: &'static str) -> Self {
        self.references = Some(model);
        self
    }

    /// Sets the rule for rows whose reference points to a deleted row. Default:
    /// [`OnDelete::Restrict`].
    pub const fn on_delete(mut self, rule: OnDelete) -> Self {
        self.on_delete = rule;
        self
    }

    /// Returns the name in the database and the API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the kind, which determines how the value is stored and shown.
    #[must_use]
    pub const fn kind(&self) -> FieldKind {
        FieldKind(self.kind)
    }

    /// Returns the model to whose rows the field refers, by one key or by a list of keys.
    pub(crate) fn target(&self) -> Option<&'static str> {
        self.references.or(self.many_to_many)
    }

    /// Returns the keys in a value of a field that refers to rows.
    pub(crate) fn keys<'v>(&self, value: &'v Value) -> &'v [Value] {
        match value {
            Value::Null => &[],
            Value::Array(keys) if self.many_to_many.is_some() => keys,
            key => std::slice::from_ref(key),
        }
    }

    /// Returns `true` if the portal or the database generates the value of a new row.
    pub(crate) fn is_generated(&self) -> bool {
        let source = self.kind.key_source();
        self.primary_key && source.is_some_and(|source| !matches!(source, KeySource::Creator))
    }

    /// Returns `true` if the creator of a row must provide a value.
    pub(crate) fn is_required(&self) -> bool {
        !self.nullable && self.default_text_now().is_none() && !self.is_generated()
    }

    /// Returns `true` if an administrator can set the field in a form.
    pub(crate) fn is_editable(&self, is_new: bool) -> bool {
        !self.read_only && !self.is_generated() && (is_new || !self.primary_key)
    }

    /// Returns `true` if the value can be set but never leaves the portal.
    pub(crate) fn is_write_only(&self) -> bool {
        self.widget == Widget::Password
    }

    fn default_text_now(&self) -> Option<&'static str> {
        match self.default {
            None if self.read_only && !self.nullable => self.kind.read_only_default(),
            default => default,
        }
    }

    /// Returns the declared default, if it is the same for every row.
    pub(crate) fn constant_default(&self) -> Option<Value> {
        let text = self.default?;
        if self.kind.is_volatile(text) {
            return None;
        }
        self.kind.parse(text).ok()
    }

    /// Returns the default value of a new row.
    pub(crate) fn default_value(&self) -> Result<Option<Value>, FieldError> {
        match self.default_text_now() {
            Some(text) => self.kind.parse(text).map(Some),
            None if self.nullable => Ok(Some(Value::Null)),
            None => Ok(None),
        }
    }

    /// Returns the label of an allowed string, if it has one.
    pub(crate) fn choice_label(&self, choice: &str) -> Option<&'static str> {
        let mut labeled = self.choices.iter().zip(self.choice_labels);
        labeled
            .find(|(it, _)| **it == choice)
            .map(|(_, label)| *label)
    }

    /// Returns the JSON pointer of the field.
    pub(crate) fn pointer(&self) -> String {
        format!("/{}", self.name)
    }
}
