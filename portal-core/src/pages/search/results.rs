use maud::{Markup, html};

use crate::pages::Href;
use crate::pages::components::{icon, rel};

/// Maximum number of results per group.
const MAX_RESULTS: usize = 8;

/// Results under one heading.
#[derive(Debug, Clone)]
#[must_use]
pub struct SearchGroup {
    pub(super) label: String,
    pub(super) hits: Vec<SearchHit>,
}

impl SearchGroup {
    /// Creates an empty group with a heading.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            hits: Vec::new(),
        }
    }

    /// Adds results, best first. Results beyond the first eight of the group are dropped.
    pub fn hits(mut self, hits: impl IntoIterator<Item = SearchHit>) -> Self {
        let room = MAX_RESULTS.saturating_sub(self.hits.len());
        self.hits.extend(hits.into_iter().take(room));
        self
    }
}

/// Target of a result.
#[derive(Debug, Clone)]
enum Target {
    Link(Href<'static>),
    Post {
        action: Href<'static>,
        fields: Vec<(String, String)>,
        theme: bool,
    },
}

/// One result: a link or an action.
#[derive(Debug, Clone)]
#[must_use]
pub struct SearchHit {
    title: String,
    hint: Option<String>,
    icon: String,
    target: Target,
}

impl SearchHit {
    /// Creates a link.
    pub fn link<'h>(title: impl Into<String>, href: impl Into<Href<'h>>) -> Self {
        Self {
            title: title.into(),
            hint: None,
            icon: "arrow-right".to_owned(),
            target: Target::Link(href.into().into_owned()),
        }
    }

    /// Creates an action: a POST form.
    ///
    /// Selecting the result submits the form immediately, so it must not be destructive. For
    /// destructive actions, link to a page that asks for confirmation.
    pub fn action<'h>(title: impl Into<String>, action: impl Into<Href<'h>>) -> Self {
        Self {
            title: title.into(),
            hint: None,
            icon: "zap".to_owned(),
            target: Target::Post {
                action: action.into().into_owned(),
                fields: Vec::new(),
                theme: false,
            },
        }
    }

    /// Adds a form field to an action; ignored for links.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Target::Post { fields, .. } = &mut self.target {
            fields.push((name.into(), value.into()));
        }
        self
    }

    /// Sets the icon by name. Default: `arrow-right` for links, `zap` for actions.
    pub fn icon(mut self, name: impl Into<String>) -> Self {
        self.icon = name.into();
        self
    }

    /// Sets the muted text after the title, such as a location or a type. Default: no text.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Marks a theme action, which scripts apply to the page immediately, as the theme form does.
    pub(super) fn theme(mut self) -> Self {
        if let Target::Post { theme, .. } = &mut self.target {
            *theme = true;
        }
        self
    }

    pub(super) const fn is_theme(&self) -> bool {
        matches!(self.target, Target::Post { theme: true, .. })
    }

    fn words(&self) -> Markup {
        html! {
            (icon(&self.icon))
            span { (self.title) }
            @if let Some(hint) = &self.hint { small { (hint) } }
        }
    }

    /// Renders the result; with an `id`, as an option of a list box.
    fn render(&self, id: Option<&str>) -> Markup {
        let (role, tabindex) = (id.map(|_| "option"), id.map(|_| "-1"));
        match &self.target {
            Target::Link(href) => html! {
                a class="pt-hit" href=(href) rel=[rel(href.as_str())] id=[id] role=[role] tabindex=[tabindex] { (self.words()) }
            },
            Target::Post {
                action,
                fields,
                theme,
            } => html! {
                form method="post" action=(action) data-theme-form[*theme] role=[id.map(|_| "presentation")] {
                    @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
                    button class="pt-hit" type="submit" id=[id] role=[role] tabindex=[tabindex] { (self.words()) }
                }
            },
        }
    }
}

/// Renders the results as lists of links and buttons.
pub(super) fn lists(groups: &[SearchGroup]) -> Markup {
    html! {
        @for (at, group) in groups.iter().enumerate() {
            @let id = format!("found-{at}");
            section class="pt-hits" aria-labelledby=(id) {
                h2 id=(id) { (group.label) }
                ul { @for hit in &group.hits { li { (hit.render(None)) } } }
            }
        }
    }
}

/// Renders the results as options of the palette's list box.
///
/// Adds a template for recent results, which the browser stores.
pub(super) fn options(groups: &[SearchGroup]) -> Markup {
    html! {
        @for (group_at, group) in groups.iter().enumerate() {
            div class="pt-hits" role="group" aria-label=(group.label) {
                div class="pt-hits-head" aria-hidden="true" { (group.label) }
                @for (at, hit) in group.hits.iter().enumerate() {
                    (hit.render(Some(&format!("hit-{group_at}-{at}"))))
                }
            }
        }
        template data-recent {
            (SearchHit::link("", "").icon("history").hint("").render(Some("hit-recent")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_shows_the_first_eight_results() {
        let many = (0..20).map(|at| SearchHit::link(at.to_string(), "/"));
        assert_eq!(SearchGroup::new("Many").hits(many).hits.len(), MAX_RESULTS);
    }

    #[test]
    fn action_is_a_form_and_external_link_has_noopener() {
        let group = SearchGroup::new("<Group>").hits([
            SearchHit::action("Do <it>", "/do").field("a", "\"b\""),
            SearchHit::link("Out", "https://elsewhere.example"),
        ]);
        for html in [lists(std::slice::from_ref(&group)), options(&[group])] {
            let html = html.into_string();
            assert!(html.contains(r#"name="a" value="&quot;b&quot;""#), "{html}");
            assert!(html.contains("Do &lt;it&gt;") && html.contains("&lt;Group&gt;"));
            assert!(html.contains(r#"rel="noopener noreferrer""#));
        }
    }
}
