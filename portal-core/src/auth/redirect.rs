//! Where a browser is sent after it has signed in.

use percent_encoding::percent_decode_str;

/// The page that a browser comes to when it may not go where it asked to.
pub(crate) const HOME: &str = "/admin/overview";

/// The wanted path if it is a path of this site, and no sign-in or sign-out page; else the overview.
///
/// The answer is never another site: backslashes, control characters and `//` are refused,
/// also when they are percent-encoded, since browsers differ in what they make of them.
///
/// ```
/// use portal_core::auth::safe_redirect;
///
/// assert_eq!(safe_redirect("/admin/tasks?state=x"), "/admin/tasks?state=x");
/// assert_eq!(safe_redirect("//evil.example"), "/admin/overview");
/// assert_eq!(safe_redirect("/%5cevil.example"), "/admin/overview");
/// assert_eq!(safe_redirect("/sign-in"), "/admin/overview");
/// ```
#[must_use]
pub fn safe_redirect(wanted: &str) -> &str {
    let Ok(decoded) = percent_decode_str(wanted).decode_utf8() else {
        return HOME;
    };
    let path = decoded.split(['?', '#']).next().unwrap_or_default();
    let own_path = wanted.starts_with('/')
        && !path.contains("//")
        && !decoded.contains('\\')
        && !path
            .split('/')
            .any(|segment| segment == "." || segment == "..")
        && !wanted.chars().chain(decoded.chars()).any(char::is_control)
        && wanted.is_ascii();
    let sign_in_or_out = path.split('/').any(|segment| {
        ["sign-in", "sign-up", "sign-out"]
            .iter()
            .any(|page| segment.eq_ignore_ascii_case(page))
    });
    if own_path && !sign_in_or_out {
        wanted
    } else {
        HOME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        for wanted in [
            "",
            "//evil",
            "/\\evil",
            "/%5Cevil",
            "https://evil",
            "javascript:alert(1)",
            "/a%0d%0ab",
            "/a\r\nb",
            "/%2f/evil",
            "/%2Fevil",
            "evil",
            "/..//evil",
            "/\u{e9}",
            "/sign-out",
            "/sign-in?x=1",
            "/Sign-In",
            "/portal/sign-in",
        ] {
            assert_eq!(safe_redirect(wanted), HOME, "{wanted}");
        }
        for wanted in ["/", "/admin/overview", "/a/b?c=//d", "/a?next=%2Fb"] {
            assert_eq!(safe_redirect(wanted), wanted);
        }
    }
}
