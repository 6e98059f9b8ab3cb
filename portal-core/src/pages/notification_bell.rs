//! Notification bell: shows the number of unread notifications on every page.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use maud::{Markup, html};
use uuid::Uuid;

use super::components::{Tone, icon};
use super::layout::PageContext;
use super::regions;

/// Path of the page with the user's notifications.
pub(crate) const PATH: &str = "/admin/notifications";

/// Summary of a user's unread notifications.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadSummary {
    /// Number of unread entries; an entry can group several notifications.
    pub count: u64,
    /// Number of unread notifications.
    pub messages: u64,
    /// Time of the newest notification, in microseconds since 1970; 0 if there is no notification.
    pub newest_at: i64,
    /// Title of the newest notification, even if it was added to an existing entry.
    pub newest: String,
    /// Text of the newest notification.
    pub newest_text: Option<String>,
    /// Tone of the newest notification.
    pub tone: Tone,
    /// ID of the newest entry if it has a link.
    pub linked: Option<Uuid>,
}

/// Cache of unread counts. Pages are rendered from the cached values, without I/O.
pub(crate) trait UnreadSource: Send + Sync {
    /// Returns `true` if the cached value of a user is fresh.
    fn is_fresh(&self, user_id: Uuid) -> bool;

    /// Loads the current value of a user into the cache.
    fn refresh(&self, user_id: Uuid) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Returns the cached value of a user, fresh or not.
    fn last_known(&self, user_id: Uuid) -> Option<Arc<UnreadSummary>>;
}

/// Renders the notification bell of a signed-in user as a live region; empty for guests.
///
/// For custom layouts. Each bell on a page needs a unique `id`.
///
/// ```
/// use portal_core::pages::{notification_bell, Theme};
/// use portal_core::pages::layout::PageContext;
///
/// let theme = Theme::default();
/// let page = PageContext::new("Portal", "Home", "/", &theme);
/// assert_eq!(notification_bell(&page, "bell").into_string(), "");
/// ```
#[must_use]
pub fn notification_bell(page: &PageContext<'_>, id: &str) -> Markup {
    let Some(unread) = page.unread else {
        return html! {};
    };
    let label = match unread.count {
        0 => "Notifications".to_owned(),
        count => format!("Notifications, {count} unread"),
    };
    regions::region(
        id,
        "notifications",
        None,
        html! {
                pt-bell data-at=(unread.newest_at) data-messages=(unread.messages) data-title=(unread.newest) data-text=[&unread.newest_text]
                    data-tone=[unread.tone.attribute_value()] data-href=[unread.linked.map(|id| page.url(&format!("{PATH}/{id}")))] {
                    a class="pt-btn pt-bell" data-kind="ghost" data-icon href=(page.url(PATH)) aria-label=(label) title="Notifications" {
                        (icon("bell"))
                        @if unread.count > 0 { span class="pt-count" aria-hidden="true" { (shown(unread.count)) } }
                    }
                }
        },
    )
}

fn shown(count: u64) -> String {
    if count > 9 {
        "9+".to_owned()
    } else {
        count.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::Theme;

    #[test]
    fn badge_shows_the_unread_count_up_to_nine() {
        let theme = Theme::default();
        for (count, label, badge) in [
            (0, "aria-label=\"Notifications\"", None),
            (3, "aria-label=\"Notifications, 3 unread\"", Some(">3<")),
            (12, "aria-label=\"Notifications, 12 unread\"", Some(">9+<")),
        ] {
            let unread = UnreadSummary {
                count,
                ..UnreadSummary::default()
            };
            let page = PageContext {
                unread: Some(&unread),
                ..PageContext::new("Portal", "Home", "/", &theme)
            };
            let html = notification_bell(&page, "bell").into_string();
            assert!(html.contains(label), "{html}");
            assert_eq!(html.contains("pt-count"), badge.is_some());
            assert!(badge.is_none_or(|badge| html.contains(badge)), "{html}");
        }
    }
}
