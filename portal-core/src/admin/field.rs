//! What the admin knows of a field.

use serde_json::Value;

use super::fields;
use crate::error::Fault;

/// A type that a field of an admin model can have.
///
/// Implemented for texts, numbers, booleans, times, UUIDs, JSON and `Option`s of them. An enum of
/// unit variants implements [`AdminChoice`](super::AdminChoice) instead.
///
/// ```
/// use portal_core::admin::AdminField;
/// use serde_json::json;
///
/// assert_eq!(Some(5_i64).to_value(), json!(5));
/// assert!(i16::from_value(json!(70_000)).is_err());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shown in the admin",
    label = "not a type that the admin knows",
    note = "implement `AdminField` (for an enum `AdminChoice`) for `{Self}` or add `#[admin(skip)]` to the field"
)]
pub trait AdminField: Sized {
    /// How it is stored and shown.
    const KIND: FieldKind;
    /// Whether it may be absent.
    const NULLABLE: bool = false;
    /// The only texts it can have; none means any.
    const CHOICES: &'static [&'static str] = &[];
    /// What stands for it where nothing is given, as text.
    const DEFAULT: Option<&'static str> = None;

    /// The value as JSON.
    fn to_value(&self) -> Value;

    /// The value from JSON; the pointer of a fault is relative to the value.
    fn from_value(value: Value) -> Result<Self, Fault>;
}

/// How a field is stored and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// A text.
    Text,
    /// Yes or no.
    Boolean,
    /// A whole number between two bounds.
    Integer {
        /// The size of the column.
        size: IntegerSize,
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// A number with a fraction.
    Number,
    /// A point in time.
    Timestamp,
    /// A day.
    Date,
    /// A UUID.
    Uuid,
    /// A JSON document.
    Json {
        /// Whether it has to be an object.
        object: bool,
    },
}

/// The size of a column of whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegerSize {
    /// 16 bits.
    Small,
    /// 32 bits.
    Medium,
    /// 64 bits.
    Big,
}

/// The control of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Widget {
    /// What suits the type.
    #[default]
    Auto,
    /// One line of text.
    Input,
    /// Several lines of text.
    Textarea,
    /// An e-mail address.
    Email,
    /// An address of the web.
    Url,
    /// A text that is not shown while it is typed, and write-only everywhere else: no form, list,
    /// response or log contains it, and no search, filter or order uses it.
    Password,
}

/// A field of an admin model: its name, its type and how it is shown.
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
    pub(crate) kind: FieldKind,
    pub(crate) nullable: bool,
    pub(crate) primary_key: bool,
    pub(crate) unique: bool,
    pub(crate) read_only: bool,
    pub(crate) searchable: bool,
    pub(crate) choices: &'static [&'static str],
    pub(crate) default: Option<&'static str>,
    pub(crate) widget: Widget,
    pub(crate) references: Option<&'static str>,
}

impl FieldSpec {
    /// A field of a name and a type.
    pub const fn new<T: AdminField>(name: &'static str) -> Self {
        Self {
            name,
            title: name,
            help: "",
            kind: T::KIND,
            nullable: T::NULLABLE,
            primary_key: false,
            unique: false,
            read_only: false,
            searchable: false,
            choices: T::CHOICES,
            default: T::DEFAULT,
            widget: Widget::Auto,
            references: None,
        }
    }

    /// Sets what people call it.
    pub const fn title(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }

    /// Sets what stands below it in a form.
    pub const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    /// Makes it the primary key: whole numbers are counted by the database, a UUID is made here,
    /// a text is given by whoever adds the row.
    pub const fn primary_key(mut self) -> Self {
        self.primary_key = true;
        self
    }

    /// Keeps two rows from having the same value.
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Lets nobody change it through the admin. A new row gets its default; a time gets now.
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Lets a search look at it.
    pub const fn searchable(mut self) -> Self {
        self.searchable = true;
        self
    }

    /// Allows only these texts.
    pub const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    /// Sets what a new row has where nothing is given, written as in a form; `now` for times.
    pub const fn default_text(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// Sets the control of the form.
    pub const fn widget(mut self, widget: Widget) -> Self {
        self.widget = widget;
        self
    }

    /// Points to the row of another model that has this primary key.
    pub const fn references(mut self, model: &'static str) -> Self {
        self.references = Some(model);
        self
    }

    /// Its name in the database and the API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How it is stored and shown.
    #[must_use]
    pub const fn kind(&self) -> FieldKind {
        self.kind
    }

    /// Whether the portal or the database gives a new row its value.
    pub(crate) fn is_generated(&self) -> bool {
        self.primary_key && matches!(self.kind, FieldKind::Integer { .. } | FieldKind::Uuid)
    }

    /// Whether a new row needs a value from whoever adds it.
    pub(crate) fn is_required(&self) -> bool {
        !self.nullable && self.default_text_now().is_none() && !self.is_generated()
    }

    /// Whether an administrator can set it in a form.
    pub(crate) fn is_editable(&self, is_new: bool) -> bool {
        !self.read_only && !self.is_generated() && (is_new || !self.primary_key)
    }

    /// Returns `true` if the value can be set but never leaves the portal.
    pub(crate) fn is_write_only(&self) -> bool {
        self.widget == Widget::Password
    }

    fn default_text_now(&self) -> Option<&'static str> {
        let is_time = matches!(self.kind, FieldKind::Timestamp | FieldKind::Date);
        match self.default {
            None if self.read_only && is_time && !self.nullable => Some("now"),
            default => default,
        }
    }

    /// The value of a new row where nothing is given.
    pub(crate) fn default_value(&self) -> Result<Option<Value>, Fault> {
        match self.default_text_now() {
            Some(text) => fields::parse(self.kind, text).map(Some),
            None if self.nullable => Ok(Some(Value::Null)),
            None => Ok(None),
        }
    }

    /// JSON pointer of the field.
    pub(crate) fn pointer(&self) -> String {
        format!("/{}", self.name)
    }
}
