//! What a crate adds to a portal.

use crate::admin::{AdminModel, ModelSpec};
use crate::auth::Access;
use crate::pages::Page;
use crate::tasks::{Task, TaskArgs, TaskDefinition};

/// Pages, tasks and models of a crate, as one value.
///
/// A crate that is in `Cargo.toml` but never named is not linked, and `discover()` finds nothing
/// of it. So a plugin crate exports a function, and the application calls it.
///
/// ```
/// use portal_core::Plugin;
///
/// pub fn plugin() -> Plugin {
///     Plugin::new()
/// }
/// # let _ = plugin();
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct Plugin {
    pub(crate) pages: Vec<Page>,
    pub(crate) tasks: Vec<TaskDefinition>,
    pub(crate) models: Vec<ModelSpec>,
    /// Topics with who may hear of them, and whether each user has his own.
    pub(crate) topics: Vec<(String, Access, bool)>,
}

impl Plugin {
    /// A plugin without anything yet.
    pub fn new() -> Self {
        Self {
            pages: Vec::new(),
            tasks: Vec::new(),
            models: Vec::new(),
            topics: Vec::new(),
        }
    }

    /// With a page.
    pub fn page(mut self, page: fn() -> Page) -> Self {
        self.pages.push(page());
        self
    }

    /// With a kind of task.
    pub fn task<A: TaskArgs, R: serde::Serialize + Send + 'static>(
        mut self,
        task: fn() -> Task<A, R>,
    ) -> Self {
        self.tasks.push(task().into_definition());
        self
    }

    /// With an admin model.
    pub fn admin_model<M: AdminModel>(mut self) -> Self {
        self.models.push(ModelSpec::of::<M>());
        self
    }

    /// With a topic of live regions; see [`PortalBuilder::topic`](super::PortalBuilder::topic).
    pub fn topic(mut self, name: impl Into<String>, access: Access) -> Self {
        self.topics.push((name.into(), access, false));
        self
    }

    /// With a topic of which each user has his own.
    pub fn personal_topic(mut self, name: impl Into<String>) -> Self {
        self.topics.push((name.into(), Access::User, true));
        self
    }
}
