//! Names derived from identifiers, for the database, URLs and display.

use proc_macro2::Ident;
use syn::ext::IdentExt;

/// Returns the name without `r#`.
pub(crate) fn plain(name: &Ident) -> String {
    name.unraw().to_string()
}

/// Converts `BlogPost` to `blog_post`.
pub(crate) fn snake_case(name: &str) -> String {
    words(name).join("_").to_lowercase()
}

/// Converts `send_digest` to `Send digest`, `BlogPost` to `Blog post`, `APIKey` to `API key`.
pub(crate) fn title(name: &str) -> String {
    let mut title = String::new();
    for word in words(name) {
        if title.is_empty() {
            let mut letters = word.chars();
            title.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            title.push_str(letters.as_str());
        } else {
            title.push(' ');
            title.push_str(&if is_acronym(&word) {
                word
            } else {
                word.to_lowercase()
            });
        }
    }
    title
}

/// Returns the plural of an English title: `Plans`, `Categories`, `Boxes`.
pub(crate) fn plural(title: &str) -> String {
    let lower = title.to_lowercase();
    if let Some(stem) = title.strip_suffix('y')
        && stem.ends_with(|letter: char| !"aeiouAEIOU".contains(letter))
    {
        return format!("{stem}ies");
    }
    let is_sibilant = ["s", "x", "z", "ch", "sh"]
        .iter()
        .any(|end| lower.ends_with(end));
    format!("{title}{}", if is_sibilant { "es" } else { "s" })
}

/// Returns `true` if a name can be part of a URL.
pub(crate) fn is_url_safe(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
}

/// Returns `true` if this is a valid table name; SQL and URLs contain it verbatim.
pub(crate) fn is_table_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '_'))
}

fn is_acronym(word: &str) -> bool {
    word.len() > 1 && word.chars().all(|letter| !letter.is_lowercase())
}

/// Splits at `_` and at case changes.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let starts_word = letter.is_uppercase()
            && (!before.is_uppercase() || letters.peek().is_some_and(|next| next.is_lowercase()));
        if letter == '_' || starts_word {
            words.push(String::new());
        }
        if letter != '_'
            && let Some(word) = words.last_mut()
        {
            word.push(letter);
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_splits_at_case_changes() {
        for (name, expected) in [
            ("Plan", "plan"),
            ("BlogPost", "blog_post"),
            ("APIKey", "api_key"),
            ("Http2Peer", "http2_peer"),
            ("already_snake", "already_snake"),
        ] {
            assert_eq!(snake_case(name), expected);
        }
    }

    #[test]
    fn title_is_in_sentence_case() {
        for (name, expected) in [
            ("users", "Users"),
            ("send_digest", "Send digest"),
            ("BlogPost", "Blog post"),
            ("APIKey", "API key"),
            ("_internal", "Internal"),
        ] {
            assert_eq!(title(name), expected);
        }
    }

    #[test]
    fn plural_follows_english_spelling() {
        for (title, expected) in [
            ("Plan", "Plans"),
            ("Category", "Categories"),
            ("Day", "Days"),
            ("Tax", "Taxes"),
            ("Branch", "Branches"),
        ] {
            assert_eq!(plural(title), expected);
        }
    }

    #[test]
    fn table_name_is_lower_case_ascii() {
        assert!(is_table_name("blog_post2"));
        for name in ["", "Plan", "blog-post", "2nd", "a b"] {
            assert!(!is_table_name(name), "{name}");
        }
    }

    #[test]
    fn url_name_rejects_slashes_and_spaces() {
        assert!(is_url_safe("send-digest_2"));
        for name in ["", "a/b", "a b", "_a", "ä"] {
            assert!(!is_url_safe(name), "{name}");
        }
    }
}
