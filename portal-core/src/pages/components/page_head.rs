use std::borrow::Cow;

use maud::{Markup, Render};

use super::{Tab, small::crumbs, tabs, text_writer::write_element};
use crate::pages::Href;

/// The top of a page: breadcrumb, title, main action and tabs.
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
    crumbs: Vec<(Cow<'a, str>, Href<'a>)>,
    actions: Option<Markup>,
    tabs: Option<(Cow<'a, str>, Vec<Tab>)>,
}

impl<'a> PageHead<'a> {
    /// Creates a head with the page's title.
    pub fn new(title: impl Into<Cow<'a, str>>) -> Self {
        Self {
            title: title.into(),
            description: None,
            crumbs: Vec::new(),
            actions: None,
            tabs: None,
        }
    }

    /// Sets a sentence below the title.
    pub fn description(mut self, description: impl Into<Cow<'a, str>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Adds a parent page to the breadcrumb, outermost first.
    pub fn crumb(mut self, label: impl Into<Cow<'a, str>>, href: impl Into<Href<'a>>) -> Self {
        self.crumbs.push((label.into(), href.into()));
        self
    }

    /// Sets the actions: one solid button, with at most two others before it.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }

    /// Sets tabs for the parts of the page; the label names the tabs for screen readers.
    pub fn tabs(mut self, label: impl Into<Cow<'a, str>>, tabs: Vec<Tab>) -> Self {
        self.tabs = Some((label.into(), tabs));
        self
    }
}

impl Render for PageHead<'_> {
    fn render_to(&self, out: &mut String) {
        out.push_str("<header class=\"pt-head\" id=\"pt-head\">");
        if !self.crumbs.is_empty() {
            let above = self.crumbs.iter();
            let above = above.map(|(label, href)| (&**label, href.into()));
            crumbs(above, &self.title).render_to(out);
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
