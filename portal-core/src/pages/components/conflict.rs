use maud::{Markup, Render, html};

use super::{Banner, Tone};

/// What someone else has stored meanwhile beside what the reader wrote, field by field.
///
/// Stands at the top of the form that could not be saved, which is answered with `409` or `412`.
/// Each field is a choice, sent as `resolve.{name}` with `mine` or `theirs`; mine is chosen at first.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::Conflict;
///
/// let conflict = Conflict::new("Grace has changed this 2 minutes ago.")
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
    /// Who has changed it, and when.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            fields: Vec::new(),
        }
    }

    /// A field in which both differ: what the reader wrote, and what is stored.
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
