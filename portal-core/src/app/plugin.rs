//! Plugins: a crate's additions to a portal.

use crate::admin::{AdminAction, AdminModel, ModelSpec};
use crate::auth::Access;
use crate::pages::Page;
use crate::store::Migrations;
use crate::tasks::{Task, TaskArgs, TaskDefinition};

/// The pages, tasks and models of a crate, as one value.
///
/// A crate that is listed in `Cargo.toml` but never used is not linked, so `discover()` does not
/// find its items. A plugin crate therefore exports a function that the application calls.
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
    pub(crate) actions: Vec<AdminAction>,
    /// Topics with their access rules; the flag is `true` for personal topics.
    pub(crate) topics: Vec<(String, Access, bool)>,
    pub(crate) migrations: Vec<Migrations>,
}

impl Plugin {
    /// Creates an empty plugin.
    pub fn new() -> Self {
        Self {
            pages: Vec::new(),
            tasks: Vec::new(),
            models: Vec::new(),
            actions: Vec::new(),
            topics: Vec::new(),
            migrations: Vec::new(),
        }
    }

    /// Adds a page.
    pub fn page(mut self, page: fn() -> Page) -> Self {
        self.pages.push(page());
        self
    }

    /// Adds a task type.
    pub fn task<A: TaskArgs, R: serde::Serialize + Send + 'static>(
        mut self,
        task: fn() -> Task<A, R>,
    ) -> Self {
        self.tasks.push(task().into_definition());
        self
    }

    /// Adds an admin model.
    pub fn admin_model<M: AdminModel>(mut self) -> Self {
        self.models.push(ModelSpec::of::<M>());
        self
    }

    /// Adds an action on rows of an admin model.
    pub fn admin_action(mut self, action: fn() -> AdminAction) -> Self {
        self.actions.push(action());
        self
    }

    /// Adds the migrations of the plugin; they run before those of the application.
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        self.migrations.push(migrations);
        self
    }

    /// Adds a topic for live regions; see [`PortalBuilder::topic`](super::PortalBuilder::topic).
    pub fn topic(mut self, name: impl Into<String>, access: Access) -> Self {
        self.topics.push((name.into(), access, false));
        self
    }

    /// Adds a personal topic; see
    /// [`PortalBuilder::personal_topic`](super::PortalBuilder::personal_topic).
    pub fn personal_topic(mut self, name: impl Into<String>) -> Self {
        self.topics.push((name.into(), Access::User, true));
        self
    }
}
