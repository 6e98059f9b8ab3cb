//! Notifications to be sent, and their validation.

use crate::auth::safe_redirect;
use crate::error::FieldError;
use crate::pages::components::Tone;

/// Maximum length of a title, in characters.
pub(super) const MAX_TITLE_LEN: usize = 120;
/// Maximum length of the text, in characters.
pub(super) const MAX_TEXT_LEN: usize = 1000;
/// Maximum length of the kind, group and link, in characters.
const MAX_NAME_LEN: usize = 500;

/// A notification for a user, shown under the bell.
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
    pub(super) group: Option<NotificationGroup>,
}

/// A group of notifications; unread ones are merged into one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotificationGroup {
    pub(super) name: String,
    /// Title shown when the entry represents more than one notification.
    pub(super) plural: String,
    /// Link used when the entry represents more than one notification; `None` for the link of the
    /// newest one.
    pub(super) link: Option<String>,
}

impl Notification {
    /// Creates a notification with the given title (at most 120 characters).
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

    /// Sets the text (at most 1000 characters).
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into()).filter(|text| !text.is_empty());
        self
    }

    /// Sets the link: a path within the portal, without the base path. Other URLs are rejected.
    pub fn link(mut self, path: impl Into<String>) -> Self {
        self.link = Some(path.into()).filter(|path| !path.is_empty());
        self
    }

    /// Sets the tone, which determines the color. Default: neutral.
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Sets the machine-readable kind. Default: `message`.
    ///
    /// The portal's own kinds are `task` and `account`.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = kind.into();
        self
    }

    /// Merges the notification into the unread one in the same group, if there is one.
    ///
    /// The entry then shows `plural`, in which `{count}` is replaced by the number of
    /// notifications.
    ///
    /// ```
    /// use portal_core::notifications::Notification;
    ///
    /// let order = Notification::new("New order").group("orders", "{count} new orders");
    /// # let _ = order;
    /// ```
    pub fn group(mut self, name: impl Into<String>, plural: impl Into<String>) -> Self {
        self.group = Some(NotificationGroup {
            name: name.into(),
            plural: plural.into(),
            link: None,
        });
        self
    }

    /// Sets the link used when the entry represents more than one notification.
    pub(crate) fn group_link(mut self, path: impl Into<String>) -> Self {
        if let Some(group) = &mut self.group {
            group.link = Some(path.into());
        }
        self
    }

    /// Returns the reasons why the notification cannot be sent.
    pub(super) fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut check = |name: &str, value: Option<&str>, longest: usize| {
            let Some(value) = value else { return };
            let pointer = format!("/{name}");
            if value.chars().count() > longest {
                let message = format!("must have at most {longest} characters");
                errors.push(FieldError::new(pointer, "too_long", message));
            } else if value.contains('\0') {
                errors.push(FieldError::new(
                    pointer,
                    "invalid_value",
                    "must not contain the character U+0000",
                ));
            }
        };
        check("title", Some(&self.title), MAX_TITLE_LEN);
        check("text", self.text.as_deref(), MAX_TEXT_LEN);
        check("link", self.link.as_deref(), MAX_NAME_LEN);
        check("kind", Some(&self.kind), MAX_NAME_LEN);
        if let Some(group) = &self.group {
            check("group", Some(&group.name), MAX_NAME_LEN);
            check("group", Some(&group.plural), MAX_TITLE_LEN);
        }
        if self.title.trim().is_empty() {
            errors.push(FieldError::new("/title", "missing", "must not be empty"));
        }
        if let Some(link) = &self.link
            && safe_redirect(link).is_none()
        {
            errors.push(FieldError::new(
                "/link",
                "invalid_link",
                "must be a path within this portal, such as /tasks",
            ));
        }
        errors
    }
}

/// Truncates a string to `longest` characters, and replaces characters that databases cannot store.
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
    fn only_portal_paths_are_valid_links() {
        for link in [
            "https://evil.example",
            "//evil.example",
            "/\\evil",
            "javascript:alert(1)",
            "admin",
            "/sign-out",
        ] {
            let errors = Notification::new("x").link(link).validate();
            assert_eq!(errors.len(), 1, "{link}");
            assert_eq!(errors[0].pointer, "/link");
        }
        for link in ["/", "/admin/tasks?task=1", "/reports/7"] {
            assert_eq!(Notification::new("x").link(link).validate(), [], "{link}");
        }
        assert_eq!(Notification::new("x").link("").validate(), []);
    }

    #[test]
    fn invalid_text_is_rejected() {
        let codes = |message: &Notification| -> Vec<_> {
            message.validate().into_iter().map(|it| it.code).collect()
        };
        assert_eq!(codes(&Notification::new(" ")), ["missing"]);
        let long = "ä".repeat(MAX_TITLE_LEN + 1);
        assert_eq!(codes(&Notification::new(&long)), ["too_long"]);
        assert_eq!(codes(&Notification::new("a\0b")), ["invalid_value"]);
        let text = "x".repeat(MAX_TEXT_LEN + 1);
        assert_eq!(codes(&Notification::new("a").text(text)), ["too_long"]);
        assert_eq!(codes(&Notification::new("a").text("")), [""; 0]);
    }

    #[test]
    fn excerpt_is_valid_text() {
        assert_eq!(excerpt("short", 5), "short");
        assert_eq!(excerpt("äöüäöü", 4), "äöü…");
        assert_eq!(excerpt("a\0b", 9), "a\u{fffd}b");
        let title = excerpt(&"ä".repeat(500), MAX_TITLE_LEN);
        assert_eq!(Notification::new(title).validate(), []);
    }
}
