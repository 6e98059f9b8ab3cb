//! Clerk's cookies: parsing, and the choice between the plain and the suffixed set.

use axum::http::{HeaderMap, HeaderValue, header};
use url::Url;

/// Maximum number of session cookies considered per name; additional ones are ignored.
///
/// Any application on the host can set cookies with the plain name; they must not displace the
/// portal's.
const MAX_PLAIN: usize = 4;
const MAX_SUFFIXED: usize = 2;
pub(crate) const MAX_CANDIDATES: usize = MAX_PLAIN + MAX_SUFFIXED;

const SESSION: &str = "__session";
const CLIENT_UAT: &str = "__client_uat";
const DEV_BROWSER: &str = "__clerk_db_jwt";
pub(crate) const HANDSHAKE: &str = "__clerk_handshake";
pub(crate) const HANDSHAKE_NONCE: &str = "__clerk_handshake_nonce";
pub(crate) const REDIRECT_COUNT: &str = "__clerk_redirect_count";

/// Names of the cookies that a verifier reads.
pub(crate) struct CookieNames {
    /// Names of the instance's cookies; `None` without Clerk.
    pub(crate) instance: Option<InstanceNames>,
}

/// Cookie names of a Clerk instance.
pub(crate) struct InstanceNames {
    session: String,
    client_uat: String,
    refresh: String,
    dev_browser: String,
    /// `true` for a development instance, which identifies browsers through a separate cookie.
    pub(crate) development: bool,
}

impl CookieNames {
    /// Creates the names for a verifier that reads only the session cookie.
    pub(crate) fn session_only() -> Self {
        Self { instance: None }
    }

    /// Creates the names for an instance, each with a plain and a suffixed variant.
    pub(crate) fn of_instance(suffix: &str, development: bool) -> Self {
        let name = |name: &str| format!("{name}_{suffix}");
        Self {
            instance: Some(InstanceNames {
                session: name(SESSION),
                client_uat: name(CLIENT_UAT),
                refresh: name("__refresh"),
                dev_browser: name(DEV_BROWSER),
                development,
            }),
        }
    }

    /// Returns the names of the cookies that make up a session, so that they can be cleared.
    pub(crate) fn of_session(&self) -> impl Iterator<Item = &str> {
        let names = self.instance.as_ref().map(|names| {
            let (session, client_uat) = (names.session.as_str(), names.client_uat.as_str());
            [session, CLIENT_UAT, client_uat, names.refresh.as_str()]
        });
        std::iter::once(SESSION).chain(names.into_iter().flatten())
    }
}

/// Returns `Set-Cookie` values that clear the cookies with these names, both for the host and for
/// the domain.
pub(crate) fn forget<'a>(
    names: impl Iterator<Item = &'a str>,
    domain: Option<&str>,
) -> Vec<HeaderValue> {
    let domain = domain.map(|domain| format!("; Domain={domain}"));
    let expired = |name: &str, domain: &str| {
        HeaderValue::try_from(format!("{name}=; Path=/{domain}; Max-Age=0; SameSite=Lax")).ok()
    };
    names
        .flat_map(|name| {
            let shared = domain.as_deref().and_then(|domain| expired(name, domain));
            expired(name, "").into_iter().chain(shared)
        })
        .collect()
}

/// Returns the domain whose cookies both Clerk's host and the portal's host can set and read.
pub(crate) fn shared_domain<'a>(clerk: &'a Url, portal: &str) -> Option<&'a str> {
    let (_, shared) = clerk.domain()?.split_once('.')?;
    let portal = Url::parse(portal).ok()?;
    let below = portal.domain()?.strip_suffix(shared)?;
    (shared.contains('.') && (below.is_empty() || below.ends_with('.'))).then_some(shared)
}

/// A session token from a cookie; the cookies with both names may contain the same token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate<'a> {
    pub(crate) token: &'a str,
    pub(crate) plain: bool,
    pub(crate) suffixed: bool,
}

/// Cookies that accompany a session cookie, under plain or suffixed names.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Companions<'a> {
    /// Time at which the browser's sessions started, in seconds since 1970; 0 if it has none.
    pub(crate) client_uat: Option<i64>,
    pub(crate) dev_browser: Option<&'a str>,
}

/// Clerk's cookies in a request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Cookies<'a> {
    pub(crate) sessions: [Option<Candidate<'a>>; MAX_CANDIDATES],
    pub(crate) plain: Companions<'a>,
    pub(crate) suffixed: Companions<'a>,
    pub(crate) handshake: Option<&'a str>,
    pub(crate) handshake_nonce: Option<&'a str>,
    pub(crate) redirect_count: Option<&'a str>,
}

impl<'a> Cookies<'a> {
    /// Reads the cookies of a request.
    ///
    /// Only session cookies may occur more than once; for other names, the first cookie counts.
    pub(crate) fn from_headers(headers: &'a HeaderMap, names: &CookieNames) -> Self {
        let mut cookies = Self::default();
        each(headers, |name, value| {
            if !name.starts_with("__") || value.is_empty() {
                return;
            }
            let instance = names.instance.as_ref();
            let uat = || Some(value.parse().unwrap_or(0).max(0));
            match name {
                SESSION => cookies.add(value, true),
                CLIENT_UAT if cookies.plain.client_uat.is_none() => {
                    cookies.plain.client_uat = uat();
                }
                DEV_BROWSER => keep(&mut cookies.plain.dev_browser, value),
                HANDSHAKE => keep(&mut cookies.handshake, value),
                HANDSHAKE_NONCE => keep(&mut cookies.handshake_nonce, value),
                REDIRECT_COUNT => keep(&mut cookies.redirect_count, value),
                name => match instance {
                    Some(names) if name == names.session => cookies.add(value, false),
                    Some(names)
                        if name == names.client_uat && cookies.suffixed.client_uat.is_none() =>
                    {
                        cookies.suffixed.client_uat = uat();
                    }
                    Some(names) if name == names.dev_browser => {
                        keep(&mut cookies.suffixed.dev_browser, value);
                    }
                    _ => {}
                },
            }
        });
        cookies
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, token: &'a str, plain: bool) {
        let known = |candidate: &&mut Candidate<'a>| candidate.token == token;
        if let Some(candidate) = self.sessions.iter_mut().flatten().find(known) {
            candidate.plain |= plain;
            candidate.suffixed |= !plain;
            return;
        }
        let of_name = self
            .sessions
            .iter()
            .flatten()
            .filter(|candidate| match plain {
                true => candidate.plain,
                false => !candidate.plain,
            });
        let limit = if plain { MAX_PLAIN } else { MAX_SUFFIXED };
        if of_name.count() >= limit {
            return;
        }
        if let Some(place) = self.sessions.iter_mut().find(|place| place.is_none()) {
            *place = Some(Candidate {
                token,
                plain,
                suffixed: !plain,
            });
        }
    }
}

fn keep<'a>(place: &mut Option<&'a str>, value: &'a str) {
    place.get_or_insert(value);
}

/// Calls `with` with the name and value of each cookie.
///
/// Values are never decoded, neither before nor after splitting, because Clerk's values do not
/// require it.
pub(crate) fn each<'a>(headers: &'a HeaderMap, mut with: impl FnMut(&'a str, &'a str)) {
    let mut pair = |text: &'a str| {
        if let Some((name, value)) = text.trim().split_once('=') {
            with(name.trim_end(), value.trim_start());
        }
    };
    for value in headers.get_all(header::COOKIE) {
        match std::str::from_utf8(value.as_bytes()) {
            Ok(text) => text.split(';').for_each(&mut pair),
            // An unreadable cookie from another application must not sign users out.
            Err(_) => value
                .as_bytes()
                .split(|byte| *byte == b';')
                .filter_map(|bytes| std::str::from_utf8(bytes).ok())
                .for_each(&mut pair),
        }
    }
}

/// Unverified content of one of the two sets of cookies.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CookieSet {
    pub(crate) session: Option<TokenPreview>,
    pub(crate) client_uat: Option<i64>,
}

/// Unverified properties of a session token.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TokenPreview {
    pub(crate) has_issuer: bool,
    /// `true` if the token's issuer is this instance.
    pub(crate) is_ours: bool,
    pub(crate) issued_at: i64,
    pub(crate) is_expired: bool,
}

/// Returns `true` if the suffixed cookies apply instead of the plain ones.
///
/// Only one set is used, because the other may have been written by another application on the same
/// domain.
pub(crate) fn uses_suffixed(plain: &CookieSet, suffixed: &CookieSet, development: bool) -> bool {
    // A token without an issuer was not set by Clerk and must be ignored.
    let plain = &CookieSet {
        session: plain.session.filter(|token| token.has_issuer),
        ..*plain
    };
    if plain.session.is_some_and(|token| !token.is_ours) {
        return true;
    }
    if suffixed.client_uat.is_none() && suffixed.session.is_none() {
        return false;
    }
    let issued_at = |side: &CookieSet| side.session.map_or(0, |token| token.issued_at);
    let signed_out = |side: &CookieSet| side.client_uat == Some(0);
    if signed_out(suffixed) {
        return signed_out(plain);
    }
    if !signed_out(plain) && issued_at(plain) > issued_at(suffixed) {
        return false;
    }
    let is_expired = suffixed.session.is_some_and(|token| token.is_expired);
    if development && signed_out(plain) && is_expired {
        return false;
    }
    suffixed.client_uat.is_some() || suffixed.session.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[&[u8]]) -> HeaderMap {
        let values = list.iter().map(|value| value.to_vec());
        values
            .map(|value| (header::COOKIE, value.try_into().unwrap()))
            .collect()
    }

    fn sessions(list: &[&[u8]]) -> String {
        let headers = headers(list);
        let names = CookieNames::of_instance("abc", true);
        let cookies = Cookies::from_headers(&headers, &names);
        let texts = cookies.sessions.iter().flatten().map(|candidate| {
            let mark = |is: bool, mark| if is { mark } else { "" };
            format!(
                "{}{}{}",
                candidate.token,
                mark(candidate.plain, "+"),
                mark(candidate.suffixed, "*")
            )
        });
        texts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn session_cookies_with_both_names_are_read_up_to_a_limit() {
        for (cookie, expected) in [
            ("__session=", ""),
            ("x__session=a; __sessionx=b; __session_def=c", ""),
            ("__session=a; __session_abc=b", "a+ b*"),
            ("__session_abc=b; __session=a", "b* a+"),
            ("__session=a; __session_abc=a", "a+*"),
            (" __session=a ;b", "a+"),
            ("__session = a", "a+"),
            ("__Session=a; __SESSION=b", ""),
            (
                "__session=1; __session=2; __session=3; __session=4; __session=5",
                "1+ 2+ 3+ 4+",
            ),
            (
                "__session=1; __session=2; __session=3; __session=4; __session_abc=4; __session_abc=5",
                "1+ 2+ 3+ 4+* 5*",
            ),
            // Plain cookies must not displace the suffixed one.
            (
                "__session=1; __session=2; __session=3; __session=4; __session=5; __session_abc=6",
                "1+ 2+ 3+ 4+ 6*",
            ),
            ("__session_abc=1; __session_abc=2; __session_abc=3", "1* 2*"),
            // Cookies are split without decoding: an encoded separator does not start another
            // cookie.
            ("x=1%3B%20__session=a", ""),
            ("__session=a%3Bb", "a%3Bb+"),
        ] {
            assert_eq!(sessions(&[cookie.as_bytes()]), expected, "{cookie}");
        }
        assert_eq!(sessions(&[b"__session=1", b"__session=2"]), "1+ 2+");
        assert_eq!(sessions(&[b"other=\xff\xfe; __session=1"]), "1+");
        assert_eq!(sessions(&[b"__session=\xff; other=1"]), "");
        assert_eq!(sessions(&[]), "");
    }

    #[test]
    fn companion_cookies_are_read() {
        let headers = headers(&[
            b"__client_uat=12; __client_uat=13; __client_uat_abc=0; __clerk_db_jwt=d; __clerk_db_jwt_abc=e",
            b"__clerk_handshake=h; __clerk_handshake_nonce=n; __clerk_redirect_count=2; __client_uat_def=9",
        ]);
        let names = CookieNames::of_instance("abc", true);
        let cookies = Cookies::from_headers(&headers, &names);
        let companions = |client_uat, dev_browser| Companions {
            client_uat: Some(client_uat),
            dev_browser: Some(dev_browser),
        };
        assert_eq!(cookies.plain, companions(12, "d"));
        assert_eq!(cookies.suffixed, companions(0, "e"));
        assert_eq!(cookies.handshake, Some("h"));
        assert_eq!(cookies.handshake_nonce, Some("n"));
        assert_eq!(cookies.redirect_count, Some("2"));
        assert!(!cookies.is_empty());
    }

    #[test]
    fn invalid_client_uat_means_signed_out() {
        for (text, expected) in [
            ("12", Some(12)),
            ("0", Some(0)),
            ("", None),
            ("x", Some(0)),
            ("12x", Some(0)),
            ("-1", Some(0)),
            ("99999999999999999999", Some(0)),
        ] {
            let headers = headers(&[format!("__client_uat={text}").as_bytes()]);
            let cookies = Cookies::from_headers(&headers, &CookieNames::session_only());
            assert_eq!(cookies.plain.client_uat, expected, "{text}");
        }
    }

    /// Creates a set from a word that describes the token, and the `client_uat`.
    fn side(token: &str, client_uat: Option<i64>) -> CookieSet {
        let preview = TokenPreview {
            has_issuer: true,
            is_ours: true,
            issued_at: 100,
            is_expired: false,
        };
        CookieSet {
            session: match token {
                "" => None,
                "malformed" => Some(TokenPreview::default()),
                "foreign" => Some(TokenPreview {
                    is_ours: false,
                    ..preview
                }),
                "newer" => Some(TokenPreview {
                    issued_at: 200,
                    ..preview
                }),
                "expired" => Some(TokenPreview {
                    is_expired: true,
                    ..preview
                }),
                "ours" => Some(preview),
                token => unreachable!("{token}"),
            },
            client_uat,
        }
    }

    #[test]
    fn one_of_the_two_cookie_sets_is_chosen() {
        let (plain, suffixed) = (false, true);
        for (the_plain, the_suffixed, expected) in [
            // A token without an issuer was not issued by any instance and must not displace ours.
            (side("malformed", Some(1)), side("ours", Some(1)), suffixed),
            (side("malformed", None), side("ours", Some(1)), suffixed),
            (side("malformed", Some(1)), side("", None), plain),
            // If the plain token is from another instance, the suffixed set applies.
            (side("foreign", Some(1)), side("ours", Some(1)), suffixed),
            (side("foreign", Some(1)), side("", None), suffixed),
            (side("ours", Some(1)), side("", None), plain),
            (side("", None), side("", None), plain),
            // Both sets are signed in, so the newer one applies.
            (side("newer", Some(1)), side("ours", Some(1)), plain),
            (side("ours", Some(1)), side("newer", Some(1)), suffixed),
            (side("ours", Some(1)), side("ours", Some(1)), suffixed),
            // The suffixed set is signed out and the plain one is signed in.
            (side("ours", Some(1)), side("ours", Some(0)), plain),
            (side("ours", None), side("ours", Some(0)), plain),
            (side("ours", Some(0)), side("ours", Some(0)), suffixed),
            // The reverse case; in development, the suffixed set applies only if its token is still
            // valid.
            (side("", Some(0)), side("ours", Some(1)), suffixed),
            (side("newer", Some(0)), side("ours", Some(1)), suffixed),
            // A session without `client_uat` is ignored.
            (side("", None), side("ours", None), plain),
            (side("", Some(1)), side("ours", None), plain),
            (side("", None), side("", Some(1)), suffixed),
            (side("", None), side("ours", Some(1)), suffixed),
        ] {
            for development in [false, true] {
                assert_eq!(
                    uses_suffixed(&the_plain, &the_suffixed, development),
                    expected,
                    "{the_plain:?} {the_suffixed:?}"
                );
            }
        }
        let (plain, suffixed) = (side("", Some(0)), side("expired", Some(1)));
        assert!(!uses_suffixed(&plain, &suffixed, true));
        assert!(uses_suffixed(&plain, &suffixed, false));
    }
}
