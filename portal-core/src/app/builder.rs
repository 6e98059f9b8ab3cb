//! Putting a portal together.

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
use crate::admin::{AdminModel, ModelSpec, Models};
use crate::auth::{
    Access, Accounts, AuditLog, AuthProvider, ClientTokens, ContentSources, ErasedProvider,
    NoProvider, RoleDefinition, Routes, Users,
};
use crate::config::{Config, Limits};
use crate::live::Live;
use crate::notifications::Notifications;
use crate::pages::{Brand, DefaultLayout, Layout, Nav, Page, SearchSource, SearchSources, Theme};
use crate::state::{PortalState, StateBuilder};
use crate::store::Store;
use crate::tasks::{Task, TaskArgs, TaskDefinition, TaskSettings, Tasks};

type EditNav = Box<dyn FnOnce(&mut Nav) + Send + Sync>;

/// Collects what a portal is made of. Mistakes are found by `build()`, all at once.
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
    /// `true` if the application has set the provider.
    pub(super) has_provider: bool,
    pub(super) store: Option<Store>,
    pub(super) layout: Arc<dyn Layout>,
    pub(super) theme: Theme,
    pub(super) brand: Brand,
    pub(super) edit_nav: Vec<EditNav>,
    pub(super) search: SearchSources,
    pub(super) roles: Vec<RoleDefinition>,
    pub(super) allow_impersonated_admins: bool,
    pub(super) state: StateBuilder,
    /// Types of [`Data`](crate::Data), with the call that set them; the framework's own have none.
    pub(super) data: HashMap<TypeId, Option<&'static Location<'static>>>,
    /// Mistakes in calls of the builder.
    pub(super) mistakes: Vec<String>,
    pub(super) known_pages: KnownPages,
    pub(super) discover: bool,
    pub(super) pages: Vec<Page>,
    pub(super) without_pages: Vec<String>,
    pub(super) tasks: Vec<TaskDefinition>,
    pub(super) task_settings: TaskSettings,
    pub(super) models: Vec<ModelSpec>,
    pub(super) defaults: String,
    pub(super) routes: Vec<MergedRouter>,
    pub(super) declared: Routes,
    pub(super) layers: Vec<Box<dyn FnOnce(Router) -> Router + Send + Sync>>,
    pub(super) metrics: Option<bool>,
    pub(super) content_sources: ContentSources,
    /// Topics with who may hear of them, and whether each user has his own.
    pub(super) topics: Vec<(String, Access, bool)>,
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
            allow_impersonated_admins: false,
            state: StateBuilder::default(),
            // The framework's own handles, which `assemble` adds.
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
            defaults: String::new(),
            routes: Vec::new(),
            declared: Routes::new(),
            layers: Vec::new(),
            metrics: None,
            content_sources: ContentSources::default(),
            topics: Vec::new(),
        }
    }

    /// A configuration of the application's own, in the place of environment and `.env`.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// The path under which the portal is nested in another app, such as `/portal`.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.base_path = Some(path.into());
        self
    }

    /// Other bounds of what clients may send, hold and ask for.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Sets the identity provider. Without one everyone is a guest, and `build()` fails in PROD.
    pub fn auth(mut self, provider: impl AuthProvider) -> Self {
        self.provider = Box::new(provider);
        self.has_provider = true;
        self
    }

    /// A database that is open already, in the place of the configured one.
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// What stands around the content of pages.
    pub fn layout(mut self, layout: impl Layout) -> Self {
        self.layout = Arc::new(layout);
        self
    }

    /// The look for those who have not chosen their own.
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    /// What is the application's own in the look: accent colour, logo, font, styles. With an accent
    /// colour, that is the accent of the theme.
    pub fn brand(mut self, brand: Brand) -> Self {
        self.brand = brand;
        self
    }

    /// Changes the navigation after the pages have filled it.
    pub fn nav(mut self, edit: impl FnOnce(&mut Nav) + Send + Sync + 'static) -> Self {
        self.edit_nav.push(Box::new(edit));
        self
    }

    /// Sets the path of the page that users reach after signing in, inside the portal. Default: `/`, or
    /// if that is not a page, the first page of the navigation that every user may open.
    pub fn home_page(mut self, path: impl Into<String>) -> Self {
        self.known_pages.home = Some(path.into());
        self
    }

    /// Sets the path of the page about a user's own account, which the user menu and the command
    /// palette link to. Default: `/profile` if there is such a page, otherwise no link.
    pub fn profile_page(mut self, path: impl Into<String>) -> Self {
        self.known_pages.profile = Some(path.into());
        self
    }

    /// Something more in which the command palette and `/search` look.
    pub fn search(mut self, source: impl SearchSource) -> Self {
        self.search.push(source);
        self
    }

    /// A role of the application, beside `ADMIN`, `USER` and `GUEST`: by name alone
    /// (`Role::custom("editor")`), or with what it may do ([`RoleDefinition`]).
    pub fn role(mut self, role: impl Into<RoleDefinition>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Lets whoever acts in the name of a user (Clerk's impersonation) do all that the user may.
    ///
    /// Without this he is let in as an ordinary user: nothing that needs a role or a permission,
    /// no settings, no credentials. The audit log names him in any case.
    pub fn allow_impersonated_admins(mut self) -> Self {
        self.allow_impersonated_admins = true;
        self
    }

    /// A value for handlers and tasks, which take it as `Data<T>`.
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
                        "`.data(..)` sets two values of the type `{name}`\n       {}:{}\n       {}:{}\n     wrap one of them in a type of its own",
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

    /// Everything that the macros have registered in the crates that are linked.
    pub fn discover(mut self) -> Self {
        self.discover = true;
        self
    }

    /// What another crate adds.
    pub fn plugin(mut self, plugin: Plugin) -> Self {
        self.pages.extend(plugin.pages);
        self.tasks.extend(plugin.tasks);
        self.models.extend(plugin.models);
        self.topics.extend(plugin.topics);
        self
    }

    /// Adds sources, besides the portal itself and its identity provider, from which pages may load.
    ///
    /// ```
    /// use portal_core::Portal;
    /// use portal_core::auth::ContentSources;
    ///
    /// let mut sources = ContentSources::default();
    /// sources.img.push("https://images.example.com".to_owned());
    /// let portal = Portal::builder().content_sources(sources);
    /// ```
    pub fn content_sources(mut self, sources: ContentSources) -> Self {
        self.content_sources.extend(sources);
        self
    }

    /// A page.
    pub fn page(mut self, page: fn() -> Page) -> Self {
        self.pages.push(page());
        self
    }

    /// Leaves out a page that was discovered, by the name that start-up errors give it
    /// (`crm::pages::users`).
    pub fn without_page(mut self, name: impl Into<String>) -> Self {
        self.without_pages.push(name.into());
        self
    }

    /// A kind of task.
    pub fn task<A: TaskArgs, R: Serialize + Send + 'static>(
        mut self,
        task: fn() -> Task<A, R>,
    ) -> Self {
        self.tasks.push(task().into_definition());
        self
    }

    /// How tasks are run, and for how long they are kept.
    pub fn task_settings(mut self, settings: TaskSettings) -> Self {
        self.task_settings = settings;
        self
    }

    /// An admin model.
    pub fn admin_model<M: AdminModel>(mut self) -> Self {
        self.models.push(ModelSpec::of::<M>());
        self
    }

    /// A topic of [live regions](crate::live), with who may hear that something of it has changed;
    /// [`Live::changed`] says so.
    ///
    /// The portal has topics of its own: `users`, `tasks` and `audit` for administrators,
    /// `model:{name}` for whoever may open that admin model, and `notifications` for each user.
    pub fn topic(mut self, name: impl Into<String>, access: Access) -> Self {
        self.topics.push((name.into(), access, false));
        self
    }

    /// A topic of which each user has his own: [`Live::changed_for`] tells the pages of one user.
    pub fn personal_topic(mut self, name: impl Into<String>) -> Self {
        self.topics.push((name.into(), Access::User, true));
        self
    }

    /// Rows that "Initialize Defaults" adds where they are missing: YAML, a list of rows by model.
    pub fn defaults(mut self, yaml: impl Into<String>) -> Self {
        self.defaults = yaml.into();
        self
    }

    /// Routes of the application's own, each with who may use it:
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
    /// let builder = Portal::builder().declared_routes(routes);
    /// ```
    pub fn declared_routes(mut self, routes: Routes) -> Self {
        self.declared = self.declared.merge(routes);
        self
    }

    /// Routes of the application's own as axum has them, with the portal's extractors and its
    /// outer layer. Each handler guards itself, and the list of routes does not know them:
    /// [`declared_routes`](Self::declared_routes) does both.
    #[track_caller]
    pub fn routes(mut self, routes: Router<PortalState>) -> Self {
        self.routes.push((routes, Location::caller()));
        self
    }

    /// Whether `GET /metrics` answers; otherwise it does in DEV and is `404` in PROD.
    ///
    /// Everyone who reaches the portal can read it: keep the path from the outside in the proxy.
    pub fn metrics(mut self, on: bool) -> Self {
        self.metrics = Some(on);
        self
    }

    /// A layer around everything, outside of the portal's own.
    pub fn layer(mut self, layer: impl FnOnce(Router) -> Router + Send + Sync + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }
}
