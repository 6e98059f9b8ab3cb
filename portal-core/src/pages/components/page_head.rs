use maud::{Markup, Render, html};

use super::{Tab, small::breadcrumb, tabs};

/// The top of a page: where it is, what it is called, its one main action, its tabs.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::{Button, PageHead};
///
/// let head = PageHead::new("Users")
///     .crumb("Admin", "/admin/overview")
///     .description("Everyone who can sign in.")
///     .actions(Button::new("Invite").solid().icon("user-plus"));
/// assert!(head.render().into_string().contains("<h1>Users</h1>"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct PageHead {
    title: String,
    description: Option<String>,
    crumbs: Vec<(String, String)>,
    actions: Option<Markup>,
    tabs: Option<(String, Vec<Tab>)>,
}

impl PageHead {
    /// A head with the page's title.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            description: None,
            crumbs: Vec::new(),
            actions: None,
            tabs: None,
        }
    }

    /// One sentence below the title.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// A page above this one, outermost first.
    pub fn crumb(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.crumbs.push((label.into(), href.into()));
        self
    }

    /// One solid button, at most two others before it.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }

    /// The parts of the page; the label is what a screen reader calls them.
    pub fn tabs(mut self, label: impl Into<String>, tabs: Vec<Tab>) -> Self {
        self.tabs = Some((label.into(), tabs));
        self
    }
}

impl Render for PageHead {
    fn render(&self) -> Markup {
        html! {
            header class="pt-head" id="pt-head" {
                @if !self.crumbs.is_empty() {
                    @let above: Vec<_> = self.crumbs.iter().map(|(label, href)| (label.as_str(), href.as_str())).collect();
                    (breadcrumb(&above, &self.title))
                }
                div class="pt-head-row" {
                    div {
                        h1 { (self.title) }
                        @if let Some(description) = &self.description { p { (description) } }
                    }
                    @if let Some(actions) = &self.actions { div class="pt-row" { (actions) } }
                }
                @if let Some((label, list)) = &self.tabs { (tabs(label, list)) }
            }
        }
    }
}
