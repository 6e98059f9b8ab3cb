//! What an identifier is called in the database and in front of people.

use proc_macro2::Ident;
use syn::ext::IdentExt;

/// The name without `r#`.
pub(crate) fn plain(name: &Ident) -> String {
    name.unraw().to_string()
}

/// `BlogPost` as `blog_post`.
pub(crate) fn snake_case(name: &str) -> String {
    words(name).join("_").to_lowercase()
}

/// `send_digest` as `Send digest`, `BlogPost` as `Blog post`, `APIKey` as `API key`.
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

/// The plural of an English title: `Plans`, `Categories`, `Boxes`.
pub(crate) fn plural(title: &str) -> String {
    let lower = title.to_lowercase();
    if let Some(stem) = title.strip_suffix('y')
        && stem.ends_with(|letter: char| !"aeiouAEIOU".contains(letter))
    {
        return format!("{stem}ies");
    }
    let hisses = ["s", "x", "z", "ch", "sh"]
        .iter()
        .any(|end| lower.ends_with(end));
    format!("{title}{}", if hisses { "es" } else { "s" })
}

/// Says whether a name can stand in a URL and name a table.
pub(crate) fn is_url_safe(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
}

/// Says whether a name can be a table's: the admin writes it into SQL and URLs as it is.
pub(crate) fn is_table_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '_'))
}

fn is_acronym(word: &str) -> bool {
    word.len() > 1 && word.chars().all(|letter| !letter.is_lowercase())
}

/// Splits at `_` and where the case changes.
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
    fn snake_case_splits_where_the_case_changes() {
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
    fn a_title_reads_as_a_sentence() {
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
    fn a_plural_is_english() {
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
    fn a_table_has_a_plain_name() {
        assert!(is_table_name("blog_post2"));
        for name in ["", "Plan", "blog-post", "2nd", "a b"] {
            assert!(!is_table_name(name), "{name}");
        }
    }

    #[test]
    fn a_name_with_a_slash_cannot_stand_in_a_url() {
        assert!(is_url_safe("send-digest_2"));
        for name in ["", "a/b", "a b", "_a", "ä"] {
            assert!(!is_url_safe(name), "{name}");
        }
    }
}
