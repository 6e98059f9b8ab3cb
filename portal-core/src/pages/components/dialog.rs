use maud::{Markup, Render, html};

use super::{Button, Field};
use crate::pages::Href;

/// A confirmation dialog for a destructive action; name the affected item in the title.
///
/// ```
/// use maud::{Render as _, html};
/// use portal_core::pages::components::{Button, Confirm};
///
/// let page = html! {
///     (Button::new("Delete").danger().opens("delete-3"))
///     (Confirm::new("delete-3", "Delete “Ada”?", "/admin/users/3/delete", "Delete user")
///         .text("Their tasks are deleted too. This cannot be undone."))
/// };
/// assert!(page.into_string().contains("<dialog"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Confirm {
    id: String,
    title: String,
    text: Option<String>,
    action: Href<'static>,
    button: String,
    hidden_fields: Option<Markup>,
    phrase: Option<String>,
    body: Option<Markup>,
    dismiss: String,
    has_action: bool,
}

impl Confirm {
    /// Creates a closed dialog whose button posts to `action`.
    pub fn new<'h>(
        id: impl Into<String>,
        title: impl Into<String>,
        action: impl Into<Href<'h>>,
        button: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            text: None,
            action: action.into().into_owned(),
            button: button.into(),
            hidden_fields: None,
            phrase: None,
            body: None,
            dismiss: "Cancel".to_owned(),
            has_action: true,
        }
    }

    /// Sets the text that describes the effect of the action.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Sets the form's hidden fields, such as the anti-forgery token.
    pub fn hidden_fields(mut self, fields: impl Render) -> Self {
        self.hidden_fields = Some(fields.render());
        self
    }

    /// Sets additional content below the text, such as fields that are submitted with the form.
    pub fn body(mut self, body: impl Render) -> Self {
        self.body = Some(body.render());
        self
    }

    /// Sets the label of the button that closes the dialog. Default: "Cancel".
    ///
    /// The default is ambiguous if the dialog is about cancelling something.
    pub fn dismiss(mut self, label: impl Into<String>) -> Self {
        self.dismiss = label.into();
        self
    }

    /// Omits the button that posts to the action, for an action that is not possible at present.
    pub const fn without_action(mut self) -> Self {
        self.has_action = false;
        self
    }

    /// Requires the user to type this phrase first, for actions that affect many items at once.
    ///
    /// The phrase is submitted as `confirm`.
    pub fn type_to_confirm(mut self, phrase: impl Into<String>) -> Self {
        self.phrase = Some(phrase.into());
        self
    }
}

/// Returns a regular expression that matches only the phrase; browsers reject needless escapes.
fn literal(phrase: &str) -> String {
    let mut pattern = String::new();
    for character in phrase.chars() {
        if r"\^$.*+?()[]{}|/".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

impl Render for Confirm {
    fn render(&self) -> Markup {
        let title_id = format!("{}-title", self.id);
        let text_id = self.text.as_ref().map(|_| format!("{}-text", self.id));
        html! {
            dialog class="pt-dialog" id=(self.id) popover="auto" role="alertdialog" aria-labelledby=(title_id) aria-describedby=[text_id.as_ref()] {
                form method="post" action=(self.action) {
                    @if let Some(fields) = &self.hidden_fields { (fields) }
                    div class="pt-dialog-body" {
                        h2 id=(title_id) { (self.title) }
                        @if let Some(text) = &self.text { p id=[text_id.as_ref()] { (text) } }
                        @if let Some(body) = &self.body { (body) }
                        @if let Some(phrase) = &self.phrase {
                            (Field::text("confirm", format!("Type “{phrase}” to confirm"))
                                .id(format!("{}-confirm", self.id)).required(true).autocomplete("off").pattern(literal(phrase)))
                        }
                    }
                    div class="pt-dialog-foot" {
                        (Button::new(self.dismiss.as_str()).closes().attribute("popovertarget", self.id.clone()).attribute("popovertargetaction", "hide"))
                        @if self.has_action { (Button::new(self.button.as_str()).danger().submit()) }
                    }
                }
            }
        }
    }
}
