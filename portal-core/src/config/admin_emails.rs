//! `ADMIN_USER_EMAILS`: parses the list and rejects entries that cannot be e-mail addresses.

use std::collections::BTreeSet;

use super::origins::split_list;
use super::settings::Settings;

/// Parses the list and reports entries that can never match: they would otherwise silently have no
/// effect.
pub(super) fn admin_emails(settings: &Settings, problems: &mut Vec<String>) -> BTreeSet<String> {
    let mut emails = BTreeSet::new();
    for entry in split_list(settings.get("ADMIN_USER_EMAILS")) {
        if is_address(entry) {
            emails.insert(entry.to_ascii_lowercase());
        } else {
            problems.push(format!(
                "ADMIN_USER_EMAILS contains `{entry}`, which is not an e-mail address; \
                 use addresses such as `ann@example.com`, separated by commas"
            ));
        }
    }
    emails
}

/// Returns `true` if an identity provider could have such an address.
///
/// Letters of all scripts are allowed. The check only detects typing errors and patterns; it does
/// not fully validate addresses.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_special = |c: char| c.is_whitespace() || c.is_control() || "@*,;:<>()[]\\\"".contains(c);
    !local.is_empty()
        && !text.chars().filter(|c| *c != '@').any(is_special)
        && !domain.contains('@')
        && domain.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let settings = Settings::from_pairs([("ADMIN_USER_EMAILS", text)]);
        let mut problems = Vec::new();
        let emails = admin_emails(&settings, &mut problems);
        (emails.into_iter().collect(), problems)
    }

    #[test]
    fn addresses_are_trimmed_and_lowercased() {
        for (text, expected) in [
            ("", &[][..]),
            (",", &[]),
            (" A@B.c ,x@y.z,", &["a@b.c", "x@y.z"]),
            ("root@localhost", &["root@localhost"]),
            (
                "\u{e4}nn+x@b\u{fc}cher.example",
                &["\u{e4}nn+x@b\u{fc}cher.example"],
            ),
        ] {
            let (emails, problems) = read(text);
            assert_eq!(emails, expected, "{text}");
            assert_eq!(problems, [""; 0], "{text}");
        }
    }

    #[test]
    fn impossible_entry_is_reported_with_its_variable() {
        for entry in [
            "*",
            "*@example.com",
            "no-at-sign",
            "@example.com",
            "ann@",
            "a@b@c",
            "ann@example..com",
            "ann@.example.com",
            "ops@example.com;",
            "a@b.c d@e.f",
            "Ann <ann@example.com>",
            "\"ann\"@example.com",
        ] {
            let (emails, problems) = read(&format!("root@example.com,{entry}"));
            assert_eq!(emails, ["root@example.com"], "{entry}");
            assert_eq!(problems.len(), 1, "{entry}: {problems:?}");
            let start = format!("ADMIN_USER_EMAILS contains `{entry}`");
            assert!(problems[0].starts_with(&start), "{problems:?}");
        }
    }
}
