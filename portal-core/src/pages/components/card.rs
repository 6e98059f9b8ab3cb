use maud::{Markup, Render, html};

/// A surface with a title, at most one action, a body and perhaps a foot.
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
pub struct Card {
    title: Option<String>,
    description: Option<String>,
    actions: Option<Markup>,
    body: Option<Markup>,
    foot: Option<Markup>,
    id: Option<String>,
    flush: bool,
}

impl Card {
    /// An empty card.
    pub fn new() -> Self {
        Self::default()
    }

    /// A heading of the second level.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// A line below the title.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// What stands at the end of the title's line.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }

    /// What the card is about.
    pub fn body(mut self, body: impl Render) -> Self {
        self.body = Some(body.render());
        self
    }

    /// A tinted line at the bottom: a note, a button.
    pub fn foot(mut self, foot: impl Render) -> Self {
        self.foot = Some(foot.render());
        self
    }

    /// An id, as the target of links and swaps.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// No padding: for tables and lists that reach the edge.
    pub const fn flush(mut self) -> Self {
        self.flush = true;
        self
    }
}

impl Render for Card {
    fn render(&self) -> Markup {
        html! {
            section class="pt-card" id=[&self.id] data-flush[self.flush] {
                @if self.title.is_some() || self.actions.is_some() {
                    div class="pt-card-head" {
                        div {
                            @if let Some(title) = &self.title { h2 { (title) } }
                            @if let Some(description) = &self.description { p { (description) } }
                        }
                        @if let Some(actions) = &self.actions { (actions) }
                    }
                }
                @if let Some(body) = &self.body { (body) }
                @if let Some(foot) = &self.foot { div class="pt-card-foot" { (foot) } }
            }
        }
    }
}

/// Names and values below each other, as an "about" card shows them.
#[must_use]
pub fn detail_list(rows: &[(&str, Markup)]) -> Markup {
    html! {
        dl class="pt-list" {
            @for (name, value) in rows { div { dt { (name) } dd { (value) } } }
        }
    }
}
