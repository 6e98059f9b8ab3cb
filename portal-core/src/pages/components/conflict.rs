use maud::{Markup, Render, html};

use super::{Banner, Tone};

/// A panel that compares, field by field, the user's values with those that someone else has saved.
///
/// Place it at the top of the form that could not be saved, in a response with `409` or `412`.
/// Each field is a choice, submitted as `resolve.{name}` with `mine` or `theirs`; `mine` is
/// selected initially.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::Conflict;
///
/// let conflict = Conflict::new("Grace changed this 2 minutes ago.")
///     .field("price", "Price", "12", "15");
/// assert!(conflict.render().into_string().contains("resolve.price"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Conflict {
    text: String,
    fields: Vec<[String; 4]>,
}

impl Conflict {
    /// Creates a panel; the text states who made the change and when.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            fields: Vec::new(),
        }
    }

    /// Adds a field whose values differ: the user's value and the stored value.
    pub fn field(
        mut self,
        name: impl Into<String>,
        label: impl Into<String>,
        mine: impl Into<String>,
        theirs: impl Into<String>,
    ) -> Self {
        self.fields
            .push([name.into(), label.into(), mine.into(), theirs.into()]);
        self
    }
}

fn value(text: &str) -> Markup {
    html! {
        @if text.is_empty() { span class="pt-muted" { "Empty" } } @else { span class="pt-break" { (text) } }
    }
}

impl Render for Conflict {
    fn render(&self) -> Markup {
        html! {
            div class="pt-conflict" {
                (Banner::new(Tone::Warning, self.text.as_str()).title("Not saved yet."))
                @for [name, label, mine, theirs] in &self.fields {
                    fieldset {
                        legend class="pt-legend" { (label) }
                        label {
                            input type="radio" name={ "resolve." (name) } value="mine" checked;
                            span { small { "Keep mine" } (value(mine)) }
                        }
                        label {
                            input type="radio" name={ "resolve." (name) } value="theirs";
                            span { small { "Use theirs" } (value(theirs)) }
                        }
                    }
                }
            }
        }
    }
}
