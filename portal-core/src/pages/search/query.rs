use crate::auth::{CurrentUser, User};
use crate::state::PortalState;

/// Maximum length of the search text, in characters.
const MAX_LEN: usize = 100;

/// Search request: the text and the caller.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SearchQuery<'a> {
    /// Shared values of the portal.
    pub state: &'a PortalState,
    /// User who is searching; `None` for guests.
    ///
    /// Sources must return only results that the user may currently see.
    pub user: Option<&'a CurrentUser>,
    /// Search text, trimmed and truncated to 100 characters; empty before the user types.
    pub text: &'a str,
}

impl<'a> SearchQuery<'a> {
    pub(super) fn new(
        state: &'a PortalState,
        user: Option<&'a CurrentUser>,
        text: &'a str,
    ) -> Self {
        let text = text.trim();
        let end = text
            .char_indices()
            .nth(MAX_LEN)
            .map_or(text.len(), |it| it.0);
        Self {
            state,
            user,
            text: text.get(..end).unwrap_or_default(),
        }
    }

    /// Returns the account of the user, for [`Access::allows`](crate::Access::allows).
    #[must_use]
    pub fn account(&self) -> Option<&'a User> {
        self.user.map(CurrentUser::user)
    }

    /// Ranks how well a string matches the search text, ignoring case; `None` if a word is missing.
    ///
    /// 0 is best: the text starts with the search text. 1: every word matches the start of a word.
    /// 2: a word matches elsewhere. An empty search text matches everything.
    #[must_use]
    pub fn rank(&self, text: &str) -> Option<u8> {
        rank(self.text, text)
    }
}

fn rank(words: &str, text: &str) -> Option<u8> {
    let text = text.to_lowercase();
    let words = words.to_lowercase();
    if text.starts_with(&words) {
        return Some(0);
    }
    let mut worst = 1;
    for word in words.split_whitespace() {
        let at = text.find(word)?;
        let begins = text.match_indices(word).any(|(at, _)| {
            !text
                .get(..at)
                .is_some_and(|before| before.ends_with(char::is_alphanumeric))
        });
        if at > 0 && !begins {
            worst = 2;
        }
    }
    Some(worst)
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn rank_prefers_text_start_then_word_start_then_anywhere() {
        let ranks = ["", "back", "tasks", "ground", "task back", "backs", "ÄRGER"]
            .map(|words| rank(words, "Background tasks"));
        let expected = [Some(0), Some(0), Some(1), Some(2), Some(1), None, None];
        assert_eq!(ranks, expected);
        assert_eq!(rank("ärger", "Ohne Ärger"), Some(1));
    }
}
