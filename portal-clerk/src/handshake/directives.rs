//! Cookies set by a handshake.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::Cookie;

use crate::cookies::{HANDSHAKE, each};

/// Maximum number of cookies; Clerk never sends more.
const MAX_DIRECTIVES: usize = 16;

/// Names of Clerk's cookies, without an instance's suffix.
///
/// All other cookies must be rejected, because an attacker could otherwise replace the portal's own
/// cookies.
const NAMES: [&str; 5] = [
    "__session",
    "__client_uat",
    "__refresh",
    "__clerk_db_jwt",
    HANDSHAKE,
];

/// Cookies to set, all of which have been verified to be Clerk's.
#[derive(Debug)]
pub(crate) struct Directives(Vec<Directive>);

#[derive(Debug)]
struct Directive {
    header: HeaderValue,
    name: String,
    /// Value of the cookie; `None` removes the cookie.
    value: Option<String>,
}

impl Directives {
    /// Parses `Set-Cookie` values.
    ///
    /// Cookies with other names are omitted. If a header is invalid or there are too many headers,
    /// all cookies are rejected.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, &'static str> {
        if texts.is_empty() {
            return Err("no cookies");
        }
        if texts.len() > MAX_DIRECTIVES {
            return Err("too many cookies");
        }
        let mut directives = Vec::new();
        for text in texts {
            // A line break would start another header. Clerk sends only printable ASCII characters,
            // so all other bytes are rejected.
            if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Err("invalid characters in a cookie");
            }
            let header = HeaderValue::from_str(text).map_err(|_| "an invalid header")?;
            let cookie = Cookie::parse(text.as_str()).map_err(|_| "an invalid cookie")?;
            if !is_clerks(cookie.name()) {
                tracing::warn!(
                    name = cookie.name(),
                    "ignoring a handshake cookie that is not Clerk's"
                );
                continue;
            }
            let ends = cookie.max_age().is_some_and(|age| !age.is_positive())
                || cookie
                    .expires_datetime()
                    .is_some_and(|time| time.unix_timestamp() <= 0);
            let value = cookie.value();
            directives.push(Directive {
                header,
                name: cookie.name().to_owned(),
                value: (!ends && !value.is_empty()).then(|| value.to_owned()),
            });
        }
        Ok(Self(directives))
    }

    /// Returns the session tokens among the cookies, without duplicates.
    pub(crate) fn sessions(&self) -> Vec<&str> {
        let mut tokens = Vec::new();
        let sessions = self.0.iter().filter(|directive| {
            directive.name == "__session" || directive.name.starts_with("__session_")
        });
        for token in sessions.filter_map(|directive| directive.value.as_deref()) {
            if !tokens.contains(&token) {
                tokens.push(token);
            }
        }
        tokens
    }

    pub(crate) fn set_cookies(&self) -> Vec<HeaderValue> {
        self.0
            .iter()
            .map(|directive| directive.header.clone())
            .collect()
    }

    /// Replaces a request's cookies with those that the browser will have after the response.
    pub(crate) fn apply_to(&self, headers: &mut HeaderMap) {
        let mut pairs = String::new();
        let mut add = |name: &str, value: &str| {
            let separator = if pairs.is_empty() { "" } else { "; " };
            // Writing to a string cannot fail.
            let _ = write!(pairs, "{separator}{name}={value}");
        };
        let replaced = |name: &str| self.0.iter().any(|directive| directive.name == name);
        each(headers, |name, value| {
            if !replaced(name) && !name.starts_with(HANDSHAKE) {
                add(name, value);
            }
        });
        for (at, directive) in self.0.iter().enumerate() {
            // As in browsers, the last cookie with a given name applies.
            let last = !self.0[at + 1..]
                .iter()
                .any(|later| later.name == directive.name);
            if let Some(value) = directive.value.as_deref().filter(|_| last) {
                add(&directive.name, value);
            }
        }
        headers.remove(header::COOKIE);
        if let Ok(value) = HeaderValue::try_from(pairs)
            && !value.is_empty()
        {
            headers.insert(header::COOKIE, value);
        }
    }
}

fn is_clerks(name: &str) -> bool {
    NAMES.iter().any(|known| match name.strip_prefix(known) {
        Some(rest) => rest.is_empty() || rest.starts_with('_'),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Result<Directives, &'static str> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Directives::parse(&texts)
    }

    #[test]
    fn only_clerk_cookies_are_set() {
        let kept = [
            "__session=a.b.c; Path=/",
            "__session_abc=a.b.c; Path=/; Secure",
            "__client_uat=1; Domain=example.com",
            "__client_uat_abc=1",
            "__refresh_abc=x; HttpOnly",
            "__clerk_db_jwt=x",
            "__clerk_handshake_nonce=; Max-Age=0",
        ];
        let dropped = [
            "session=x",
            "__sessionx=x",
            "portal_theme=x",
            "__Host-portal=x",
            "__clerk_redirect_count=0",
            "__clerk=x",
            "__Session=x",
        ];
        let mut all = kept.to_vec();
        all.extend(dropped);
        assert_eq!(parse(&all).unwrap().set_cookies(), kept);
    }

    #[test]
    fn invalid_header_rejects_the_whole_handshake() {
        let good = "__session=a";
        assert!(parse(&[good]).is_ok());
        assert!(parse(&[good; 16]).is_ok());
        for bad in [
            &[good; 17][..],
            &[],
            &[good, "__session=a\r\nSet-Cookie: b=c"],
            &[good, "__session=a\nb"],
            &[good, "__session=a\rb"],
            &[good, "__session=a\0b"],
            &[good, "__session=ä"],
            &[good, "__session"],
            &[good, "=a"],
            &[good, ""],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn session_tokens_are_found_except_removed_ones() {
        for (texts, expected) in [
            (&["__session=a", "__session_abc=a"][..], &["a"][..]),
            (&["__session=a", "__session_abc=b"], &["a", "b"]),
            (&["__session=", "__client_uat=0"], &[]),
            (&["__session=a; Max-Age=0"], &[]),
            (&["__session=a; Max-Age=-1"], &[]),
            (&["__session=a; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], &[]),
            (&["__session=a; Max-Age=60"], &["a"]),
        ] {
            assert_eq!(parse(texts).unwrap().sessions(), expected, "{texts:?}");
        }
    }

    #[test]
    fn request_continues_with_the_new_cookies() {
        let directives = parse(&[
            "__session=old",
            "__session=new; Path=/",
            "__client_uat=2",
            "__session_abc=; Max-Age=0",
        ])
        .unwrap();
        let mut headers = HeaderMap::new();
        for value in [
            "a=1; __session=x; __session=y; __session_abc=z",
            "__clerk_handshake_nonce=n; __clerk_handshake=h; b=2",
        ] {
            headers.append(header::COOKIE, HeaderValue::from_static(value));
        }
        directives.apply_to(&mut headers);
        let values: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
        assert_eq!(values, ["a=1; b=2; __session=new; __client_uat=2"]);

        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("__session=x"));
        let signed_out = parse(&["__session=; Max-Age=0"]).unwrap();
        signed_out.apply_to(&mut headers);
        assert!(!headers.contains_key(header::COOKIE));
    }
}
