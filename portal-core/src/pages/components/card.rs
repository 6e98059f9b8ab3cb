use std::borrow::Cow;

use maud::{Markup, Render, html};

use super::text_writer::{write_attribute, write_element};

/// Approximate size of a card without its parts, in bytes.
const ROOM: usize = 256;

/// A surface with a title, at most one action, a body and an optional footer.
///
/// ```
/// use maud::{Render as _, html};
/// use portal_core::pages::components::Card;
///
/// let card = Card::new().title("Profile").body(html! { p { "Hello" } });
/// assert!(card.render().into_string().contains("<h2>Profile</h2>"));
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Card<'a> {
    title: Option<Cow<'a, str>>,
    description: Option<Cow<'a, str>>,
    actions: Option<Markup>,
    body: Option<Markup>,
    footer: Option<Markup>,
    id: Option<Cow<'a, str>>,
    flush: bool,
}

impl<'a> Card<'a> {
    /// Creates an empty card.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the title, a second-level heading.
    pub fn title(mut self, title: impl Into<Cow<'a, str>>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets a line below the title.
    pub fn description(mut self, description: impl Into<Cow<'a, str>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the content at the end of the title row.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }

    /// Sets the main content.
    pub fn body(mut self, body: impl Render) -> Self {
        self.body = Some(body.render());
        self
    }

    /// Sets a tinted row at the bottom, for example with a note or a button.
    pub fn footer(mut self, footer: impl Render) -> Self {
        self.footer = Some(footer.render());
        self
    }

    /// Sets an id, to which links and swaps can refer.
    pub fn id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Removes the padding, for tables and lists that extend to the edge.
    pub const fn flush(mut self) -> Self {
        self.flush = true;
        self
    }
}

impl Render for Card<'_> {
    fn render_to(&self, out: &mut String) {
        let parts = [&self.actions, &self.body, &self.footer];
        let parts = parts.map(|part| part.as_ref().map(|part| part.0.as_str()));
        let [actions, body, foot] = parts;
        let taken: usize = parts.iter().flatten().map(|part| part.len()).sum();
        out.reserve(ROOM + taken);
        out.push_str("<section class=\"pt-card\"");
        if let Some(id) = &self.id {
            write_attribute(out, "id", id);
        }
        out.push_str(if self.flush { " data-flush>" } else { ">" });
        if self.title.is_some() || actions.is_some() {
            out.push_str("<div class=\"pt-card-head\"><div>");
            if let Some(title) = &self.title {
                write_element(out, "h2", title);
            }
            if let Some(description) = &self.description {
                write_element(out, "p", description);
            }
            out.extend(["</div>", actions.unwrap_or_default(), "</div>"]);
        }
        out.push_str(body.unwrap_or_default());
        if let Some(foot) = foot {
            out.extend(["<div class=\"pt-card-foot\">", foot, "</div>"]);
        }
        out.push_str("</section>");
    }
}

/// Renders names and values below each other, as in an "About" card.
#[must_use]
pub fn detail_list(rows: &[(&str, Markup)]) -> Markup {
    html! {
        dl class="pt-list" {
            @for (name, value) in rows { div { dt { (name) } dd { (value) } } }
        }
    }
}
