//! Redirect targets from requests, checked to prevent open redirects.

use percent_encoding::percent_decode_str;

use crate::config::Config;

/// Maximum length of a requested path, in bytes.
const MAX_LEN: usize = 2 * 1024;

/// Returns the path if it belongs to this site and is not a sign-in or sign-out page.
///
/// Never returns a URL on another site: backslashes, control characters and `//` are rejected, even
/// if percent-encoded, because browsers interpret them differently. Callers fall back to
/// [`Config::home_path`].
///
/// ```
/// use portal_core::auth::safe_redirect;
///
/// assert_eq!(safe_redirect("/admin/tasks?state=x"), Some("/admin/tasks?state=x"));
/// assert_eq!(safe_redirect("//evil.example"), None);
/// assert_eq!(safe_redirect("/%5cevil.example"), None);
/// assert_eq!(safe_redirect("/sign-in"), None);
/// ```
#[must_use]
pub fn safe_redirect(requested: &str) -> Option<&str> {
    let decoded = percent_decode_str(requested).decode_utf8().ok()?;
    let path = decoded.split(['?', '#']).next().unwrap_or_default();
    let own_path = requested.starts_with('/')
        && requested.len() <= MAX_LEN
        && !path.contains("//")
        && !decoded.contains('\\')
        && !path
            .split('/')
            .any(|segment| segment == "." || segment == "..")
        && !decoded.chars().any(char::is_control)
        // This also rejects spaces, because browsers trim them, which changes the path.
        && requested.bytes().all(|byte| byte.is_ascii_graphic());
    let sign_in_or_out = path.split('/').any(|segment| {
        ["sign-in", "sign-up", "sign-out"]
            .iter()
            .any(|page| segment.eq_ignore_ascii_case(page))
    });
    (own_path && !sign_in_or_out).then_some(requested)
}

/// Returns the path of one of the portal's pages as browsers see it, with the base path.
///
/// The root of a nested portal has no trailing slash: axum's `nest` does not serve that path.
pub(crate) fn with_base_path(base_path: &str, path: &str) -> String {
    match path.strip_prefix('/') {
        Some(rest)
            if !base_path.is_empty() && (rest.is_empty() || rest.starts_with(['?', '#'])) =>
        {
            [base_path, rest].concat()
        }
        _ => [base_path, path].concat(),
    }
}

/// Returns the requested path with the base path, or the home page if the path is not safe.
///
/// The requested path may already include the base path.
pub(crate) fn safe_return(config: &Config, requested: &str) -> String {
    let base_path = config.base_path.as_str();
    let rest = match base_path {
        "" => None,
        base_path => requested.strip_prefix(base_path),
    };
    let path = match rest {
        Some(rest) if rest.is_empty() || rest.starts_with('?') => format!("/{rest}"),
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        _ => requested.to_owned(),
    };
    with_base_path(base_path, safe_redirect(&path).unwrap_or(&config.home_path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(base_path: &str) -> Config {
        Config {
            base_path: base_path.to_owned(),
            home_path: "/home".to_owned(),
            ..Config::default()
        }
    }

    #[test]
    fn nested_portal_redirects_below_its_base_path() {
        for (requested, target) in [
            ("/portal", "/portal"),
            ("/portal?a=b", "/portal?a=b"),
            ("/portal/x", "/portal/x"),
            ("/x", "/portal/x"),
            ("/", "/portal"),
            ("/portals", "/portal/portals"),
            ("/portal//evil", "/portal/home"),
            ("", "/portal/home"),
        ] {
            assert_eq!(
                safe_return(&config("/portal"), requested),
                target,
                "{requested}"
            );
        }
        assert_eq!(safe_return(&config(""), "/"), "/");
        assert_eq!(safe_return(&config(""), ""), "/home");
    }

    #[test]
    fn redirect_accepts_only_paths_of_this_site() {
        for requested in [
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
            &format!("/{}", "a".repeat(MAX_LEN)),
        ] {
            assert_eq!(safe_redirect(requested), None, "{requested}");
        }
        let longest = format!("/{}", "a".repeat(MAX_LEN - 1));
        assert_eq!(safe_redirect(&longest), Some(longest.as_str()));
        for requested in ["/", "/admin/overview", "/a/b?c=//d", "/a?next=%2Fb"] {
            assert_eq!(safe_redirect(requested), Some(requested));
        }
    }

    #[test]
    fn known_open_redirect_payloads_are_rejected() {
        for requested in [
            "///evil",
            "////evil.example",
            "/\t/evil",
            "/%09/evil",
            "\t//evil",
            " //evil",
            "/%0d%0aLocation:%20https://evil",
            "/%00",
            "/%5c%5cevil",
            "\\\\evil",
            "\\/evil",
            "/\\/evil",
            "/.//evil",
            "/./evil",
            "/%2e%2e//evil",
            "/..%2f..%2fevil",
            "/a/%2e%2e/%2e%2e",
            "http:evil",
            "https:/evil",
            "HTTPS://evil",
            "//evil@portal.example",
            "@evil",
            ".evil",
            "javascript:alert(1)//",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "/%ff",
            "/\u{2028}",
            "/sign-out?x",
            "/sign-out ",
            "/.. ",
            "/sign%2dout",
            "/SIGN-UP",
            "/a/../sign-out",
        ] {
            assert_eq!(safe_redirect(requested), None, "{requested:?}");
        }
    }

    /// Parts that different URL parsers interpret differently.
    const PARTS: [&str; 36] = [
        "/",
        "/",
        "//",
        "\\",
        "%2f",
        "%2F",
        "%5c",
        "%5C",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "?",
        "#",
        "@",
        ":",
        ";",
        "evil.example",
        "portal.example",
        "https:",
        "javascript:",
        "a",
        "b/c",
        "%09",
        "\t",
        "\n",
        "\r",
        "%0d%0a",
        "%00",
        " ",
        "%20",
        "%",
        "%2",
        "\u{e9}",
        "%e3%80%82",
        "sign-out",
    ];

    #[test]
    fn random_redirects_stay_on_the_site() {
        let mut random = fastrand::Rng::with_seed(0x5eed);
        let mut followed = 0;
        let portal = config("/portal");
        for round in 0..50_000 {
            let mut requested = if round % 2 == 0 { "/" } else { "" }.to_owned();
            for _ in 0..random.usize(0..8) {
                requested.push_str(PARTS[random.usize(..PARTS.len())]);
            }
            let target = safe_redirect(&requested);
            followed += usize::from(target.is_some());
            let target = target.unwrap_or("/home");
            for page in ["https://portal.example/", "https://portal.example/a/b?c#d"] {
                let page = url::Url::parse(page).unwrap();
                let url = page.join(target).unwrap();
                assert_eq!(url.origin(), page.origin(), "{requested:?}");
                assert!(
                    !url.path().split('/').any(|segment| segment == "sign-out"),
                    "{requested:?}"
                );
                assert!(!url.path().contains("//"), "{requested:?}");
            }
            assert!(
                axum::http::HeaderValue::from_str(target).is_ok(),
                "{requested:?}"
            );
            let nested = safe_return(&portal, &requested);
            let url = url::Url::parse("https://portal.example/portal/x").unwrap();
            let url = url.join(&nested).unwrap();
            assert_eq!(url.host_str(), Some("portal.example"), "{requested:?}");
            let path = url.path();
            assert!(
                path == "/portal" || path.starts_with("/portal/"),
                "{requested:?}"
            );
        }
        assert!(followed > 2_000, "only {followed} paths were accepted");
    }
}
