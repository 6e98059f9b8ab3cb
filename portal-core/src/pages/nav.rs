//! The navigation, and who sees which of its entries.

use std::collections::BTreeSet;

use axum::http::Method;

use super::components::{icon_names, is_icon};
use super::layout::NavLink;
use super::page::Page;
use crate::auth::{Access, User, address};

/// An entry of the navigation.
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
    /// An entry of this label.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            icon: "box".to_owned(),
            order: 100,
            group: None,
        }
    }

    /// Name of its icon.
    pub fn icon(mut self, name: impl Into<String>) -> Self {
        self.icon = name.into();
        self
    }

    /// Its place, smallest first; 100 where nothing is said.
    pub fn order(mut self, order: i32) -> Self {
        self.order = order;
        self
    }

    pub(crate) fn position(&self) -> i32 {
        self.order
    }

    /// The heading it stands under.
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into());
        self
    }
}

/// All entries, in their order.
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

/// A page as the search knows it.
#[derive(Debug, Clone)]
struct Described {
    title: String,
    description: String,
    path: String,
    access: Access,
}

impl Nav {
    /// Adds a page that the search offers, in the navigation or not.
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

    /// Returns the description of the page at a URL, empty if there is none.
    pub(crate) fn description_of(&self, href: &str, base_path: &str) -> &str {
        let mut pages = self.described.iter();
        let found = pages.find(|page| address(base_path, &page.path) == href);
        found.map_or("", |page| page.description.as_str())
    }

    /// Returns the pages that a user may open and that no entry leads to: title and URL. Pages below an
    /// entry's are its tabs, and public ones are found by other ways.
    pub(crate) fn unlisted(&self, user: Option<&User>, base_path: &str) -> Vec<(&str, String)> {
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
            .map(|page| (page.title.as_str(), address(base_path, &page.path)))
            .collect()
    }

    /// Adds an entry for a path; it is shown to whom the guard lets pass.
    pub fn link(&mut self, item: NavItem, path: impl Into<String>, access: Access) -> &mut Self {
        self.entries.push(Entry {
            item,
            path: path.into(),
            access,
        });
        self
    }

    /// Takes away the entry of a path.
    pub fn remove(&mut self, path: &str) -> &mut Self {
        self.entries.retain(|entry| entry.path != path);
        self
    }

    /// Where the entries lead, and who sees them.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&str, &Access)> {
        self.entries
            .iter()
            .map(|entry| (entry.path.as_str(), &entry.access))
    }

    /// Describes the entries whose icon does not exist.
    pub(crate) fn unknown_icons(&self) -> Vec<String> {
        let unknown = self
            .entries
            .iter()
            .filter(|entry| !is_icon(&entry.item.icon));
        let describe = |entry: &Entry| {
            let likeness = |name: &str| strsim::jaro_winkler(&entry.item.icon, name);
            let closest = icon_names().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            format!(
                "the navigation entry of `{}` has the unknown icon `{}`, did you mean `{}`? `icon_names()` lists all",
                entry.path,
                entry.item.icon,
                closest.unwrap_or_default()
            )
        };
        unknown.map(describe).collect()
    }

    /// Sorts by order, then path: the order of registration differs between builds.
    pub(crate) fn sort(&mut self) {
        self.entries
            .sort_by(|a, b| (a.item.order, &a.path).cmp(&(b.item.order, &b.path)));
    }

    /// What a reader sees of it on the page of a path.
    pub(crate) fn visible(
        &self,
        user: Option<&User>,
        base_path: &str,
        current: &str,
    ) -> Vec<NavLink> {
        let is_active = |path: &str| {
            current == path
                || (path != "/"
                    && current
                        .strip_prefix(path)
                        .is_some_and(|rest| rest.starts_with('/')))
        };
        self.entries
            .iter()
            .filter(|entry| entry.access.allows(user))
            .map(|entry| NavLink {
                label: entry.item.label.clone(),
                href: address(base_path, &entry.path),
                icon: entry.item.icon.clone(),
                group: entry.item.group.clone(),
                active: is_active(&entry.path),
            })
            .collect()
    }
}
