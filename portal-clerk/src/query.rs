//! Clerk's parameters in the query strings of pages.

use url::form_urlencoded;

use crate::cookies::{HANDSHAKE, HANDSHAKE_NONCE};

/// Parameter by which a development instance identifies the browser to a page.
pub(crate) const DEV_BROWSER: &str = "__clerk_db_jwt";

/// Parameters that Clerk adds to URLs, and which are not meant for pages.
const CLERKS: [&str; 5] = [
    DEV_BROWSER,
    "__dev_session",
    HANDSHAKE,
    HANDSHAKE_NONCE,
    "__clerk_help",
];

/// Returns the first value of a parameter, unless it is empty.
pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
        .filter(|value| !value.is_empty())
}

pub(crate) fn has(query: &str, name: &str) -> bool {
    value(query, name).is_some()
}

/// Returns a query string without Clerk's parameters; it starts with `?` unless it is empty.
///
/// The remaining parameters are unchanged.
pub(crate) fn cleaned(query: Option<&str>) -> String {
    let mut cleaned = String::new();
    for pair in query.unwrap_or_default().split('&') {
        let name = form_urlencoded::parse(pair.as_bytes()).next();
        let clerks = name.is_some_and(|(name, _)| CLERKS.contains(&name.as_ref()));
        if !pair.is_empty() && !clerks {
            cleaned.push(if cleaned.is_empty() { '?' } else { '&' });
            cleaned.push_str(pair);
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clerk_parameters_are_removed() {
        for (query, expected) in [
            (None, ""),
            (Some(""), ""),
            (Some("a=b"), "?a=b"),
            (Some("a=%2F&b=+&c"), "?a=%2F&b=+&c"),
            (Some("__clerk_db_jwt=x"), ""),
            (Some("a=1&__clerk_db_jwt=x&b=2"), "?a=1&b=2"),
            (
                Some(
                    "__dev_session=x&__clerk_handshake=y&__clerk_handshake_nonce=z&__clerk_help=1&a=1",
                ),
                "?a=1",
            ),
            (Some("%5F_clerk_db_jwt=x&a=1"), "?a=1"),
            (Some("x__clerk_db_jwt=x"), "?x__clerk_db_jwt=x"),
            (Some("a=__clerk_db_jwt"), "?a=__clerk_db_jwt"),
            (Some("&&a=1&"), "?a=1"),
        ] {
            assert_eq!(cleaned(query), expected, "{query:?}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(value("a=1&b=%2Fx", "b").as_deref(), Some("/x"));
        assert_eq!(value("b=", "b"), None);
        assert!(has("a=1&__clerk_db_jwt=x", DEV_BROWSER));
        assert!(!has("a=__clerk_db_jwt", DEV_BROWSER));
        assert!(!has("__clerk_db_jwt", DEV_BROWSER));
    }
}
