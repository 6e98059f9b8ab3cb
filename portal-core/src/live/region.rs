//! Live region: a part of a page that re-renders when a topic changes.

use maud::{Markup, Render};

use crate::pages::regions;

/// Wraps a part of a page that re-renders when `topic` changes.
///
/// To re-render the region, the browser requests the page again.
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

/// Builder for a region with options that [`region`] does not have, such as several topics or a
/// custom id.
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
    /// Creates a region for one topic, with the id `live-{topic}`.
    pub fn new(topic: &str) -> Self {
        Self {
            id: format!("live-{topic}"),
            topics: topic.to_owned(),
            announcement: None,
        }
    }

    /// Sets the id. A second region for the same topic on a page needs a different one.
    ///
    /// An id consists of letters, digits and the characters `-_.:`.
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

    /// Sets the text that screen readers announce after a change.
    ///
    /// Without it, changes are not announced: automatic updates should not interrupt.
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

    /// Renders the region around its content.
    #[must_use]
    pub fn render(&self, content: impl Render) -> Markup {
        regions::region(
            &self.id,
            &self.topics,
            self.announcement.as_deref(),
            content,
        )
    }
}
