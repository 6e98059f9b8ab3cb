use maud::{Markup, Render, html};

use super::{Tone, icon};

/// A message across the page that stays until its cause is resolved.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::{Banner, Tone};
///
/// let banner = Banner::new(Tone::Warning, "Your e-mail address is not confirmed.");
/// assert!(banner.render().into_string().contains("not confirmed"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Banner {
    tone: Tone,
    title: Option<String>,
    text: String,
    action: Option<Markup>,
}

impl Banner {
    /// Creates a banner with one sentence.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone,
            title: None,
            text: text.into(),
            action: None,
        }
    }

    /// Sets a short title before the sentence.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets a button or link at the end.
    pub fn action(mut self, action: impl Render) -> Self {
        self.action = Some(action.render());
        self
    }
}

impl Render for Banner {
    fn render(&self) -> Markup {
        let role = if self.tone == Tone::Danger {
            "alert"
        } else {
            "status"
        };
        html! {
            div class="pt-banner" role=(role) data-tone=[self.tone.attribute_value()] {
                (icon(self.tone.icon()))
                div {
                    @if let Some(title) = &self.title { strong { (title) } " " }
                    (self.text)
                }
                @if let Some(action) = &self.action { (action) }
            }
        }
    }
}
