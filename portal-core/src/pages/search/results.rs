use maud::{Markup, html};

use crate::pages::components::{icon, rel};

/// Most results that one group shows.
const MOST: usize = 8;

/// Results of one kind.
#[derive(Debug, Clone)]
#[must_use]
pub struct SearchGroup {
    pub(super) label: String,
    pub(super) hits: Vec<SearchHit>,
}

impl SearchGroup {
    /// A group under a heading.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            hits: Vec::new(),
        }
    }

    /// Adds results, best first; of more than eight the others are not shown.
    pub fn hits(mut self, hits: impl IntoIterator<Item = SearchHit>) -> Self {
        let room = MOST.saturating_sub(self.hits.len());
        self.hits.extend(hits.into_iter().take(room));
        self
    }
}

/// Where a result leads.
#[derive(Debug, Clone)]
enum Target {
    Link(String),
    Post {
        action: String,
        fields: Vec<(String, String)>,
        theme: bool,
    },
}

/// One result: something to open, or something to do.
#[derive(Debug, Clone)]
#[must_use]
pub struct SearchHit {
    title: String,
    hint: Option<String>,
    icon: String,
    target: Target,
}

impl SearchHit {
    /// A link, with base path.
    pub fn link(title: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            hint: None,
            icon: "arrow-right".to_owned(),
            target: Target::Link(href.into()),
        }
    }

    /// An action: a POST form to this address, with base path. Choosing it does it, so it should
    /// not destroy anything; for that, link to a page that asks first.
    pub fn action(title: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            hint: None,
            icon: "zap".to_owned(),
            target: Target::Post {
                action: action.into(),
                fields: Vec::new(),
                theme: false,
            },
        }
    }

    /// A field that an action sends.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Target::Post { fields, .. } = &mut self.target {
            fields.push((name.into(), value.into()));
        }
        self
    }

    /// The name of its icon.
    pub fn icon(mut self, name: impl Into<String>) -> Self {
        self.icon = name.into();
        self
    }

    /// Quieter words after the title: where it is, what it is.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Scripts apply it to the page at once, as the theme form does.
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

    /// `id` makes it an option of a list box.
    fn render(&self, id: Option<&str>) -> Markup {
        let (role, tabindex) = (id.map(|_| "option"), id.map(|_| "-1"));
        match &self.target {
            Target::Link(href) => html! {
                a class="pt-hit" href=(href) rel=[rel(href)] id=[id] role=[role] tabindex=[tabindex] { (self.words()) }
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

/// The results as lists of links and buttons.
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

/// The results as options of the palette's list box, and the pattern for those that the browser
/// remembers.
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
    fn a_group_shows_the_best_only() {
        let many = (0..20).map(|at| SearchHit::link(at.to_string(), "/"));
        assert_eq!(SearchGroup::new("Many").hits(many).hits.len(), MOST);
    }

    #[test]
    fn an_action_is_a_form_and_a_link_that_leads_out_says_so() {
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
