//! The cookies that a handshake asks for.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::Cookie;

use crate::cookies::{HANDSHAKE, each};

/// More are not Clerk's doing.
const MAX_DIRECTIVES: usize = 16;

/// What the names of Clerk's cookies begin with, the suffix of an instance behind it. No other
/// cookie may be set: with the portal's own one could do harm.
const NAMES: [&str; 5] = [
    "__session",
    "__client_uat",
    "__refresh",
    "__clerk_db_jwt",
    HANDSHAKE,
];

/// Cookies to set, checked to be Clerk's own.
#[derive(Debug)]
pub(crate) struct Directives(Vec<Directive>);

#[derive(Debug)]
struct Directive {
    header: HeaderValue,
    name: String,
    /// `None` takes the cookie away.
    value: Option<String>,
}

impl Directives {
    /// Reads `Set-Cookie` values. Those of other names are left out; one that is no header, or too
    /// many of them, and none is taken.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, &'static str> {
        if texts.is_empty() {
            return Err("there are none");
        }
        if texts.len() > MAX_DIRECTIVES {
            return Err("there are too many");
        }
        let mut directives = Vec::new();
        for text in texts {
            // A line break would begin another header; nor does Clerk write anything but ASCII.
            if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Err("one has characters that no cookie has");
            }
            let header = HeaderValue::from_str(text).map_err(|_| "one is no header")?;
            let cookie = Cookie::parse(text.as_str()).map_err(|_| "one is no cookie")?;
            if !is_clerks(cookie.name()) {
                tracing::warn!(
                    name = cookie.name(),
                    "a handshake asks for a cookie that is not Clerk's"
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

    /// The session tokens among them, each once.
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

    /// Gives a request the cookies that its browser will have.
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
            // Of the same name the last one counts, as in a browser.
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
    fn only_clerks_own_cookies_are_set() {
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
    fn what_is_no_header_spoils_the_whole_handshake() {
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
    fn session_tokens_are_found_and_those_that_end_are_not() {
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
    fn a_request_goes_on_with_the_cookies_that_its_browser_will_have() {
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
