//! Input submitted in a form.

use std::collections::{HashMap, HashSet};

/// Texts by field name; a name may have several texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FormInput(HashMap<String, Vec<String>>);

impl FormInput {
    /// Parses a submitted form or a URL query.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        let mut input = Self::default();
        // Rows with the same key would share their fields, and would multiply the fields of nested
        // rows.
        let mut seen = HashSet::new();
        for (name, text) in url::form_urlencoded::parse(encoded) {
            // Browsers submit a line break in a text area as two characters.
            let pair = (name.into_owned(), text.replace("\r\n", "\n"));
            if seen.insert(pair.clone()) {
                input.add(pair.0, pair.1);
            }
        }
        input
    }

    /// Returns the first text of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
    }

    /// Returns the row keys of a list or map, in order; only numbers are keys.
    ///
    /// Other keys could refer to the fields of nested rows and multiply them.
    pub(super) fn keys(&self, list: &str) -> Vec<&str> {
        let sent = self.0.get(list).into_iter().flatten();
        sent.map(String::as_str).filter(|key| is_key(key)).collect()
    }

    /// Returns a mutable reference to the keys of a list or map.
    pub(super) fn keys_mut(&mut self, list: &str) -> &mut Vec<String> {
        let keys = self.0.entry(list.to_owned()).or_default();
        keys.retain(|key| is_key(key));
        keys
    }

    pub(super) fn add(&mut self, name: String, text: impl Into<String>) {
        self.0.entry(name).or_default().push(text.into());
    }

    #[cfg(test)]
    pub(super) fn set(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), vec![text.to_owned()]);
    }

    /// Returns `true` if a checkbox is checked.
    pub(super) fn is_checked(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "on" | "1"))
    }
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

impl<N: Into<String>, T: Into<String>> FromIterator<(N, T)> for FormInput {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(texts: I) -> Self {
        let mut input = Self::default();
        for (name, text) in texts {
            input.add(name.into(), text);
        }
        input
    }
}
