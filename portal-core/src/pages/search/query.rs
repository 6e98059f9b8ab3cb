use crate::auth::{CurrentUser, User, address};
use crate::state::PortalState;

/// Longest text that is looked for, in characters.
const LONGEST: usize = 100;

/// What is looked for, and by whom.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SearchQuery<'a> {
    /// The portal's values.
    pub state: &'a PortalState,
    /// Who asks; nobody is a guest. A source answers with what he may see now, and nothing else.
    pub reader: Option<&'a CurrentUser>,
    /// The words, trimmed and not too long; empty while nothing is typed yet.
    pub text: &'a str,
    base_path: &'a str,
}

impl<'a> SearchQuery<'a> {
    pub(super) fn new(
        state: &'a PortalState,
        reader: Option<&'a CurrentUser>,
        text: &'a str,
        base_path: &'a str,
    ) -> Self {
        let text = text.trim();
        let end = text
            .char_indices()
            .nth(LONGEST)
            .map_or(text.len(), |it| it.0);
        Self {
            state,
            reader,
            text: text.get(..end).unwrap_or_default(),
            base_path,
        }
    }

    /// Returns the account of the reader, for [`Access::allows`](crate::Access::allows).
    #[must_use]
    pub fn user(&self) -> Option<&'a User> {
        self.reader.map(CurrentUser::user)
    }

    /// The address of a path inside the portal.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        address(self.base_path, path)
    }

    /// Whether all words stand in a text, in whatever case, and how well: 0 is best, for the
    /// start of the text, then the start of a word, then anywhere. Without words everything matches.
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
    fn the_start_is_better_than_a_word_and_that_than_any_place() {
        let ranks = ["", "back", "tasks", "ground", "task back", "backs", "ÄRGER"]
            .map(|words| rank(words, "Background tasks"));
        let expected = [Some(0), Some(0), Some(1), Some(2), Some(1), None, None];
        assert_eq!(ranks, expected);
        assert_eq!(rank("ärger", "Ohne Ärger"), Some(1));
    }
}
