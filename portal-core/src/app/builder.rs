//! Portal builder: collects a portal's configuration, pages, tasks and models.

use std::any::{TypeId, type_name};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::Location;
use std::sync::Arc;

use axum::Router;
use serde::Serialize;

use super::known_pages::KnownPages;
use super::maintenance::Maintenance;
use super::overlap::MergedRouter;
use super::plugin::Plugin;
use crate::admin::{AdminAction, AdminModel, ModelSpec, Models};
use crate::auth::{
    Access, Accounts, AuditLog, AuthProvider, ClientTokens, CspSources, ErasedProvider, NoProvider,
    RoleDefinition, Routes, Users,
};
use crate::config::{Config, Limits};
use crate::live::Live;
use crate::notifications::Notifications;
use crate::pages::{Brand, DefaultLayout, Layout, Nav, Page, SearchSource, SearchSources, Theme};
use crate::state::{PortalState, StateBuilder};
use crate::store::{Migrations, Store};
use crate::tasks::{Task, TaskArgs, TaskDefinition, TaskSettings, Tasks};

type EditNav = Box<dyn FnOnce(&mut Nav) + Send + Sync>;

/// Builder for a portal. `build()` validates everything and reports all problems together.
///
/// ```no_run
/// use portal_core::prelude::*;
///
/// /// Home
/// #[page("/")]
/// async fn home() -> Markup {
///     html! { h1 { "Hello" } }
/// }
///
/// #[tokio::main]
/// async fn main() -> std::process::ExitCode {
///     Portal::builder().page(home).run().await
/// }
/// ```
#[must_use]
pub struct PortalBuilder {
    pub(super) config: Option<Config>,
    pub(super) base_path: Option<String>,
    pub(super) limits: Option<Limits>,
    pub(super) provider: Box<dyn ErasedProvider>,
    /// `true` if the application has set an authentication provider.
    pub(super) has_provider: bool,
    pub(super) store: Option<Store>,
    pub(super) layout: Arc<dyn Layout>,
    pub(super) theme: Theme,
    pub(super) brand: Brand,
    pub(super) edit_nav: Vec<EditNav>,
    pub(super) search: SearchSources,
    pub(super) roles: Vec<RoleDefinition>,
    pub(super) impersonators_have_full_rights: bool,
    pub(super) state: StateBuilder,
    /// Types of [`Data`](crate::Data), each with the location of the call that added it; `None` if
    /// the framework adds it.
    pub(super) data: HashMap<TypeId, Option<&'static Location<'static>>>,
    /// Problems with calls to the builder.
    pub(super) mistakes: Vec<String>,
    pub(super) known_pages: KnownPages,
    pub(super) discover: bool,
    pub(super) pages: Vec<Page>,
    pub(super) without_pages: Vec<String>,
    pub(super) tasks: Vec<TaskDefinition>,
    pub(super) task_settings: TaskSettings,
    pub(super) models: Vec<ModelSpec>,
    pub(super) actions: Vec<AdminAction>,
    pub(super) defaults: String,
    pub(super) routers: Vec<MergedRouter>,
    pub(super) declared: Routes,
    pub(super) router_maps: Vec<Box<dyn FnOnce(Router) -> Router + Send + Sync>>,
    pub(super) metrics: Option<bool>,
    pub(super) csp_sources: CspSources,
    /// Topics with their access rules; the flag is `true` for personal topics.
    pub(super) topics: Vec<(String, Access, bool)>,
    /// Migrations of plugins.
    pub(super) plugin_migrations: Vec<Migrations>,
    /// Migrations of the application.
    pub(super) migrations: Option<Migrations>,
}

impl std::fmt::Debug for PortalBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PortalBuilder")
            .field("pages", &self.pages)
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}

impl PortalBuilder {
    pub(super) fn new() -> Self {
        Self {
            config: None,
            base_path: None,
            limits: None,
            provider: Box::new(NoProvider),
            has_provider: false,
            store: None,
            layout: Arc::new(DefaultLayout::new()),
            theme: Theme::default(),
            brand: Brand::new(),
            edit_nav: Vec::new(),
            search: SearchSources::default(),
            roles: Vec::new(),
            impersonators_have_full_rights: false,
            state: StateBuilder::default(),
            // `assemble` adds these handles, which belong to the framework.
            data: HashMap::from(
                [
                    TypeId::of::<Accounts>(),
                    TypeId::of::<AuditLog>(),
                    TypeId::of::<ClientTokens>(),
                    TypeId::of::<Config>(),
                    TypeId::of::<Maintenance>(),
                    TypeId::of::<Live>(),
                    TypeId::of::<Models>(),
                    TypeId::of::<Notifications>(),
                    TypeId::of::<Store>(),
                    TypeId::of::<Tasks>(),
                    TypeId::of::<Users>(),
                ]
                .map(|id| (id, None)),
            ),
            mistakes: Vec::new(),
            known_pages: KnownPages::default(),
            discover: false,
            pages: Vec::new(),
            without_pages: Vec::new(),
            tasks: Vec::new(),
            task_settings: TaskSettings::default(),
            models: Vec::new(),
            actions: Vec::new(),
            defaults: String::new(),
            routers: Vec::new(),
            declared: Routes::new(),
            router_maps: Vec::new(),
            metrics: None,
            csp_sources: CspSources::default(),
            topics: Vec::new(),
            plugin_migrations: Vec::new(),
            migrations: None,
        }
    }

    /// Uses this configuration instead of the environment and `.env`.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// Sets the path at which the portal is nested in another app, such as `/portal`.
    ///
    /// It is automatically prepended to links and redirects within the portal; see
    /// [`Href`](crate::pages::Href).
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.base_path = Some(path.into());
        self
    }

    /// Replaces the limits on clients' requests and connections.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Sets the authentication provider.
    ///
    /// Without one, everyone is a guest in DEV, and `build()` fails in PROD.
    pub fn auth(mut self, provider: impl AuthProvider) -> Self {
        self.provider = Box::new(provider);
        self.has_provider = true;
        self
    }

    /// Uses this open database instead of the configured one.
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// Sets the layout that surrounds the content of pages.
    pub fn layout(mut self, layout: impl Layout) -> Self {
        self.layout = Arc::new(layout);
        self
    }

    /// Sets the default theme, for users who have not chosen their own.
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    /// Sets the application's brand: accent color, logo, font and styles.
    ///
    /// If the brand has an accent color, it becomes the accent of the default theme.
    pub fn brand(mut self, brand: Brand) -> Self {
        self.brand = brand;
        self
    }

    /// Sets a function that edits the navigation after the pages have been added to it.
    pub fn nav(mut self, edit: impl FnOnce(&mut Nav) + Send + Sync + 'static) -> Self {
        self.edit_nav.push(Box::new(edit));
        self
    }

    /// Sets the path of the page inside the portal that users reach after signing in.
    ///
    /// Default: `/` or, if that is not a page, the first page in the navigation that every user may
    /// open.
    pub fn home_path(mut self, path: impl Into<String>) -> Self {
        self.known_pages.home = Some(path.into());
        self
    }

    /// Sets the path of the user's profile page, which the user menu and the command palette link
    /// to.
    ///
    /// Default: `/profile` if there is such a page, otherwise no link.
    pub fn profile_path(mut self, path: impl Into<String>) -> Self {
        self.known_pages.profile = Some(path.into());
        self
    }

    /// Adds a source of results to the command palette and `/search`.
    pub fn search(mut self, source: impl SearchSource) -> Self {
        self.search.push(source);
        self
    }

    /// Adds a custom role, in addition to `ADMIN`, `USER` and `GUEST`.
    ///
    /// Pass its name (`Role::custom("editor")`), or a [`RoleDefinition`] with permissions.
    pub fn role(mut self, role: impl Into<RoleDefinition>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Grants impersonators, such as those using Clerk's impersonation, the full rights of the
    /// impersonated user.
    ///
    /// By default, they have only the access of an ordinary user: they cannot use anything that
    /// requires a role or a permission, and cannot change settings or credentials. The audit log
    /// always records the impersonator.
    pub fn grant_impersonators_full_rights(mut self) -> Self {
        self.impersonators_have_full_rights = true;
        self
    }

    /// Adds a value that handlers and tasks extract as `Data<T>`.
    #[track_caller]
    pub fn data<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        let here = Location::caller();
        match self.data.entry(TypeId::of::<T>()) {
            Entry::Vacant(entry) => {
                entry.insert(Some(here));
                self.state.insert(value);
            }
            Entry::Occupied(entry) => {
                let name = type_name::<T>();
                self.mistakes.push(match entry.get() {
                    Some(first) => format!(
                        "`.data(..)` sets two values of the type `{name}`\n       {}:{}\n       {}:{}\n     wrap one of them in a separate type",
                        first.file(), first.line(), here.file(), here.line(),
                    ),
                    None => format!(
                        "`.data(..)` sets a `{name}`, which the portal provides itself; remove the call ({}:{})",
                        here.file(), here.line(),
                    ),
                });
            }
        }
        self
    }

    /// Adds all pages, tasks and models that the macros have registered in linked crates.
    pub fn discover(mut self) -> Self {
        self.discover = true;
        self
    }

    /// Adds the pages, tasks, models and topics of another crate.
    pub fn plugin(mut self, plugin: Plugin) -> Self {
        self.pages.extend(plugin.pages);
        self.tasks.extend(plugin.tasks);
        self.models.extend(plugin.models);
        self.actions.extend(plugin.actions);
        self.topics.extend(plugin.topics);
        self.plugin_migrations.extend(plugin.migrations);
        self
    }

    /// Adds sources from which pages may load content, in addition to the portal and its identity
    /// provider.
    ///
    /// ```
    /// use portal_core::Portal;
    /// use portal_core::auth::CspSources;
    ///
    /// let mut sources = CspSources::default();
    /// sources.img.push("https://images.example.com".to_owned());
    /// let portal = Portal::builder().csp_sources(sources);
    /// ```
    pub fn csp_sources(mut self, sources: CspSources) -> Self {
        self.csp_sources.extend(sources);
        self
    }

    /// Adds a page.
    pub fn page(mut self, page: fn() -> Page) -> Self {
        self.pages.push(page());
        self
    }

    /// Removes a discovered page by its name in start-up errors, such as `crm::pages::users`.
    pub fn without_page(mut self, name: impl Into<String>) -> Self {
        self.without_pages.push(name.into());
        self
    }

    /// Adds a task type.
    pub fn task<A: TaskArgs, R: Serialize + Send + 'static>(
        mut self,
        task: fn() -> Task<A, R>,
    ) -> Self {
        self.tasks.push(task().into_definition());
        self
    }

    /// Sets how tasks are executed and how long finished tasks are retained.
    pub fn task_settings(mut self, settings: TaskSettings) -> Self {
        self.task_settings = settings;
        self
    }

    /// Adds an admin model.
    pub fn admin_model<M: AdminModel>(mut self) -> Self {
        self.models.push(ModelSpec::of::<M>());
        self
    }

    /// Adds an action on rows of an admin model that the portal has.
    pub fn admin_action(mut self, action: fn() -> AdminAction) -> Self {
        self.actions.push(action());
        self
    }

    /// Adds a topic for [live regions](crate::live) with the access rule for its subscribers.
    ///
    /// [`Live::notify`] publishes a change. Built-in topics are `users`, `tasks` and `audit` for
    /// administrators, `model:{name}` for users with access to that admin model, and
    /// `notifications` for each user.
    pub fn topic(mut self, name: impl Into<String>, access: Access) -> Self {
        self.topics.push((name.into(), access, false));
        self
    }

    /// Adds a personal topic; [`Live::notify_user`] publishes its changes to the pages of one user.
    pub fn personal_topic(mut self, name: impl Into<String>) -> Self {
        self.topics.push((name.into(), Access::User, true));
        self
    }

    /// Sets the migrations of the application.
    ///
    /// They run after those of the portal and of the plugins. See `docs/migrations.md`.
    ///
    /// ```
    /// use portal_core::prelude::*;
    /// use portal_core::store::{Migration, Migrations};
    ///
    /// let notes = Migration::new("0001_notes").up("CREATE TABLE note (text text NOT NULL)");
    /// let builder = Portal::builder().migrations(Migrations::new("crm").with(notes));
    /// ```
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        self.migrations = Some(migrations);
        self
    }

    /// Sets the records that "Add default records" adds if they are missing.
    ///
    /// Format: YAML, with a list of records per model.
    pub fn default_records(mut self, yaml: impl Into<String>) -> Self {
        self.defaults = yaml.into();
        self
    }

    /// Adds the application's own routes, each with its guard.
    ///
    /// ```
    /// use portal_core::auth::Routes;
    /// use portal_core::prelude::*;
    ///
    /// async fn prices(user: CurrentUser) -> String {
    ///     format!("prices for {}", user.full_name())
    /// }
    ///
    /// let routes = Routes::new().get("/api/prices", Access::User, prices);
    /// let builder = Portal::builder().routes(routes);
    /// ```
    pub fn routes(mut self, routes: Routes) -> Self {
        self.declared = self.declared.merge(routes);
        self
    }

    /// Adds an axum router, whose handlers can use the portal's extractors and pass through its
    /// request pipeline.
    ///
    /// The handlers must check access themselves, and the route list does not include their routes.
    /// Use [`routes`](Self::routes) to let the portal do both.
    #[track_caller]
    pub fn merge_router(mut self, router: Router<PortalState>) -> Self {
        self.routers.push((router, Location::caller()));
        self
    }

    /// Enables or disables `GET /metrics`. Default: enabled in DEV, `404` in PROD.
    ///
    /// Everyone who can reach the portal can read the metrics, so block external access to this
    /// path in the proxy.
    pub fn metrics(mut self, on: bool) -> Self {
        self.metrics = Some(on);
        self
    }

    /// Applies a function to the router of the whole portal, outside its request pipeline.
    ///
    /// Use it to add tower layers: `.map_router(|router| router.layer(layer))`.
    pub fn map_router(
        mut self,
        map: impl FnOnce(Router) -> Router + Send + Sync + 'static,
    ) -> Self {
        self.router_maps.push(Box::new(map));
        self
    }
}
