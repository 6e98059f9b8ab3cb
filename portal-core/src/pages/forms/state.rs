//! Form state: the values submitted in a form, with their errors.

use maud::{Markup, html};

use crate::error::{Error, FieldError};
use crate::pages::components::{Banner, Tone};
use crate::pages::error_page::sentence;
use crate::request::escape_pointer;

/// The values submitted in a form, with their errors.
///
/// [`FormInput`](super::FormInput) creates it; the default is a form that has not been submitted.
///
/// [`Field::state`](crate::pages::components::Field::state) renders the text and the error of a
/// field, so that one function renders the form both initially and after errors.
///
/// ```
/// use portal_core::pages::FormState;
/// use portal_core::pages::components::Field;
/// use portal_core::prelude::*;
///
/// fn form(state: &FormState) -> Markup {
///     html! {
///         form method="post" class="pt-form" {
///             (state.banner())
///             (Field::text("name", "Name").required(true).state(state))
///             (Field::number("seats", "Seats").value("2").state(state))
///         }
///     }
/// }
/// let first = form(&FormState::default()).into_string();
/// assert!(first.contains(r#"value="2""#));
///
/// let state = FormState::default().with_error("name", "is already taken");
/// assert!(form(&state).into_string().contains("Is already taken."));
/// ```
#[derive(Debug, Clone, Default)]
pub struct FormState {
    /// Absent until the form is submitted.
    values: Option<Vec<(String, String)>>,
    errors: Vec<FieldError>,
}

impl FormState {
    pub(super) const fn submitted(values: Vec<(String, String)>, errors: Vec<FieldError>) -> Self {
        Self {
            values: Some(values),
            errors,
        }
    }

    /// Returns `true` if the form was submitted.
    #[must_use]
    pub const fn is_submitted(&self) -> bool {
        self.values.is_some()
    }

    /// Returns the text submitted for a field; the last one if there are several.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.values.iter().flatten().rev();
        let found = values.find(|(field, _)| field == name);
        found.map(|(_, text)| text.as_str())
    }

    /// Returns the error of a field as a sentence.
    #[must_use]
    pub fn error(&self, name: &str) -> Option<String> {
        let pointer = format!("/{}", escape_pointer(name));
        let of_field = |fault: &&FieldError| {
            let rest = fault.pointer.strip_prefix(&pointer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let fault = self.errors.iter().find(of_field)?;
        Some(sentence(&fault.message))
    }

    /// Returns all errors, for example for a JSON response.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Adds an error to a field, such as one that only the database can detect.
    #[must_use]
    pub fn with_error(mut self, name: &str, message: impl Into<String>) -> Self {
        let pointer = format!("/{}", escape_pointer(name));
        self.errors
            .push(FieldError::new(pointer, "invalid_value", message));
        self
    }

    /// Adds the field errors in an error, such as a duplicate value reported by `Models`.
    ///
    /// # Errors
    ///
    /// Returns the error unchanged if it has no field errors or is a server error, since it is then
    /// unrelated to the form.
    pub fn with_rejection(mut self, error: Error) -> Result<Self, Error> {
        if error.field_errors().is_empty() || error.status().is_server_error() {
            return Err(error);
        }
        self.errors.extend_from_slice(error.field_errors());
        Ok(self)
    }

    /// Renders the errors that are not shown next to a field; empty if every error has a field.
    #[must_use]
    pub fn banner(&self) -> Markup {
        let is_shown = |fault: &&FieldError| {
            let name = fault.pointer.split('/').nth(1).unwrap_or_default();
            self.values.is_none()
                || self
                    .value(&name.replace("~1", "/").replace("~0", "~"))
                    .is_some()
        };
        let others: Vec<_> = self.errors.iter().filter(|it| !is_shown(it)).collect();
        if others.is_empty() {
            return html! {};
        }
        let text = others.iter().map(|fault| {
            let name = fault.pointer.trim_start_matches('/');
            match name {
                "" => sentence(&fault.message),
                name => format!("{name}: {}", sentence(&fault.message)),
            }
        });
        let text = text.collect::<Vec<_>>().join(" ");
        html! { (Banner::new(Tone::Danger, text)) }
    }
}
