mod control;

use serde::Serialize;

use crate::pages::FormState;

/// One choice of a select, a radio group or a [`Combobox`](super::Combobox).
///
/// Written as JSON it is what the options address of a combobox answers with, in a list:
/// `{"value": "7", "label": "Ada", "hint": "ada@example.com"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldOption {
    pub(super) value: String,
    pub(super) label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

impl FieldOption {
    /// A choice with the value that is sent and the words that are seen.
    #[must_use]
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            hint: None,
        }
    }

    /// A second line, in radio groups and comboboxes.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

#[derive(Debug, Clone)]
enum Kind {
    Input(&'static str),
    Area { rows: u8, mono: bool },
    Select(Vec<FieldOption>),
    Radio(Vec<FieldOption>),
    Checkbox { switch: bool },
}

/// A form field: label above, hint below, error below that.
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
    kind: Kind,
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
    fn new(kind: Kind, name: impl Into<String>, label: impl Into<String>) -> Self {
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

    /// One line of text.
    pub fn text(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Input("text"), name, label)
    }

    /// An e-mail address.
    pub fn email(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Input("email"), name, label).autocomplete("email")
    }

    /// A password; its value is never written into the page.
    pub fn password(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Input("password"), name, label).autocomplete("current-password")
    }

    /// A web address.
    pub fn url(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Input("url"), name, label)
    }

    /// A number; see [`Field::range`] and [`Field::step`].
    pub fn number(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Input("number"), name, label)
    }

    /// A day, as `2026-11-22`.
    pub fn date(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Input("date"), name, label)
    }

    /// A moment in local time, as `2026-11-22T08:30`.
    pub fn date_time(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Input("datetime-local"), name, label)
    }

    /// A time of day, as `08:30`.
    pub fn time(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Input("time"), name, label)
    }

    /// Words to look for.
    pub fn search(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Input("search"), name, label).icon("search")
    }

    /// A file to upload; the form needs `enctype="multipart/form-data"`.
    pub fn file(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Input("file"), name, label)
    }

    /// Several lines of text.
    pub fn textarea(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(
            Kind::Area {
                rows: 4,
                mono: false,
            },
            name,
            label,
        )
    }

    /// Several lines of JSON, YAML or the like, in type of one width.
    pub fn code(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(
            Kind::Area {
                rows: 8,
                mono: true,
            },
            name,
            label,
        )
    }

    /// One of some choices.
    pub fn select(
        name: impl Into<String>,
        label: impl Into<String>,
        options: Vec<FieldOption>,
    ) -> Self {
        Self::new(Kind::Select(options), name, label)
    }

    /// One of a few choices, all of them in sight.
    pub fn radio(
        name: impl Into<String>,
        label: impl Into<String>,
        options: Vec<FieldOption>,
    ) -> Self {
        Self::new(Kind::Radio(options), name, label)
    }

    /// Yes or no; sends `true` when checked, and nothing when not.
    pub fn checkbox(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Checkbox { switch: false }, name, label)
    }

    /// On or off, for what takes effect at once.
    pub fn switch(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(Kind::Checkbox { switch: true }, name, label)
    }

    /// The present value.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// The present value of a checkbox or switch.
    pub const fn checked(mut self, checked: bool) -> Self {
        self.checked = checked;
        self
    }

    /// Neither yes nor no, as the box above several of which some are checked. Until it is
    /// changed it sends nothing; without scripts it looks unchecked.
    pub const fn indeterminate(mut self) -> Self {
        self.indeterminate = true;
        self
    }

    /// An icon at the start of a one-line field.
    pub fn icon(mut self, name: impl Into<String>) -> Self {
        self.icon = Some(name.into());
        self
    }

    /// A unit at the end of a one-line field: `days`, `EUR`.
    pub fn suffix(mut self, unit: impl Into<String>) -> Self {
        self.suffix = Some(unit.into());
        self
    }

    /// Another id than `f-{name}`, for when a page has the same field twice.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// What to know before filling it in.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is wrong with the value.
    pub fn error(mut self, error: Option<impl Into<String>>) -> Self {
        self.error = error.map(Into::into);
        self
    }

    /// Takes over the text and the error of the field from a submitted form. Without a submitted
    /// text the value stays.
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

    /// An example of a value, never the only explanation.
    pub fn placeholder(mut self, placeholder: impl Into<String>) -> Self {
        self.placeholder = Some(placeholder.into());
        self
    }

    /// What the browser may fill in.
    pub const fn autocomplete(mut self, token: &'static str) -> Self {
        self.autocomplete = Some(token);
        self
    }

    /// A regular expression that the whole value has to match.
    pub fn pattern(mut self, pattern: impl Into<String>) -> Self {
        self.pattern = Some(pattern.into());
        self
    }

    /// The least and greatest number or date.
    pub fn range(mut self, min: Option<String>, max: Option<String>) -> Self {
        self.min = min;
        self.max = max;
        self
    }

    /// The step of a number; `any` allows fractions.
    pub fn step(mut self, step: impl Into<String>) -> Self {
        self.step = Some(step.into());
        self
    }

    /// The most characters.
    pub const fn max_length(mut self, characters: usize) -> Self {
        self.max_length = Some(characters);
        self
    }

    /// Must be filled in.
    pub const fn required(mut self, required: bool) -> Self {
        self.required = required;
        self
    }

    /// Cannot be changed and is not sent.
    pub const fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// Cannot be changed and is sent. A select or checkbox is disabled instead.
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Takes the focus when the page or drawer opens. At most one a page.
    pub const fn autofocus(mut self) -> Self {
        self.autofocus = true;
        self
    }
}
