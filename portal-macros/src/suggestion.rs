//! Suggestions for misspelled keys and for keys from other frameworks.

/// Keys from other frameworks, each with Portal's equivalent.
const SYNONYMS: &[(&str, &str)] = &[
    ("admin", "requires_admin"),
    ("auth", "requires_auth"),
    ("cron", "schedule"),
    ("list_display", "list"),
    ("login_required", "requires_auth"),
    ("max_retries", "retries"),
    ("ordering", "order_by"),
    ("path", "route"),
    ("permission", "requires_permission"),
    ("read_only", "readonly"),
    ("retry", "retries"),
    ("role", "requires_role"),
    ("search_fields", "search"),
    ("state", "group"),
    ("timezone", "time_zone"),
    ("tz", "time_zone"),
    ("url", "route"),
    ("verbose_name", "title"),
];

/// Returns the message for an unknown word, with the closest known word or a list of all words.
pub(crate) fn unknown(what: &str, given: &str, known: &[&str]) -> String {
    match closest(given, known) {
        Some(meant) => format!("unknown {what} `{given}`; did you mean `{meant}`?"),
        None => format!(
            "unknown {what} `{given}`; expected one of: {}",
            quoted(known)
        ),
    }
}

/// Returns the known word that was most likely meant.
fn closest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let given = given.to_lowercase();
    let synonyms = SYNONYMS.iter().filter(|(other, _)| *other == given);
    for (_, meant) in synonyms {
        if let Some(known) = known.iter().find(|known| *known == meant) {
            return Some(known);
        }
    }
    let distance = |word: &str| strsim::damerau_levenshtein(&given, &word.to_lowercase());
    let best = known.iter().min_by_key(|word| distance(word))?;
    let allowed = (given.len().max(best.len()) / 3).max(1);
    let found = distance(best);
    (found <= allowed && found < given.len()).then_some(best)
}

/// Returns the words in backticks, separated by commas.
pub(crate) fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["title", "requires_auth", "requires_admin", "order", "nav"];

    #[test]
    fn misspelled_key_gets_a_suggestion() {
        assert_eq!(closest("titel", KNOWN), Some("title"));
        assert_eq!(closest("requires_atuh", KNOWN), Some("requires_auth"));
        assert_eq!(closest("Title", KNOWN), Some("title"));
        assert_eq!(closest("retries", KNOWN), None);
        assert_eq!(closest("x", KNOWN), None);
        assert_eq!(closest("x", &[]), None);
    }

    #[test]
    fn key_from_another_framework_suggests_the_equivalent() {
        assert_eq!(closest("login_required", KNOWN), Some("requires_auth"));
        assert_eq!(closest("retry", &["retries", "name"]), Some("retries"));
        assert_eq!(closest("list_display", &["list", "search"]), Some("list"));
        assert_eq!(closest("list_display", KNOWN), None);
    }

    #[test]
    fn message_lists_all_keys_without_a_close_match() {
        assert_eq!(
            unknown("key", "titel", KNOWN),
            "unknown key `titel`; did you mean `title`?"
        );
        assert_eq!(
            unknown("key", "color", &["a", "b"]),
            "unknown key `color`; expected one of: `a`, `b`"
        );
    }
}
