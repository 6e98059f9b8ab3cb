//! Navigation: all entries, and those that a user sees.

use std::collections::BTreeSet;

use axum::http::Method;

use super::components::{icon_names, is_icon};
use super::href::Href;
use super::layout::NavLink;
use super::page::Page;
use crate::auth::{Access, User};

/// Navigation entry for a page or a link.
///
/// ```
/// use portal_core::NavItem;
///
/// let item = NavItem::new("Invoices").icon("file-text").order(20).group("Billing");
/// # let _ = item;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct NavItem {
    label: String,
    icon: String,
    order: i32,
    group: Option<String>,
}

impl NavItem {
    /// Creates an entry with a label.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            icon: "box".to_owned(),
            order: 100,
            group: None,
        }
    }

    /// Sets the icon by name. Default: `box`.
    pub fn icon(mut self, name: impl Into<String>) -> Self {
        self.icon = name.into();
        self
    }

    /// Sets the position; lower values come first. Default: 100.
    pub fn order(mut self, order: i32) -> Self {
        self.order = order;
        self
    }

    pub(crate) fn position(&self) -> i32 {
        self.order
    }

    /// Sets the navigation group, shown as a heading. Default: no group.
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into());
        self
    }
}

/// Navigation entries of a portal, in display order.
#[derive(Debug, Clone, Default)]
pub struct Nav {
    entries: Vec<Entry>,
    described: Vec<Described>,
}

#[derive(Debug, Clone)]
struct Entry {
    item: NavItem,
    path: String,
    access: Access,
}

/// Page and the text that the search compares.
#[derive(Debug, Clone)]
struct Described {
    title: String,
    description: String,
    path: String,
    access: Access,
}

impl Nav {
    /// Adds a page to the search, whether or not the navigation lists it.
    pub(crate) fn describe(&mut self, page: &Page) {
        let is_untitled = page.title == page.source.name;
        if page.method == Method::GET && !page.path.contains('{') && !is_untitled {
            self.described.push(Described {
                title: page.title.to_string(),
                description: page.description.as_deref().unwrap_or_default().to_owned(),
                path: page.path.to_owned(),
                access: page.access.clone(),
            });
        }
    }

    /// Returns the description of the page at a path; empty if the page has none.
    pub(crate) fn description_of(&self, path: &str) -> &str {
        let mut pages = self.described.iter();
        let found = pages.find(|page| page.path == path);
        found.map_or("", |page| page.description.as_str())
    }

    /// Returns the titles and paths of pages that a user may open and that no entry covers.
    ///
    /// An entry covers the pages below its path, which are its tabs. Public pages are omitted; they
    /// are reachable in other ways.
    pub(crate) fn unlisted(&self, user: Option<&User>) -> Vec<(&str, &str)> {
        let is_listed = |path: &str| {
            self.entries.iter().any(|entry| {
                let rest = path.strip_prefix(entry.path.as_str());
                entry.path != "/" && rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
            })
        };
        let mut titles = BTreeSet::new();
        self.described
            .iter()
            .filter(|page| page.access != Access::Public && page.access.allows(user))
            .filter(|page| !is_listed(&page.path) && titles.insert(page.title.as_str()))
            .map(|page| (page.title.as_str(), page.path.as_str()))
            .collect()
    }

    /// Adds an entry for a path, shown to users to whom the rule grants access.
    pub fn link(&mut self, item: NavItem, path: impl Into<String>, access: Access) -> &mut Self {
        self.entries.push(Entry {
            item,
            path: path.into(),
            access,
        });
        self
    }

    /// Removes the entry for a path.
    pub fn remove(&mut self, path: &str) -> &mut Self {
        self.entries.retain(|entry| entry.path != path);
        self
    }

    /// Returns the paths and access rules of the entries.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&str, &Access)> {
        self.entries
            .iter()
            .map(|entry| (entry.path.as_str(), &entry.access))
    }

    /// Returns a message for each entry with an unknown icon.
    pub(crate) fn unknown_icons(&self) -> Vec<String> {
        let unknown = self
            .entries
            .iter()
            .filter(|entry| !is_icon(&entry.item.icon));
        let describe = |entry: &Entry| {
            let likeness = |name: &str| strsim::jaro_winkler(&entry.item.icon, name);
            let closest = icon_names().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            format!(
                "the navigation entry for `{}` has an unknown icon, `{}`; did you mean `{}`? `icon_names()` lists all icons",
                entry.path,
                entry.item.icon,
                closest.unwrap_or_default()
            )
        };
        unknown.map(describe).collect()
    }

    /// Sorts by order, then path, because the order of registration differs between builds.
    pub(crate) fn sort(&mut self) {
        self.entries
            .sort_by(|a, b| (a.item.order, &a.path).cmp(&(b.item.order, &b.path)));
    }

    /// Returns the entries that a user sees on the page at a path.
    pub(crate) fn visible(&self, user: Option<&User>, current: &str) -> Vec<NavLink> {
        let leads_here = |path: &str| {
            let rest = current.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || (path != "/" && rest.starts_with('/')))
        };
        let visible = || self.entries.iter().filter(|it| it.access.allows(user));
        // Of several entries that lead here, only the most specific one is active.
        let active = visible()
            .filter(|entry| leads_here(&entry.path))
            .max_by_key(|entry| entry.path.len());
        visible()
            .map(|entry| NavLink {
                label: entry.item.label.clone(),
                href: Href::from(entry.path.clone()),
                icon: entry.item.icon.clone(),
                group: entry.item.group.clone(),
                active: active.is_some_and(|active| active.path == entry.path),
            })
            .collect()
    }
}
