//! `/admin/about`: a page written in Markdown.

use maud::PreEscaped;
use portal_core::pages::components::{Card, PageHead};
use portal_core::prelude::*;
use pulldown_cmark::{Event, Parser, html::push_html};

/// About
#[page("/admin/about", nav(icon = "info", order = 30))]
async fn about() -> Markup {
    html! {
        (PageHead::new("About this portal"))
        (Card::new().body(html! { div class="pt-prose" { (markdown(include_str!("about.md"))) } }))
    }
}

/// The file is our own; raw HTML in it is dropped all the same.
fn markdown(text: &str) -> Markup {
    let events =
        Parser::new(text).filter(|event| !matches!(event, Event::Html(_) | Event::InlineHtml(_)));
    let mut markup = String::new();
    push_html(&mut markup, events);
    PreEscaped(markup)
}
