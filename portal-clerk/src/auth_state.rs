//! Authentication state of a request: signed in, signed out, or a handshake with Clerk.
//!
//! The functions are pure: they access neither the request nor a clock. There is a test for each
//! row of Clerk's decision table.

use crate::token::Rejection;

/// Authentication state of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthState {
    SignedIn,
    /// The caller is signed out, for the given reason, which is logged.
    SignedOut(&'static str),
    /// A browser that is opening a page is redirected to Clerk and returns with new cookies. For
    /// any other request, this counts as signed out.
    Handshake(&'static str),
}

impl AuthState {
    /// Returns the reason, or an empty string if the caller is signed in.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::SignedIn => "",
            Self::SignedOut(reason) | Self::Handshake(reason) => reason,
        }
    }
}

/// Facts about a request that determine its authentication state.
#[derive(Clone, Copy)]
pub(crate) struct RequestFacts<'a> {
    /// State of the browser at a development instance; `None` for other instances.
    pub(crate) development: Option<DevBrowser>,
    /// Time at which the browser's current sessions started; 0 if it has none. The value is not
    /// signed, so it may cause the caller to be signed out, but never signed in.
    pub(crate) client_uat: i64,
    pub(crate) session: Option<SessionToken<'a>>,
}

/// Identification of the browser at a development instance.
#[derive(Clone, Copy)]
pub(crate) struct DevBrowser {
    /// `true` if the query string identifies the browser.
    pub(crate) in_query: bool,
    pub(crate) known: bool,
}

/// Result of verifying the session token.
#[derive(Clone, Copy)]
pub(crate) enum SessionToken<'a> {
    /// A valid token, with the time at which it was issued.
    Valid(Option<i64>),
    Rejected(&'a Rejection),
}

/// Decides the authentication state according to Clerk's decision table.
pub(crate) fn decide(seen: &RequestFacts<'_>) -> AuthState {
    if let Some(browser) = seen.development {
        if browser.in_query {
            return AuthState::Handshake("dev-browser-sync");
        }
        if !browser.known {
            return AuthState::Handshake("dev-browser-missing");
        }
    }
    let session = match (seen.client_uat, seen.session) {
        (0, None) => return AuthState::SignedOut("session-token-and-uat-missing"),
        (0, Some(_)) => return AuthState::Handshake("session-token-but-no-client-uat"),
        (_, None) => return AuthState::Handshake("client-uat-but-no-session-token"),
        (_, Some(session)) => session,
    };
    match session {
        SessionToken::Rejected(rejection) if rejection.is_of_time() => {
            AuthState::Handshake(rejection.reason())
        }
        SessionToken::Rejected(rejection) => AuthState::SignedOut(rejection.reason()),
        SessionToken::Valid(issued_at) if issued_at.unwrap_or(0) < seen.client_uat => {
            AuthState::Handshake("session-token-iat-before-client-uat")
        }
        SessionToken::Valid(_) => AuthState::SignedIn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decision_matches_every_row_of_the_table() {
        use Rejection as R;
        let signed_out = AuthState::SignedOut;
        let handshake = AuthState::Handshake;
        let refused = SessionToken::Rejected;
        let valid = Some(SessionToken::Valid(Some(100)));
        for (client_uat, session, expected) in [
            (0, None, signed_out("session-token-and-uat-missing")),
            (0, valid, handshake("session-token-but-no-client-uat")),
            (
                0,
                Some(refused(&R::Signature)),
                handshake("session-token-but-no-client-uat"),
            ),
            (90, None, handshake("client-uat-but-no-session-token")),
            (90, valid, AuthState::SignedIn),
            (100, valid, AuthState::SignedIn),
            (101, valid, handshake("session-token-iat-before-client-uat")),
            (
                90,
                Some(SessionToken::Valid(None)),
                handshake("session-token-iat-before-client-uat"),
            ),
            (
                90,
                Some(refused(&R::Expired)),
                handshake("session-token-expired"),
            ),
            (
                90,
                Some(refused(&R::NotYet)),
                handshake("session-token-nbf"),
            ),
            (
                90,
                Some(refused(&R::Future)),
                handshake("session-token-iat-in-the-future"),
            ),
            (
                90,
                Some(refused(&R::Category)),
                signed_out("token-type-mismatch"),
            ),
            (
                90,
                Some(refused(&R::Machine)),
                signed_out("token-type-mismatch"),
            ),
            (
                90,
                Some(refused(&R::Signature)),
                signed_out("token-invalid-signature"),
            ),
            (
                90,
                Some(refused(&R::UnknownKey)),
                signed_out("jwk-kid-mismatch"),
            ),
            (
                90,
                Some(refused(&R::Party)),
                signed_out("token-invalid-authorized-parties"),
            ),
            (
                90,
                Some(refused(&R::Issuer)),
                signed_out("token-invalid-issuer"),
            ),
            (
                90,
                Some(refused(&R::HeaderNotAllowed("x"))),
                signed_out("token-invalid-algorithm"),
            ),
            (
                90,
                Some(refused(&R::Malformed)),
                signed_out("token-invalid"),
            ),
            (90, Some(refused(&R::TooLong)), signed_out("token-invalid")),
            (
                90,
                Some(refused(&R::Subject)),
                signed_out("token-without-user"),
            ),
            (
                90,
                Some(refused(&R::NoSession)),
                signed_out("token-without-session"),
            ),
            (
                90,
                Some(refused(&R::Pending)),
                signed_out("session-pending"),
            ),
        ] {
            for development in [
                None,
                Some(DevBrowser {
                    in_query: false,
                    known: true,
                }),
            ] {
                let seen = RequestFacts {
                    development,
                    client_uat,
                    session,
                };
                assert_eq!(decide(&seen), expected);
            }
            for (in_query, known, expected) in [
                (true, true, "dev-browser-sync"),
                (true, false, "dev-browser-sync"),
                (false, false, "dev-browser-missing"),
            ] {
                let seen = RequestFacts {
                    development: Some(DevBrowser { in_query, known }),
                    client_uat,
                    session,
                };
                assert_eq!(decide(&seen), handshake(expected));
            }
        }
    }

    #[test]
    fn unsigned_facts_never_sign_in() {
        for client_uat in [0, 1, 99, 100, 101, i64::MAX] {
            for session in [
                None,
                Some(SessionToken::Rejected(&Rejection::Expired)),
                Some(SessionToken::Rejected(&Rejection::Signature)),
            ] {
                let seen = RequestFacts {
                    development: None,
                    client_uat,
                    session,
                };
                assert_ne!(decide(&seen), AuthState::SignedIn);
            }
        }
    }
}
