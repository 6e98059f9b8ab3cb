//! Markdown texts, with a preview in forms.

use std::fmt;

use maud::{Markup, Render};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, object};
use super::super::storage::Storage;
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::{Field, markdown};

/// A text in Markdown, which pages render as HTML.
///
/// ```
/// use maud::html;
/// use portal_core::admin::Markdown;
///
/// let note = Markdown("*Hello* <script>".to_owned());
/// let page = html! { article class="pt-prose" { (note) } }.into_string();
/// assert!(page.contains("<em>Hello</em> &lt;script&gt;"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Markdown(pub String);

/// Renders the text as HTML; see [`markdown`].
impl Render for Markdown {
    fn render(&self) -> Markup {
        markdown(&self.0)
    }
}

/// The text as it was written.
impl fmt::Display for Markdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AdminField for Markdown {
    const KIND: FieldKind = FieldKind::new(&MarkdownType);

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::String(text) => Ok(Self(text)),
            _ => Err(wrong_type("must be a string")),
        }
    }
}

#[derive(Debug)]
struct MarkdownType;

impl FieldType for MarkdownType {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn storage(&self) -> Storage {
        Storage::Text
    }

    fn is_text(&self) -> bool {
        true
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        Ok(Value::String(text.to_owned()))
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::textarea(spec.name, spec.title)
            .hint("Markdown")
            .required(spec.is_required)
    }

    fn read_only_control(&self, name: String, title: &str, text: &str) -> Field {
        Field::textarea(name, title).value(text)
    }

    fn preview(&self, text: &str) -> Option<Markup> {
        Some(markdown(text))
    }

    fn json_schema(&self) -> Map<String, Value> {
        object(json!({"type": "string", "contentMediaType": "text/markdown"}))
    }
}
