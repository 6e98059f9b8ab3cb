//! Discovery: collects the items that the macros have registered.

use crate::admin::{ModelEntry, ModelSpec};
use crate::pages::Page;
use crate::tasks::TaskDefinition;

/// A page registered by `#[page]`.
#[derive(Debug)]
pub struct PageEntry(fn() -> Page);

impl PageEntry {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(page: fn() -> Page) -> Self {
        Self(page)
    }
}

/// A task registered by `#[monitored_background_task]`.
#[derive(Debug)]
pub struct TaskEntry(fn() -> TaskDefinition);

impl TaskEntry {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(task: fn() -> TaskDefinition) -> Self {
        Self(task)
    }
}

inventory::collect!(PageEntry);
inventory::collect!(TaskEntry);

/// Returns all registered items, sorted by the location of their declaration.
///
/// Without sorting, the order would differ between builds.
pub(crate) fn discover() -> (Vec<Page>, Vec<TaskDefinition>, Vec<ModelSpec>) {
    let mut pages: Vec<_> = inventory::iter::<PageEntry>()
        .map(|entry| (entry.0)())
        .collect();
    let mut tasks: Vec<_> = inventory::iter::<TaskEntry>()
        .map(|entry| (entry.0)())
        .collect();
    let mut models: Vec<_> = inventory::iter::<ModelEntry>()
        .map(ModelEntry::spec)
        .collect();
    pages.sort_by_key(|page| page.source);
    tasks.sort_by_key(|task| task.source);
    models.sort_by_key(|model| model.source);
    (pages, tasks, models)
}
