use std::borrow::Cow;

use maud::{Markup, Render};

use super::{Tab, small::breadcrumb, tabs, write::write_element};

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
pub struct PageHead<'a> {
    title: Cow<'a, str>,
    description: Option<Cow<'a, str>>,
    crumbs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    actions: Option<Markup>,
    tabs: Option<(Cow<'a, str>, Vec<Tab>)>,
}

impl<'a> PageHead<'a> {
    /// A head with the page's title.
    pub fn new(title: impl Into<Cow<'a, str>>) -> Self {
        Self {
            title: title.into(),
            description: None,
            crumbs: Vec::new(),
            actions: None,
            tabs: None,
        }
    }

    /// One sentence below the title.
    pub fn description(mut self, description: impl Into<Cow<'a, str>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// A page above this one, outermost first.
    pub fn crumb(mut self, label: impl Into<Cow<'a, str>>, href: impl Into<Cow<'a, str>>) -> Self {
        self.crumbs.push((label.into(), href.into()));
        self
    }

    /// One solid button, at most two others before it.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }

    /// The parts of the page; the label is what a screen reader calls them.
    pub fn tabs(mut self, label: impl Into<Cow<'a, str>>, tabs: Vec<Tab>) -> Self {
        self.tabs = Some((label.into(), tabs));
        self
    }
}

impl Render for PageHead<'_> {
    fn render_to(&self, out: &mut String) {
        out.push_str("<header class=\"pt-head\" id=\"pt-head\">");
        if !self.crumbs.is_empty() {
            let above = self.crumbs.iter().map(|(label, href)| (&**label, &**href));
            let above: Vec<_> = above.collect();
            breadcrumb(&above, &self.title).render_to(out);
        }
        out.push_str("<div class=\"pt-head-row\"><div>");
        write_element(out, "h1", &self.title);
        if let Some(description) = &self.description {
            write_element(out, "p", description);
        }
        out.push_str("</div>");
        if let Some(actions) = &self.actions {
            out.extend(["<div class=\"pt-row\">", &actions.0, "</div>"]);
        }
        out.push_str("</div>");
        if let Some((label, list)) = &self.tabs {
            tabs(label, list).render_to(out);
        }
        out.push_str("</header>");
    }
}
