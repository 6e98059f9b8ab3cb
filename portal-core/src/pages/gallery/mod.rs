//! `/dev/components`: every component in every state, with the code that renders it. In DEV only.
//!
//! The gallery depends on a run-time check of `APP_ENV` rather than on a Cargo feature or
//! `debug_assertions`, because screenshots and measured sizes come from release builds too. Its
//! strings add about 100 KB to a release build, but are never loaded into memory.

mod actions;
mod charts;
mod data;
mod demo;
mod example;
mod feedback;
mod forms;
mod overlays;
mod parts;
mod structure;

use axum::extract::RawQuery;
use maud::{Markup, html};

use self::example::Section;
use super::components::{PageHead, Tone, badge, copy_button};
use super::stylesheet::Stylesheet;
use super::{NavItem, Page};
use crate::auth::Routes;
use crate::source;

const PATH: &str = "/dev/components";

pub(crate) fn page() -> Page {
    Page::get(PATH, show)
        .source(source!(components))
        .title("Components")
        .requires(Stylesheet::Gallery.into())
        .description("Every component in every state, with the code that renders it.")
        .nav(
            NavItem::new("Components")
                .icon("box")
                .order(900)
                .group("Development"),
        )
}

/// Returns the routes that the examples request.
pub(crate) fn routes() -> Routes {
    demo::routes()
}

async fn show(RawQuery(query): RawQuery) -> Markup {
    let sections = sections(&query.unwrap_or_default());
    html! {
        (PageHead::new("Components")
            .description("Every component in every state. Each block ends with the code that renders it; all are in portal_core::pages::components.")
            .actions(badge("Development only", Tone::Warning)))
        div class="pt-gallery" {
            nav aria-label="Components on this page" {
                @for (group, sections) in &sections {
                    h2 { (group) }
                    ul { @for section in sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                }
            }
            div {
                @for (_, sections) in &sections { @for section in sections { (draw(section)) } }
            }
        }
    }
}

/// Returns every section, under the heading of its group.
fn sections(query: &str) -> Vec<(&'static str, Vec<Section>)> {
    vec![
        ("Actions", actions::sections()),
        ("Forms", forms::sections()),
        ("Data", data::sections(query)),
        ("Charts", charts::sections()),
        ("Overlays", overlays::sections()),
        ("Feedback", feedback::sections()),
        ("Structure", structure::sections()),
        ("Parts of pages", parts::sections()),
    ]
}

fn draw(section: &Section) -> Markup {
    html! {
        section id=(section.id) aria-labelledby={ (section.id) "-title" } {
            h2 id={ (section.id) "-title" } { (section.title) }
            p { (section.when) }
            @for example in &section.examples {
                figure class="pt-example" {
                    figcaption { (example.name) }
                    div class="pt-example-view" data-wide[example.wide] { (example.view) }
                    div class="pt-example-code" {
                        pre tabindex="0" { code { (example.code) } }
                        (copy_button(&example.code))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn everything() -> String {
        let all = sections("");
        let sections = all.iter().flat_map(|(_, sections)| sections);
        sections.map(|it| draw(it).into_string()).collect()
    }

    #[test]
    fn gallery_has_no_inline_styles_or_scripts() {
        let html = everything();
        assert!(html.len() > 20_000);
        for bad in [
            "<style",
            "<script",
            " style=\"",
            " onclick",
            " hx-on",
            "javascript:",
        ] {
            assert!(!html.contains(bad), "{bad}");
        }
    }

    #[test]
    fn every_id_is_unique() {
        let html = everything();
        let mut seen = BTreeSet::new();
        for part in html.split(" id=\"").skip(1) {
            let id = part.split('"').next().unwrap();
            assert!(seen.insert(id), "{id} twice");
        }
    }

    #[test]
    fn every_public_component_is_shown() {
        let source = include_str!("../components/mod.rs");
        let list = source.split("pub use self::{").nth(1).unwrap();
        let list = list.split("};").next().unwrap();
        let code: String = [
            include_str!("actions.rs"),
            include_str!("charts.rs"),
            include_str!("data.rs"),
            include_str!("feedback.rs"),
            include_str!("forms.rs"),
            include_str!("overlays.rs"),
            include_str!("parts.rs"),
            include_str!("structure.rs"),
        ]
        .concat();
        let names = list.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        // Module names are skipped; components that layouts render are not examples.
        let elsewhere = [
            "toast_region",
            "search_button",
            "ButtonKind",
            // Shown by `theme_picker`.
            "ThemePicker",
        ];
        for name in names.filter(|name| !name.is_empty() && !elsewhere.contains(name)) {
            let is_module = source.contains(&format!("mod {name};"));
            assert!(
                is_module || code.contains(name),
                "{name} is not in the gallery"
            );
        }
    }
}
