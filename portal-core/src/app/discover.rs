//! Discovery: collects the items that the macros have registered.

use crate::admin::actions::ActionEntry;
use crate::admin::{AdminAction, ModelEntry, ModelSpec};
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

/// Items registered in linked crates.
pub(crate) struct Discovered {
    pub(super) pages: Vec<Page>,
    pub(super) tasks: Vec<TaskDefinition>,
    pub(super) models: Vec<ModelSpec>,
    pub(super) actions: Vec<AdminAction>,
}

/// Returns all registered items, sorted by the location of their declaration.
///
/// Without sorting, the order would differ between builds.
pub(crate) fn discover() -> Discovered {
    let mut pages: Vec<_> = inventory::iter::<PageEntry>()
        .map(|entry| (entry.0)())
        .collect();
    let mut tasks: Vec<_> = inventory::iter::<TaskEntry>()
        .map(|entry| (entry.0)())
        .collect();
    let mut models: Vec<_> = inventory::iter::<ModelEntry>()
        .map(ModelEntry::spec)
        .collect();
    let mut actions: Vec<_> = inventory::iter::<ActionEntry>()
        .map(ActionEntry::action)
        .collect();
    pages.sort_by_key(|page| page.source);
    tasks.sort_by_key(|task| task.source);
    models.sort_by_key(|model| model.source);
    // Pages offer the actions of a model in the order of the source code.
    actions.sort_by_key(|action| (action.source.file, action.source.line));
    Discovered {
        pages,
        tasks,
        models,
        actions,
    }
}
