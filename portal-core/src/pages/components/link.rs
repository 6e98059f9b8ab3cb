//! Links that leave the portal.

/// Returns the `rel` attribute of a link that leaves the portal.
///
/// An external page receives neither a referrer nor a reference to the window that opened it.
pub(in crate::pages) fn rel(href: &str) -> Option<&'static str> {
    leads_out(href).then_some("noopener noreferrer")
}

/// Returns `true` if browsers resolve a URL to another site.
fn leads_out(href: &str) -> bool {
    let href = href.trim_start_matches(|c: char| c.is_control() || c == ' ');
    let mut characters = href.chars().map(|c| c == '/' || c == '\\');
    if (characters.next(), characters.next()) == (Some(true), Some(true)) {
        return true;
    }
    let scheme = href.split(['/', '?', '#']).next().unwrap_or_default();
    scheme.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_links_are_recognized() {
        for href in [
            "https://example.com",
            "HTTP://example.com/a",
            "//example.com",
            "/\\example.com",
            " https://example.com",
            "mailto:a@b.example",
        ] {
            assert_eq!(rel(href), Some("noopener noreferrer"), "{href}");
        }
        for href in [
            "",
            "/",
            "/a:b",
            "?a=b:c",
            "#a:b",
            "a/b:c",
            "/sign-in?redirect_url=https://x",
        ] {
            assert_eq!(rel(href), None, "{href}");
        }
    }

    #[test]
    fn components_set_rel_on_external_links() {
        use super::super::{Button, Menu};
        use maud::Render as _;

        let out = "https://example.com";
        let button = |href| Button::new("Go").href(href).render().into_string();
        let menu = |href| {
            Menu::new("m", "More")
                .link("link", "Go", href)
                .render()
                .into_string()
        };
        let rel = r#"rel="noopener noreferrer""#;
        assert!(button(out).contains(rel) && menu(out).contains(rel));
        assert!(!button("/a").contains("rel=") && !menu("/a").contains("rel="));
    }
}
