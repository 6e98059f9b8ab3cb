//! Which token of a request counts.

use axum::http::{HeaderMap, header};
use portal_core::auth::AuthError;

/// More cookies of one name than this are not looked at.
const MAX_CANDIDATES: usize = 4;

const COOKIE: &str = "__session";

/// The names of the cookies that carry a session.
pub(crate) struct CookieNames {
    /// `__session_` and the suffix of the instance; real Clerk only.
    pub(crate) suffixed: Option<String>,
}

impl CookieNames {
    pub(crate) fn new(suffix: Option<&str>) -> Self {
        Self {
            suffixed: suffix.map(|suffix| format!("{COOKIE}_{suffix}")),
        }
    }

    /// All names, to forget them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::once(COOKIE).chain(self.suffixed.as_deref())
    }
}

/// What a request carries to say who is calling.
#[derive(Debug, PartialEq)]
pub(crate) enum Credential<'a> {
    /// Nothing that is meant for us.
    None,
    /// A `Bearer` header; `None` if there is no token in it that could be read.
    Header(Option<&'a str>),
    /// Cookies that may be a session, of which each has to be tried.
    Cookies([Option<&'a str>; MAX_CANDIDATES]),
}

/// Finds the credential. A `Bearer` header counts before every cookie, also if it is wrong.
pub(crate) fn find<'a>(
    headers: &'a HeaderMap,
    names: &CookieNames,
) -> Result<Credential<'a>, AuthError> {
    let mut authorization = headers.get_all(header::AUTHORIZATION).iter();
    let first = authorization.next();
    if authorization.next().is_some() {
        return Err(AuthError::BadRequest("send one Authorization header"));
    }
    if let Some(value) = first {
        let value = value.as_bytes();
        let end = value
            .iter()
            .position(|byte| *byte == b' ')
            .unwrap_or(value.len());
        let (scheme, token) = value.split_at(end);
        if scheme.eq_ignore_ascii_case(b"bearer") {
            let token = std::str::from_utf8(token).ok().map(str::trim);
            return Ok(Credential::Header(token.filter(|token| !token.is_empty())));
        }
    }
    Ok(cookies(headers, names))
}

fn cookies<'a>(headers: &'a HeaderMap, names: &CookieNames) -> Credential<'a> {
    let mut candidates = [None; MAX_CANDIDATES];
    let mut count = 0;
    let pairs = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    for (name, value) in pairs {
        let ours = name == COOKIE || Some(name) == names.suffixed.as_deref();
        let seen = candidates.contains(&Some(value));
        if ours && !value.is_empty() && !seen && count < MAX_CANDIDATES {
            candidates[count] = Some(value);
            count += 1;
        }
    }
    match count {
        0 => Credential::None,
        _ => Credential::Cookies(candidates),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(list: &[(&str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| {
                (
                    name.parse::<HeaderName>().unwrap(),
                    value.parse::<HeaderValue>().unwrap(),
                )
            })
            .collect()
    }

    fn found(list: &[(&str, &str)]) -> String {
        let names = CookieNames::new(Some("abc"));
        let headers = headers(list);
        match find(&headers, &names) {
            Err(error) => error.to_string(),
            Ok(Credential::None) => "-".to_owned(),
            Ok(Credential::Header(token)) => format!("header {}", token.unwrap_or("-")),
            Ok(Credential::Cookies(tokens)) => {
                let tokens: Vec<&str> = tokens.into_iter().flatten().collect();
                format!("cookies {}", tokens.join(" "))
            }
        }
    }

    #[test]
    fn the_header_counts_before_the_cookie() {
        let cookie = ("cookie", "a=b; __session=c; __session_x=y");
        for (list, expected) in [
            (&[cookie][..], "cookies c"),
            (&[("authorization", "Bearer t"), cookie], "header t"),
            (&[("authorization", "bearer t"), cookie], "header t"),
            (&[("authorization", "BEARER  t "), cookie], "header t"),
            (&[("authorization", "Bearer"), cookie], "header -"),
            (&[("authorization", "Bearer "), cookie], "header -"),
            (&[("authorization", "Basic t"), cookie], "cookies c"),
            (&[("authorization", "t"), cookie], "cookies c"),
            (&[("authorization", ""), cookie], "cookies c"),
            (
                &[
                    ("authorization", "Bearer t"),
                    ("authorization", "Basic x"),
                    cookie,
                ],
                "send one Authorization header",
            ),
            (&[("authorization", "Basic t")], "-"),
            (&[], "-"),
        ] {
            assert_eq!(found(list), expected, "{list:?}");
        }
    }

    #[test]
    fn cookies_of_both_names_are_tried_but_not_endlessly() {
        for (cookie, expected) in [
            ("__session=", "-"),
            ("x__session=a; __sessionx=b; __session_def=c", "-"),
            ("__session=a; __session_abc=b", "cookies a b"),
            ("__session=a; __session_abc=a", "cookies a"),
            (" __session=a ;b", "cookies a"),
            (
                "__session=1; __session=2; __session=3; __session=4; __session=5",
                "cookies 1 2 3 4",
            ),
        ] {
            assert_eq!(found(&[("cookie", cookie)]), expected);
        }
        assert_eq!(
            found(&[("cookie", "__session=1"), ("cookie", "__session=2")]),
            "cookies 1 2"
        );
    }
}
