//! A part of a page that is drawn anew when a topic changes.

use maud::{Markup, Render, html};

/// A part of a page that is drawn anew, by asking for the page again, when something of `topic` changes.
///
/// ```
/// use maud::html;
/// use portal_core::live;
///
/// let orders = live::region("orders", html! { p { "3 orders" } });
/// assert!(orders.into_string().contains("data-topics=\"orders\""));
/// ```
#[must_use]
pub fn region(topic: &str, content: impl Render) -> Markup {
    Region::new(topic).render(content)
}

/// A region that says more than [`region`] can: several topics, an id of its own.
///
/// ```
/// use maud::html;
/// use portal_core::live::Region;
///
/// let latest = Region::new("orders").id("latest").topic("users").render(html! { p { "Order 7" } });
/// assert!(latest.into_string().contains("id=\"latest\" data-topics=\"orders users\""));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Region {
    id: String,
    topics: String,
    announcement: Option<String>,
}

impl Region {
    /// A region of one topic, with the id `live-{topic}`.
    pub fn new(topic: &str) -> Self {
        Self {
            id: format!("live-{topic}"),
            topics: topic.to_owned(),
            announcement: None,
        }
    }

    /// Another id, for a second region of the same topic on one page: letters, digits and `-_.:`.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Adds a topic.
    pub fn topic(mut self, topic: &str) -> Self {
        self.topics.push(' ');
        self.topics.push_str(topic);
        self
    }

    /// What screen readers say when the region has changed. Without it they say nothing: what
    /// changes by itself must not interrupt.
    ///
    /// ```
    /// use maud::html;
    /// use portal_core::live::Region;
    ///
    /// let queue = Region::new("orders").announce("The queue has changed");
    /// # let _ = queue.render(html! {});
    /// ```
    pub fn announce(mut self, text: impl Into<String>) -> Self {
        self.announcement = Some(text.into());
        self
    }

    /// The region around its content.
    #[must_use]
    pub fn render(&self, content: impl Render) -> Markup {
        html! {
            pt-live id=(self.id) data-topics=(self.topics) data-announce=[&self.announcement] data-requires="live" { (content) }
        }
    }
}
