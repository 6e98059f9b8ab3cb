use maud::{Markup, html};

/// One tab: a link to a part of the page.
#[derive(Debug, Clone)]
pub struct Tab {
    label: String,
    href: String,
    current: bool,
}

impl Tab {
    /// A tab; `current` marks the part that is shown.
    #[must_use]
    pub fn new(label: impl Into<String>, href: impl Into<String>, current: bool) -> Self {
        Self {
            label: label.into(),
            href: href.into(),
            current,
        }
    }
}

/// Links between the parts of a page.
#[must_use]
pub fn tabs(label: &str, tabs: &[Tab]) -> Markup {
    html! {
        nav class="pt-tabs" aria-label=(label) {
            @for tab in tabs { a href=(tab.href) aria-current=[tab.current.then_some("page")] { (tab.label) } }
        }
    }
}

/// A few choices beside each other, of which one holds: radio buttons as `name`.
#[must_use]
pub fn segmented(label: &str, name: &str, choices: &[(&str, &str)], current: &str) -> Markup {
    html! {
        fieldset {
            legend class="pt-vh" { (label) }
            div class="pt-seg" {
                @for (value, words) in choices {
                    label { input type="radio" name=(name) value=(value) checked[*value == current]; span { (words) } }
                }
            }
        }
    }
}

/// The same as links, where each choice is an address: a range of time, a way to look at a list.
#[must_use]
pub fn segmented_links(label: &str, tabs: &[Tab]) -> Markup {
    html! {
        nav class="pt-seg" aria-label=(label) {
            @for tab in tabs { a href=(tab.href) aria-current=[tab.current.then_some("true")] { (tab.label) } }
        }
    }
}
