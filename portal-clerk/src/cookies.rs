//! Clerk's cookies in a request, and which of the two sets of them counts.

use axum::http::{HeaderMap, HeaderValue, header};
use url::Url;

/// More session cookies of a name than these are not looked at. Those of the plain name can be set
/// by every application of the host, and must leave room for ours.
const MAX_PLAIN: usize = 4;
const MAX_SUFFIXED: usize = 2;
pub(crate) const MAX_CANDIDATES: usize = MAX_PLAIN + MAX_SUFFIXED;

const SESSION: &str = "__session";
const CLIENT_UAT: &str = "__client_uat";
const DEV_BROWSER: &str = "__clerk_db_jwt";
pub(crate) const HANDSHAKE: &str = "__clerk_handshake";
pub(crate) const HANDSHAKE_NONCE: &str = "__clerk_handshake_nonce";
pub(crate) const REDIRECT_COUNT: &str = "__clerk_redirect_count";

/// The names of the cookies that a verifier looks at.
pub(crate) struct CookieNames {
    /// Names with the suffix of the instance; real Clerk only.
    pub(crate) instance: Option<InstanceNames>,
}

/// What is known of the cookies of a real instance.
pub(crate) struct InstanceNames {
    session: String,
    client_uat: String,
    refresh: String,
    dev_browser: String,
    /// Whether it is a development instance, which hands browsers over by a cookie of its own.
    pub(crate) development: bool,
}

impl CookieNames {
    /// A session cookie and nothing else.
    pub(crate) fn bare() -> Self {
        Self { instance: None }
    }

    /// The cookies of an instance, of which all have a plain and a suffixed name.
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

    /// The names of the cookies that make a session, to forget them.
    pub(crate) fn of_session(&self) -> impl Iterator<Item = &str> {
        let names = self.instance.as_ref().map(|names| {
            let (session, client_uat) = (names.session.as_str(), names.client_uat.as_str());
            [session, CLIENT_UAT, client_uat, names.refresh.as_str()]
        });
        std::iter::once(SESSION).chain(names.into_iter().flatten())
    }
}

/// `Set-Cookie` values that make a browser forget cookies of these names: those of the portal's
/// host, and those of a domain.
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

/// The domain whose cookies both Clerk's host and the portal's set and get.
pub(crate) fn shared_domain<'a>(clerk: &'a Url, portal: &str) -> Option<&'a str> {
    let (_, shared) = clerk.domain()?.split_once('.')?;
    let portal = Url::parse(portal).ok()?;
    let below = portal.domain()?.strip_suffix(shared)?;
    (shared.contains('.') && (below.is_empty() || below.ends_with('.'))).then_some(shared)
}

/// A session token in a cookie; both names may carry the same one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate<'a> {
    pub(crate) token: &'a str,
    pub(crate) plain: bool,
    pub(crate) suffixed: bool,
}

/// What stands beside a session cookie, under plain or suffixed names.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Companions<'a> {
    /// Since when the browser has its sessions, in seconds since 1970; 0 if it has none.
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
    /// Finds them. Of the same name only session cookies are looked at twice.
    pub(crate) fn of(headers: &'a HeaderMap, names: &CookieNames) -> Self {
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

/// Calls with name and value of each cookie. They are told apart before anything is decoded, and
/// nothing is: no value of Clerk's needs it.
pub(crate) fn each<'a>(headers: &'a HeaderMap, mut with: impl FnMut(&'a str, &'a str)) {
    let mut pair = |text: &'a str| {
        if let Some((name, value)) = text.trim().split_once('=') {
            with(name.trim_end(), value.trim_start());
        }
    };
    for value in headers.get_all(header::COOKIE) {
        match std::str::from_utf8(value.as_bytes()) {
            Ok(text) => text.split(';').for_each(&mut pair),
            // What another application has set must not sign anybody out here.
            Err(_) => value
                .as_bytes()
                .split(|byte| *byte == b';')
                .filter_map(|bytes| std::str::from_utf8(bytes).ok())
                .for_each(&mut pair),
        }
    }
}

/// What one of the two sets of cookies says; nothing of it need be true.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Side {
    pub(crate) session: Option<TokenLook>,
    pub(crate) client_uat: Option<i64>,
}

/// What a session token looks like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TokenLook {
    pub(crate) has_issuer: bool,
    /// Whether it names our instance as its issuer.
    pub(crate) is_ours: bool,
    pub(crate) issued_at: i64,
    pub(crate) is_expired: bool,
}

/// Whether the suffixed cookies count, or the plain ones. Only one set is ever read: another
/// application on the same domain may have written the other.
pub(crate) fn uses_suffixed(plain: &Side, suffixed: &Side, development: bool) -> bool {
    // What is not a token of Clerk's was not set by Clerk, and says nothing.
    let plain = &Side {
        session: plain.session.filter(|token| token.has_issuer),
        ..*plain
    };
    if plain.session.is_some_and(|token| !token.is_ours) {
        return true;
    }
    if suffixed.client_uat.is_none() && suffixed.session.is_none() {
        return false;
    }
    let issued_at = |side: &Side| side.session.map_or(0, |token| token.issued_at);
    let signed_out = |side: &Side| side.client_uat == Some(0);
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
        let cookies = Cookies::of(&headers, &names);
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
    fn session_cookies_of_both_names_are_looked_at_but_not_endlessly() {
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
            // Whatever stands under the plain name, ours has its place.
            (
                "__session=1; __session=2; __session=3; __session=4; __session=5; __session_abc=6",
                "1+ 2+ 3+ 4+ 6*",
            ),
            ("__session_abc=1; __session_abc=2; __session_abc=3", "1* 2*"),
            // Split first: what only looks like another cookie once decoded is none.
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
    fn what_stands_beside_a_session_is_found() {
        let headers = headers(&[
            b"__client_uat=12; __client_uat=13; __client_uat_abc=0; __clerk_db_jwt=d; __clerk_db_jwt_abc=e",
            b"__clerk_handshake=h; __clerk_handshake_nonce=n; __clerk_redirect_count=2; __client_uat_def=9",
        ]);
        let names = CookieNames::of_instance("abc", true);
        let cookies = Cookies::of(&headers, &names);
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
    fn a_time_that_is_none_counts_as_signed_out() {
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
            let cookies = Cookies::of(&headers, &CookieNames::bare());
            assert_eq!(cookies.plain.client_uat, expected, "{text}");
        }
    }

    /// A side in short: what the token is, then the time of the client.
    fn side(token: &str, client_uat: Option<i64>) -> Side {
        let look = TokenLook {
            has_issuer: true,
            is_ours: true,
            issued_at: 100,
            is_expired: false,
        };
        Side {
            session: match token {
                "" => None,
                "malformed" => Some(TokenLook::default()),
                "foreign" => Some(TokenLook {
                    is_ours: false,
                    ..look
                }),
                "newer" => Some(TokenLook {
                    issued_at: 200,
                    ..look
                }),
                "expired" => Some(TokenLook {
                    is_expired: true,
                    ..look
                }),
                "ours" => Some(look),
                token => unreachable!("{token}"),
            },
            client_uat,
        }
    }

    #[test]
    fn one_of_the_two_sets_of_cookies_counts() {
        let (plain, suffixed) = (false, true);
        for (the_plain, the_suffixed, expected) in [
            // A token without an issuer belongs to no instance and does not displace ours.
            (side("malformed", Some(1)), side("ours", Some(1)), suffixed),
            (side("malformed", None), side("ours", Some(1)), suffixed),
            (side("malformed", Some(1)), side("", None), plain),
            // That of another instance leaves ours to the suffix.
            (side("foreign", Some(1)), side("ours", Some(1)), suffixed),
            (side("foreign", Some(1)), side("", None), suffixed),
            (side("ours", Some(1)), side("", None), plain),
            (side("", None), side("", None), plain),
            // Both are signed in: the newer one.
            (side("newer", Some(1)), side("ours", Some(1)), plain),
            (side("ours", Some(1)), side("newer", Some(1)), suffixed),
            (side("ours", Some(1)), side("ours", Some(1)), suffixed),
            // Signed out under the suffix, signed in without.
            (side("ours", Some(1)), side("ours", Some(0)), plain),
            (side("ours", None), side("ours", Some(0)), plain),
            (side("ours", Some(0)), side("ours", Some(0)), suffixed),
            // The other way round; in development only if the token is still good.
            (side("", Some(0)), side("ours", Some(1)), suffixed),
            (side("newer", Some(0)), side("ours", Some(1)), suffixed),
            // A session without its time is not believed.
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
