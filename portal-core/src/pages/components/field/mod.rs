mod control;

use serde::Serialize;

use crate::pages::FormState;

/// One choice in a select, a radio group or a [`Combobox`](super::Combobox).
///
/// The options URL of a combobox returns a JSON list of such choices:
/// `{"value": "7", "label": "Ada", "hint": "ada@example.com"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldOption {
    pub(super) value: String,
    pub(super) label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

impl FieldOption {
    /// Creates a choice with the submitted value and the displayed label.
    #[must_use]
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            hint: None,
        }
    }

    /// Sets a second line, shown in radio groups and comboboxes.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

#[derive(Debug, Clone)]
enum ControlKind {
    Input(&'static str),
    Area { rows: u8, mono: bool },
    Select(Vec<FieldOption>),
    Radio(Vec<FieldOption>),
    Checkbox { switch: bool },
}

/// A form field with the label above, and the hint and the error below.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::Field;
///
/// let field = Field::email("email", "E-mail").value("ada@").error(Some("Not an e-mail address."));
/// let html = field.render().into_string();
/// assert!(html.contains(r#"aria-invalid="true""#));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Field {
    kind: ControlKind,
    name: String,
    label: String,
    id: String,
    value: String,
    checked: bool,
    indeterminate: bool,
    icon: Option<String>,
    suffix: Option<String>,
    hint: Option<String>,
    error: Option<String>,
    placeholder: Option<String>,
    autocomplete: Option<&'static str>,
    pattern: Option<String>,
    min: Option<String>,
    max: Option<String>,
    step: Option<String>,
    max_length: Option<usize>,
    required: bool,
    disabled: bool,
    read_only: bool,
    autofocus: bool,
}

impl Field {
    fn new(kind: ControlKind, name: impl Into<String>, label: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            kind,
            id: format!("f-{name}"),
            name,
            label: label.into(),
            value: String::new(),
            checked: false,
            indeterminate: false,
            icon: None,
            suffix: None,
            hint: None,
            error: None,
            placeholder: None,
            autocomplete: None,
            pattern: None,
            min: None,
            max: None,
            step: None,
            max_length: None,
            required: false,
            disabled: false,
            read_only: false,
            autofocus: false,
        }
    }

    /// Creates a single-line text field.
    pub fn text(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Input("text"), name, label)
    }

    /// Creates a field for an e-mail address.
    pub fn email(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Input("email"), name, label).autocomplete("email")
    }

    /// Creates a password field; its value is never written into the page.
    pub fn password(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Input("password"), name, label).autocomplete("current-password")
    }

    /// Creates a field for a URL.
    pub fn url(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Input("url"), name, label)
    }

    /// Creates a number field; see [`Field::range`] and [`Field::step`].
    pub fn number(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Input("number"), name, label)
    }

    /// Creates a field for a date, such as `2026-11-22`.
    pub fn date(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Input("date"), name, label)
    }

    /// Creates a field for a date and a local time, such as `2026-11-22T08:30`.
    pub fn date_time(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Input("datetime-local"), name, label)
    }

    /// Creates a field for a time of day, such as `08:30`.
    pub fn time(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Input("time"), name, label)
    }

    /// Creates a search field.
    pub fn search(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Input("search"), name, label).icon("search")
    }

    /// Creates a file upload field; the form needs `enctype="multipart/form-data"`.
    pub fn file(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Input("file"), name, label)
    }

    /// Creates a multi-line text field.
    pub fn textarea(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(
            ControlKind::Area {
                rows: 4,
                mono: false,
            },
            name,
            label,
        )
    }

    /// Creates a multi-line field for JSON, YAML or the like, in a monospaced font.
    pub fn code(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(
            ControlKind::Area {
                rows: 8,
                mono: true,
            },
            name,
            label,
        )
    }

    /// Creates a select: one of several choices.
    pub fn select(
        name: impl Into<String>,
        label: impl Into<String>,
        options: Vec<FieldOption>,
    ) -> Self {
        Self::new(ControlKind::Select(options), name, label)
    }

    /// Creates a radio group: one of a few choices, all of them visible.
    pub fn radio(
        name: impl Into<String>,
        label: impl Into<String>,
        options: Vec<FieldOption>,
    ) -> Self {
        Self::new(ControlKind::Radio(options), name, label)
    }

    /// Creates a checkbox; it submits `true` if checked, and nothing otherwise.
    pub fn checkbox(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Checkbox { switch: false }, name, label)
    }

    /// Creates a switch, for settings that take effect immediately.
    pub fn switch(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(ControlKind::Checkbox { switch: true }, name, label)
    }

    /// Sets the current value.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// Sets the current value of a checkbox or switch.
    pub const fn checked(mut self, checked: bool) -> Self {
        self.checked = checked;
        self
    }

    /// Makes a checkbox indeterminate, for example because only part of its group is checked.
    ///
    /// It submits nothing until it is changed; without scripts it looks unchecked.
    pub const fn indeterminate(mut self) -> Self {
        self.indeterminate = true;
        self
    }

    /// Sets an icon at the start of a single-line field.
    pub fn icon(mut self, name: impl Into<String>) -> Self {
        self.icon = Some(name.into());
        self
    }

    /// Sets a unit at the end of a single-line field: `days`, `EUR`.
    pub fn suffix(mut self, unit: impl Into<String>) -> Self {
        self.suffix = Some(unit.into());
        self
    }

    /// Sets the id, for pages with two fields that have the same name. Default: `f-{name}`.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Sets a hint to read before filling in the field.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the error message about the value.
    pub fn error(mut self, error: Option<impl Into<String>>) -> Self {
        self.error = error.map(Into::into);
        self
    }

    /// Applies the submitted text and the error that a form has for the field.
    ///
    /// If the form has no text for the field, the value is unchanged.
    pub fn state(mut self, form: &FormState) -> Self {
        let text = form.value(&self.name);
        if form.is_submitted() && !self.disabled {
            self.checked = text == Some("true");
        }
        if let Some(text) = text {
            self.value = text.to_owned();
        }
        if let Some(error) = form.error(&self.name) {
            self.error = Some(error);
        }
        self
    }

    /// Sets a placeholder: an example value, not a replacement for the hint.
    pub fn placeholder(mut self, placeholder: impl Into<String>) -> Self {
        self.placeholder = Some(placeholder.into());
        self
    }

    /// Sets the `autocomplete` token: which value the browser may fill in.
    pub const fn autocomplete(mut self, token: &'static str) -> Self {
        self.autocomplete = Some(token);
        self
    }

    /// Sets a regular expression that must match the whole value.
    pub fn pattern(mut self, pattern: impl Into<String>) -> Self {
        self.pattern = Some(pattern.into());
        self
    }

    /// Sets the minimum and maximum number or date.
    pub fn range(mut self, min: Option<String>, max: Option<String>) -> Self {
        self.min = min;
        self.max = max;
        self
    }

    /// Sets the step of a number; `any` allows fractions.
    pub fn step(mut self, step: impl Into<String>) -> Self {
        self.step = Some(step.into());
        self
    }

    /// Sets the maximum number of characters.
    pub const fn max_length(mut self, characters: usize) -> Self {
        self.max_length = Some(characters);
        self
    }

    /// Sets whether the field must be filled in.
    pub const fn required(mut self, required: bool) -> Self {
        self.required = required;
        self
    }

    /// Sets whether the field is disabled: it cannot be changed and is not submitted.
    pub const fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// Sets whether the field is read-only: it cannot be changed, but is submitted.
    ///
    /// A select or checkbox is disabled instead.
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Focuses the field when the page or drawer opens. Use at most one per page.
    pub const fn autofocus(mut self) -> Self {
        self.autofocus = true;
        self
    }
}
