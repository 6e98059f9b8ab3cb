use crate::pages::Href;
use maud::{Markup, html};

/// One tab: a link to a part of the page.
#[derive(Debug, Clone)]
pub struct Tab {
    label: String,
    href: Href<'static>,
    current: bool,
}

impl Tab {
    /// Creates a tab; `current` marks the part that is shown.
    #[must_use]
    pub fn new<'h>(label: impl Into<String>, href: impl Into<Href<'h>>, current: bool) -> Self {
        Self {
            label: label.into(),
            href: href.into().into_owned(),
            current,
        }
    }
}

/// Renders links between the parts of a page.
#[must_use]
pub fn tabs(label: &str, tabs: &[Tab]) -> Markup {
    html! {
        nav class="pt-tabs" aria-label=(label) {
            @for tab in tabs { a href=(tab.href) aria-current=[tab.current.then_some("page")] { (tab.label) } }
        }
    }
}

/// Renders a few adjacent choices, one of them selected, as radio buttons named `name`.
#[must_use]
pub fn segmented(label: &str, name: &str, choices: &[(&str, &str)], current: &str) -> Markup {
    html! {
        fieldset {
            legend class="pt-sr-only" { (label) }
            div class="pt-seg" {
                @for (value, words) in choices {
                    label { input type="radio" name=(name) value=(value) checked[*value == current]; span { (words) } }
                }
            }
        }
    }
}

/// Renders [`segmented`] choices as links, for example for time ranges or views of a list.
#[must_use]
pub fn segmented_links(label: &str, tabs: &[Tab]) -> Markup {
    html! {
        nav class="pt-seg" aria-label=(label) {
            @for tab in tabs { a href=(tab.href) aria-current=[tab.current.then_some("true")] { (tab.label) } }
        }
    }
}
