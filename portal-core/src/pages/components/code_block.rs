use maud::{Markup, Render, html};

use super::icon;

/// Text to read and copy: a command, a token, JSON.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::CodeBlock;
///
/// let block = CodeBlock::new("cargo run").title("Terminal").render().into_string();
/// assert!(block.contains("cargo run"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct CodeBlock {
    code: String,
    title: Option<String>,
    wrap: bool,
}

impl CodeBlock {
    /// Creates a block without a title row.
    pub fn new(code: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            title: None,
            wrap: false,
        }
    }

    /// Adds a title row with buttons that copy the text and wrap long lines.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Wraps long lines instead of scrolling them.
    pub const fn wrap(mut self) -> Self {
        self.wrap = true;
        self
    }
}

impl Render for CodeBlock {
    fn render(&self) -> Markup {
        // The toggle needs scripts; without them, long lines scroll.
        let toggle = html! {
            button type="button" class="pt-btn" data-kind="ghost" data-size="1" data-icon data-wraps
                aria-label="Wrap lines" title="Wrap lines" aria-pressed=(self.wrap) { (icon("wrap-text")) }
        };
        html! {
            figure class="pt-code" data-wrap[self.wrap] {
                @match &self.title {
                    Some(title) => header { span class="pt-truncate" { (title) } (toggle) (copy(None)) },
                    None => (copy(None)),
                }
                pre tabindex="0" { code { (self.code) } }
            }
        }
    }
}

fn copy(value: Option<&str>) -> Markup {
    html! {
        pt-copy value=[value] {
            button type="button" class="pt-btn" data-kind="ghost" data-size="1" {
                (icon("copy")) span data-part="label" { "Copy" }
            }
            span class="pt-sr-only" role="status" {}
        }
    }
}

/// Renders a small button that copies a value; hidden if scripts are disabled.
#[must_use]
pub fn copy_button(value: &str) -> Markup {
    copy(Some(value))
}
