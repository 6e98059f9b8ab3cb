//! The credential in a request, and its location.

use axum::http::{HeaderMap, header};
use portal_core::auth::AuthError;

/// Credential that identifies the caller.
#[derive(Debug, PartialEq)]
pub(crate) enum Credential<'a> {
    /// The `Bearer` header's token; `None` if it is not readable.
    Header(Option<&'a str>),
    /// The cookies, because there is no `Bearer` header.
    Cookies,
}

/// Finds the credential. A `Bearer` header takes precedence over cookies, even if it is invalid.
pub(crate) fn find_credential(headers: &HeaderMap) -> Result<Credential<'_>, AuthError> {
    let mut authorization = headers.get_all(header::AUTHORIZATION).iter();
    let first = authorization.next();
    if authorization.next().is_some() {
        return Err(AuthError::BadRequest("send only one Authorization header"));
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
    Ok(Credential::Cookies)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn found(list: &[(&str, &str)]) -> String {
        let headers: HeaderMap = list
            .iter()
            .map(|(name, value)| {
                (
                    name.parse::<HeaderName>().unwrap(),
                    value.parse::<HeaderValue>().unwrap(),
                )
            })
            .collect();
        match find_credential(&headers) {
            Err(error) => error.to_string(),
            Ok(Credential::Cookies) => "cookies".to_owned(),
            Ok(Credential::Header(token)) => format!("header {}", token.unwrap_or("-")),
        }
    }

    #[test]
    fn bearer_header_takes_precedence_over_cookies() {
        let cookie = ("cookie", "__session=c");
        for (list, expected) in [
            (&[("authorization", "Bearer t"), cookie][..], "header t"),
            (&[("authorization", "bearer t")], "header t"),
            (&[("authorization", "BEARER  t ")], "header t"),
            (&[("authorization", "Bearer"), cookie], "header -"),
            (&[("authorization", "Bearer "), cookie], "header -"),
            (&[("authorization", "Basic t"), cookie], "cookies"),
            (&[("authorization", "t"), cookie], "cookies"),
            (&[("authorization", ""), cookie], "cookies"),
            (
                &[
                    ("authorization", "Bearer t"),
                    ("authorization", "Basic x"),
                    cookie,
                ],
                "send only one Authorization header",
            ),
            (&[("authorization", "Basic t")], "cookies"),
            (&[cookie], "cookies"),
            (&[], "cookies"),
        ] {
            assert_eq!(found(list), expected, "{list:?}");
        }
    }
}
