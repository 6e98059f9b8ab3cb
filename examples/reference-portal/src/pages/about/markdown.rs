//! Markdown rendering for bundled files, with a table of contents.

use maud::PreEscaped;
use portal_core::prelude::*;
use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html,
};

use crate::pages::highlight;

/// A rendered document and its table of contents.
pub(super) struct Document {
    pub(super) body: Markup,
    /// The id and title of each second-level heading.
    pub(super) contents: Vec<(String, String)>,
}

/// Renders Markdown. Drops raw HTML, even though the files are trusted.
pub(super) fn read(text: &str) -> Document {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES)
        .filter(|event| !matches!(event, Event::Html(_) | Event::InlineHtml(_)));
    let mut events: Vec<Event<'_>> = events.collect();
    let mut contents = Vec::new();
    for at in 0..events.len() {
        let title = title_after(events.get(at + 1..).unwrap_or_default());
        if let Some(Event::Start(Tag::Heading {
            level: HeadingLevel::H2,
            id,
            ..
        })) = events.get_mut(at)
        {
            let slug = slug(&title);
            *id = Some(CowStr::from(slug.clone()));
            contents.push((slug, title));
        }
    }
    let mut markup = String::new();
    push_html(&mut markup, highlighted(events).into_iter());
    Document {
        body: PreEscaped(markup),
        contents,
    }
}

/// Returns the text up to the end of a heading.
fn title_after(events: &[Event<'_>]) -> String {
    let until = events
        .iter()
        .take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let texts = until.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
        _ => None,
    });
    texts.collect()
}

fn slug(title: &str) -> String {
    let letters = title.to_lowercase();
    let words = letters.split(|letter: char| !letter.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

/// Highlights Rust code blocks and makes long blocks scrollable by keyboard.
fn highlighted(events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let mut out = Vec::with_capacity(events.len());
    let mut block: Option<bool> = None;
    for event in events {
        match (event, block) {
            (Event::Start(Tag::CodeBlock(kind)), _) => {
                block =
                    Some(matches!(kind, CodeBlockKind::Fenced(language) if &*language == "rust"));
                out.push(Event::Html("<pre tabindex=\"0\"><code>".into()));
            }
            (Event::End(TagEnd::CodeBlock), _) => {
                block = None;
                out.push(Event::Html("</code></pre>\n".into()));
            }
            (Event::Text(text), Some(true)) => {
                out.push(Event::Html(highlight::rust(&text).into_string().into()));
            }
            (other, _) => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_get_ids_and_raw_html_is_dropped() {
        let document = read(
            "## Start *it* with `x`\n\n<script>alert(1)</script>\n\n```rust\nlet x = \"<\";\n```\n\n```\n<a>\n```",
        );
        assert_eq!(
            document.contents,
            [("start-it-with-x".to_owned(), "Start it with x".to_owned())]
        );
        let html = document.body.into_string();
        assert!(html.contains("<h2 id=\"start-it-with-x\">"), "{html}");
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("<span class=\"c-word\">let</span>"), "{html}");
        assert!(html.contains("&lt;a&gt;"), "{html}");
    }
}
