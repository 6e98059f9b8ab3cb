//! The bell: the number of unread messages, on every page.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use maud::{Markup, html};
use uuid::Uuid;

use super::components::{Tone, icon};
use super::layout::PageContext;

/// Where the messages of the reader are.
pub(crate) const PATH: &str = "/admin/notifications";

/// Unread messages of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unread {
    /// Number of entries; one entry can stand for several messages.
    pub count: u64,
    /// Number of messages.
    pub messages: u64,
    /// Time of the newest message, in microseconds since 1970; 0 if there is none.
    pub newest_at: i64,
    /// Title of the newest message, also where it joined an entry of several.
    pub newest: String,
    /// Text of the newest message.
    pub newest_text: Option<String>,
    /// Tone of the newest message.
    pub tone: Tone,
    /// Id of the newest entry if it has a link.
    pub linked: Option<Uuid>,
}

/// Knows what readers have not read; pages are drawn with what it knows without asking anybody.
pub(crate) trait UnreadSource: Send + Sync {
    /// Whether what is known of a user may be taken for true.
    fn is_fresh(&self, user_id: Uuid) -> bool;

    /// Asks, so that it is known.
    fn refresh(&self, user_id: Uuid) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// What was known last.
    fn last_known(&self, user_id: Uuid) -> Option<Arc<Unread>>;
}

/// The bell of a signed-in reader, live; nothing for guests. For layouts: each place on a page has
/// an id of its own.
///
/// ```
/// use portal_core::pages::{bell, Theme};
/// use portal_core::pages::layout::PageContext;
///
/// let theme = Theme::default();
/// let page = PageContext::new("Portal", "Home", "/", &theme);
/// assert_eq!(bell(&page, "bell").into_string(), "");
/// ```
#[must_use]
pub fn bell(page: &PageContext<'_>, id: &str) -> Markup {
    let Some(unread) = page.unread else {
        return html! {};
    };
    let label = match unread.count {
        0 => "Notifications".to_owned(),
        count => format!("Notifications, {count} unread"),
    };
    html! {
        // As `live::region` draws it, which is above this module.
        pt-live id=(id) data-topics="notifications" data-requires="live" {
            pt-bell data-at=(unread.newest_at) data-messages=(unread.messages) data-title=(unread.newest) data-text=[&unread.newest_text]
                data-tone=[unread.tone.as_str()] data-href=[unread.linked.map(|id| page.url(&format!("{PATH}/{id}")))] {
                a class="pt-btn pt-bell" data-kind="ghost" data-icon href=(page.url(PATH)) aria-label=(label) title="Notifications" {
                    (icon("bell"))
                    @if unread.count > 0 { span class="pt-count" aria-hidden="true" { (shown(unread.count)) } }
                }
            }
        }
    }
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
    fn it_says_how_many_there_are_and_shows_no_more_than_nine() {
        let theme = Theme::default();
        for (count, label, badge) in [
            (0, "aria-label=\"Notifications\"", None),
            (3, "aria-label=\"Notifications, 3 unread\"", Some(">3<")),
            (12, "aria-label=\"Notifications, 12 unread\"", Some(">9+<")),
        ] {
            let unread = Unread {
                count,
                ..Unread::default()
            };
            let page = PageContext {
                unread: Some(&unread),
                ..PageContext::new("Portal", "Home", "/", &theme)
            };
            let html = bell(&page, "bell").into_string();
            assert!(html.contains(label), "{html}");
            assert_eq!(html.contains("pt-count"), badge.is_some());
            assert!(badge.is_none_or(|badge| html.contains(badge)), "{html}");
        }
    }
}
