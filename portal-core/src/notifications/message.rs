//! A message that is to be sent.

use crate::auth::safe_redirect;
use crate::error::Fault;
use crate::pages::components::Tone;

/// Most letters of a title.
pub(super) const LONGEST_TITLE: usize = 120;
/// Most letters of a text.
pub(super) const LONGEST_TEXT: usize = 1000;
/// Most letters of a kind, a group and a link.
const LONGEST_NAME: usize = 500;

/// A message for a user: what his bell shows.
///
/// ```
/// use portal_core::notifications::Notification;
/// use portal_core::pages::components::Tone;
///
/// let ready = Notification::new("Report ready")
///     .text("All 12 months of 2026.")
///     .link("/reports/7")
///     .tone(Tone::Success);
/// # let _ = ready;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Notification {
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) text: Option<String>,
    pub(super) link: Option<String>,
    pub(super) tone: Tone,
    pub(super) group: Option<Group>,
}

/// What makes one entry of several messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    /// The title of several.
    pub(super) plural: String,
    /// Where several lead, if not where the newest does.
    pub(super) link: Option<String>,
}

impl Notification {
    /// A message of a title, at most 120 letters.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            kind: "message".to_owned(),
            title: title.into(),
            text: None,
            link: None,
            tone: Tone::Neutral,
            group: None,
        }
    }

    /// More about it, at most 1000 letters.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into()).filter(|text| !text.is_empty());
        self
    }

    /// Where it leads: a path of the portal, without base path. Other addresses are refused.
    pub fn link(mut self, path: impl Into<String>) -> Self {
        self.link = Some(path.into()).filter(|path| !path.is_empty());
        self
    }

    /// Its colour.
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// What it is about, for programs: `message` where nothing is said. The portal's own are
    /// `task` and `account`.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = kind.into();
        self
    }

    /// As long as the one before of the same group has not been read, this one joins it, and the
    /// entry shows `plural`, in which `{count}` stands for how many they are.
    ///
    /// ```
    /// use portal_core::notifications::Notification;
    ///
    /// let order = Notification::new("New order").group("orders", "{count} new orders");
    /// # let _ = order;
    /// ```
    pub fn group(mut self, name: impl Into<String>, plural: impl Into<String>) -> Self {
        self.group = Some(Group {
            name: name.into(),
            plural: plural.into(),
            link: None,
        });
        self
    }

    /// Where several messages of the group lead.
    pub(crate) fn group_link(mut self, path: impl Into<String>) -> Self {
        if let Some(group) = &mut self.group {
            group.link = Some(path.into());
        }
        self
    }

    /// Everything that keeps it from being sent.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut check = |name: &str, value: Option<&str>, longest: usize| {
            let Some(value) = value else { return };
            let pointer = format!("/{name}");
            if value.chars().count() > longest {
                let message = format!("at most {longest} letters");
                faults.push(Fault::new(pointer, "too_long", message));
            } else if value.contains('\0') {
                faults.push(Fault::new(
                    pointer,
                    "invalid_value",
                    "texts cannot have the character NUL",
                ));
            }
        };
        check("title", Some(&self.title), LONGEST_TITLE);
        check("text", self.text.as_deref(), LONGEST_TEXT);
        check("link", self.link.as_deref(), LONGEST_NAME);
        check("kind", Some(&self.kind), LONGEST_NAME);
        if let Some(group) = &self.group {
            check("group", Some(&group.name), LONGEST_NAME);
            check("group", Some(&group.plural), LONGEST_TITLE);
        }
        if self.title.trim().is_empty() {
            faults.push(Fault::new("/title", "required", "write a title"));
        }
        if let Some(link) = &self.link
            && safe_redirect(link).is_none()
        {
            faults.push(Fault::new(
                "/link",
                "invalid_link",
                "a link is a path of this portal, such as /tasks",
            ));
        }
        faults
    }
}

/// The beginning of a text that may be long or have what a database does not store.
pub(crate) fn excerpt(text: &str, longest: usize) -> String {
    let text = text.replace('\0', "\u{fffd}");
    match text.char_indices().nth(longest.saturating_sub(1)) {
        Some((end, _)) if text.chars().count() > longest => {
            format!("{}…", text.get(..end).unwrap_or_default())
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_portal_are_links() {
        for link in [
            "https://evil.example",
            "//evil.example",
            "/\\evil",
            "javascript:alert(1)",
            "admin",
            "/sign-out",
        ] {
            let faults = Notification::new("x").link(link).faults();
            assert_eq!(faults.len(), 1, "{link}");
            assert_eq!(faults[0].pointer, "/link");
        }
        for link in ["/", "/admin/tasks?task=1", "/reports/7"] {
            assert_eq!(Notification::new("x").link(link).faults(), [], "{link}");
        }
        assert_eq!(Notification::new("x").link("").faults(), []);
    }

    #[test]
    fn what_cannot_be_stored_or_read_is_refused() {
        let codes = |message: &Notification| -> Vec<_> {
            message.faults().into_iter().map(|it| it.code).collect()
        };
        assert_eq!(codes(&Notification::new(" ")), ["required"]);
        let long = "ä".repeat(LONGEST_TITLE + 1);
        assert_eq!(codes(&Notification::new(&long)), ["too_long"]);
        assert_eq!(codes(&Notification::new("a\0b")), ["invalid_value"]);
        let text = "x".repeat(LONGEST_TEXT + 1);
        assert_eq!(codes(&Notification::new("a").text(text)), ["too_long"]);
        assert_eq!(codes(&Notification::new("a").text("")), [""; 0]);
    }

    #[test]
    fn an_excerpt_can_be_sent() {
        assert_eq!(excerpt("short", 5), "short");
        assert_eq!(excerpt("äöüäöü", 4), "äöü…");
        assert_eq!(excerpt("a\0b", 9), "a\u{fffd}b");
        let title = excerpt(&"ä".repeat(500), LONGEST_TITLE);
        assert_eq!(Notification::new(title).faults(), []);
    }
}
