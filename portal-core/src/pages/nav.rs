//! The navigation, and who sees which of its entries.

use super::components::{icon_names, is_icon};
use super::layout::NavLink;
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
}

#[derive(Debug, Clone)]
struct Entry {
    item: NavItem,
    path: String,
    access: Access,
}

impl Nav {
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
