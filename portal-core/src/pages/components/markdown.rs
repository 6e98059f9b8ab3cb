//! Text in Markdown, rendered as HTML.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{Alignment, CowStr, Event, Options, Parser, Tag, html::push_html};

use super::link::rel;

/// Schemes of links that a text may contain.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

/// Renders Markdown with tables and strikethrough.
///
/// The text can come from any user: HTML in it is shown as text, and links to schemes such as
/// `javascript:` lose their target.
///
/// ```
/// use portal_core::pages::components::markdown;
///
/// let html = markdown("**Hi** [a](https://example.com) [b](javascript:alert(1))").into_string();
/// assert_eq!(
///     html,
///     "<p><strong>Hi</strong> <a href=\"https://example.com\" rel=\"noopener noreferrer\">a</a> \
///      <a href=\"\">b</a></p>\n"
/// );
/// ```
#[must_use]
pub fn markdown(text: &str) -> Markup {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut html = String::new();
    push_html(&mut html, Parser::new_ext(text, options).map(safe));
    PreEscaped(html)
}

/// Returns an event without raw HTML and without unsafe links.
fn safe(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            let dest_url = safe_url(dest_url);
            match rel(&dest_url) {
                Some(rel) => Event::InlineHtml(external_link(&dest_url, &title, rel).into()),
                None => Event::Start(Tag::Link {
                    link_type,
                    dest_url,
                    title,
                    id,
                }),
            }
        }
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Image {
            link_type,
            dest_url: safe_url(dest_url),
            title,
            id,
        }),
        // The alignment of columns would be an inline style, which the content security policy
        // forbids.
        Event::Start(Tag::Table(columns)) => {
            Event::Start(Tag::Table(vec![Alignment::None; columns.len()]))
        }
        other => other,
    }
}

/// Returns the start tag of a link that leaves the portal.
fn external_link(url: &str, title: &str, rel: &str) -> String {
    let (url, title) = (html! { (url) }, html! { (title) });
    let title = match title.0.as_str() {
        "" => String::new(),
        title => format!(" title=\"{title}\""),
    };
    format!("<a href=\"{}\" rel=\"{rel}\"{title}>", url.0)
}

/// Returns the URL if it is relative or has an allowed scheme; otherwise an empty URL.
fn safe_url(url: CowStr<'_>) -> CowStr<'_> {
    let scheme = match url.find([':', '/', '?', '#']) {
        Some(end) if url[end..].starts_with(':') => Some(&url[..end]),
        _ => None,
    };
    let is_allowed = |scheme: &str| SCHEMES.iter().any(|it| it.eq_ignore_ascii_case(scheme));
    if scheme.is_none_or(is_allowed) {
        url
    } else {
        CowStr::from("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_shown_as_text() {
        let html = markdown("a <b onclick=x>\n\n<script>alert(1)</script>\n\n`<i>`").into_string();
        assert!(!html.contains("<b") && !html.contains("<script"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
        assert!(html.contains("<code>&lt;i&gt;</code>"), "{html}");
    }

    #[test]
    fn tables_have_no_inline_styles() {
        let html = markdown("| a | b |\n| --- | ---: |\n| 1 | 2 |").into_string();
        assert!(html.contains("<td>2</td>"), "{html}");
        assert!(!html.contains("style"), "{html}");
    }

    #[test]
    fn unsafe_links_have_no_target() {
        for url in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java&#10;script:alert(1)",
            "&#9;javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
        ] {
            for text in [format!("[a](<{url}>)"), format!("![a](<{url}>)")] {
                let html = markdown(&text).into_string();
                assert!(!html.contains("alert") && !html.contains("data:"), "{html}");
                assert!(!html.contains("vbscript"), "{html}");
            }
        }
        let html = markdown("<javascript:alert(1)>").into_string();
        assert!(!html.contains("href=\"javascript"), "{html}");
        let html = markdown("[a](<https://a.b/\" onclick=\"x>)").into_string();
        assert!(
            html.contains("href=\"https://a.b/&quot; onclick=&quot;x\" rel="),
            "{html}"
        );
        for url in ["/a?b=c:d", "a#b:c", "mailto:a@b.c", "HTTPS://a.b", "?a:b"] {
            let html = markdown(&format!("[a]({url})")).into_string();
            assert!(html.contains(&format!("href=\"{url}\"")), "{html}");
        }
    }
}
