use maud::{Markup, Render, html};

use super::{FieldOption, icon, lazy_assets::lazy_assets};
use crate::pages::Href;

/// A select with a search field, for more choices than fit into a list.
///
/// With [`options`](Self::options), all choices are in the page, and without JavaScript the
/// combobox is a plain select. With [`source`](Self::source), the server is queried while the user
/// types: `GET` with `q` returns a JSON list of [`FieldOption`]; without JavaScript, the combobox
/// is a text field for the value itself.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::Combobox;
///
/// let owner = Combobox::new("owner_id", "Owner")
///     .source("/people/options")
///     .value("7", "Ada Lovelace")
///     .clearable();
/// assert!(owner.render().into_string().contains("Ada Lovelace"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Combobox {
    name: String,
    label: String,
    id: String,
    value: String,
    text: String,
    options: Vec<FieldOption>,
    source: Option<Href<'static>>,
    create: Option<String>,
    placeholder: Option<String>,
    hint: Option<String>,
    error: Option<String>,
    clearable: bool,
    required: bool,
    disabled: bool,
}

impl Combobox {
    /// Creates a combobox without choices.
    pub fn new(name: impl Into<String>, label: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            id: format!("f-{name}"),
            name,
            label: label.into(),
            value: String::new(),
            text: String::new(),
            options: Vec::new(),
            source: None,
            create: None,
            placeholder: None,
            hint: None,
            error: None,
            clearable: false,
            required: false,
            disabled: false,
        }
    }

    /// Sets all choices; the browser searches them.
    pub fn options(mut self, options: Vec<FieldOption>) -> Self {
        self.options = options;
        self
    }

    /// Sets the path to query for choices; it should return at most 20.
    pub fn source<'h>(mut self, url: impl Into<Href<'h>>) -> Self {
        self.source = Some(url.into().into_owned());
        self
    }

    /// Offers to create a choice if none was found.
    ///
    /// A new tab opens this URL with the typed text appended, such as `/people/new?name=`.
    pub fn create(mut self, url: impl Into<String>) -> Self {
        self.create = Some(url.into());
        self
    }

    /// Sets the current choice: the submitted value and the displayed text.
    pub fn value(mut self, value: impl Into<String>, text: impl Into<String>) -> Self {
        self.value = value.into();
        self.text = text.into();
        self
    }

    /// Sets the id. Default: `f-{name}`.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Sets a placeholder: an example value, not a replacement for the hint.
    pub fn placeholder(mut self, placeholder: impl Into<String>) -> Self {
        self.placeholder = Some(placeholder.into());
        self
    }

    /// Sets a hint to read before choosing.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the error message about the choice.
    pub fn error(mut self, error: Option<impl Into<String>>) -> Self {
        self.error = error.map(Into::into);
        self
    }

    /// Adds a button that clears the choice.
    pub const fn clearable(mut self) -> Self {
        self.clearable = true;
        self
    }

    /// Sets whether a choice is required.
    pub const fn required(mut self, required: bool) -> Self {
        self.required = required;
        self
    }

    /// Sets whether the field is disabled: it cannot be changed and is not submitted.
    pub const fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    fn native(&self, notes: Option<&str>) -> Markup {
        let invalid = self.error.as_ref().map(|_| "true");
        if self.source.is_some() {
            return html! {
                input class="pt-input" id=(self.id) name=(self.name) value=(self.value) autocomplete="off"
                    placeholder=[&self.placeholder] aria-describedby=[notes] aria-invalid=[invalid]
                    required[self.required] disabled[self.disabled];
            };
        }
        let is_known = self.options.iter().any(|it| it.value == self.value);
        html! {
            span class="pt-select" {
                select class="pt-input" id=(self.id) name=(self.name) aria-describedby=[notes] aria-invalid=[invalid]
                    required[self.required] disabled[self.disabled] {
                    @if self.clearable || self.value.is_empty() { option value="" { (self.placeholder.as_deref().unwrap_or("—")) } }
                    @if !is_known && !self.value.is_empty() { option value=(self.value) selected { (self.text) } }
                    @for option in &self.options {
                        option value=(option.value) selected[option.value == self.value] data-hint=[&option.hint] { (option.label) }
                    }
                }
                (icon("chevron-down"))
            }
        }
    }
}

impl Render for Combobox {
    fn render(&self) -> Markup {
        let part = |there: bool, part: &str| there.then(|| format!("{}-{part}", self.id));
        let hint_id = part(self.hint.is_some(), "hint");
        let error_id = part(self.error.is_some(), "error");
        let notes: Vec<&str> = [&hint_id, &error_id]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let notes = (!notes.is_empty()).then(|| notes.join(" "));
        html! {
            div class="pt-field" {
                label for=(self.id) {
                    (self.label)
                    @if self.required { " " span class="pt-req" aria-hidden="true" { "*" } }
                }
                pt-combobox data-source=[&self.source] data-create=[&self.create] data-clearable[self.clearable]
                    data-text=[(!self.text.is_empty()).then_some(&self.text)] hx-morph-skip {
                    (self.native(notes.as_deref()))
                }
                @if let Some(hint) = &self.hint { p class="pt-hint" id=[&hint_id] { (hint) } }
                @if let Some(error) = &self.error {
                    p class="pt-error" id=[&error_id] { (icon("circle-alert")) span { (error) } }
                }
                @if !self.disabled { (lazy_assets(&["widgets.js", "widgets.css"])) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combobox_is_select_or_text_field_without_scripts() {
        let choices = vec![FieldOption::new("1", "One"), FieldOption::new("2", "Two")];
        let select = Combobox::new("n", "N").options(choices).value("2", "Two");
        let select = select.render().into_string();
        assert!(
            select.contains(r#"<option value="2" selected>Two"#),
            "{select}"
        );
        let asked = Combobox::new("n", "N").source("/o").value("7", "Seven");
        let asked = asked.render().into_string();
        assert!(asked.contains(r#"name="n" value="7""#), "{asked}");
        assert!(asked.contains(r#"data-text="Seven""#), "{asked}");
    }

    #[test]
    fn current_choice_missing_from_options_is_kept() {
        let html = Combobox::new("n", "N")
            .options(Vec::new())
            .value("9", "Nine");
        let html = html.render().into_string();
        assert!(
            html.contains(r#"<option value="9" selected>Nine"#),
            "{html}"
        );
    }
}
