//! Checking what a builder has collected, and assembling it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::build_error::{BuildError, BuildProblem};
use super::builder::PortalBuilder;
use super::discover::discover;
use super::health;
use super::maintenance::Maintenance;
use super::maintenance_page;
use super::outer::Outer;
use super::portal::Portal;
use super::routes::{self, collide, is_route, shape};
use crate::admin::{self, DefaultRows, ModelRegistry, ModelSpec};
use crate::auth::{
    Access, Accounts, AuditLog, Auth, AuthSetup, DeclaredRoute, PreferenceChecks, Roles,
    SyncReport, Users,
};
use crate::config::{Config, ConfigError, Settings, Sources};
use crate::error::Result;
use crate::live::{Live, Topics};
use crate::notifications::{self, AccountMessages, Notifications};
use crate::pages::theme::Accent;
use crate::pages::{self, BrandAssets, Nav, Page, PageSetup, PortalTheme, SearchSources, Theme};
use crate::security::{AnswerHeaders, Connections, Gate, Origins, Proxies, RateLimits};
use crate::source::Source;
use crate::state::PortalState;
use crate::store::{Notification, Store, now};
use crate::tasks::{
    self, ClientTokens, Fanout, OpenMonitors, Scheduler, TaskRegistry, Tasks, Worker,
};

/// What has been checked and is ready to be opened: everything but the database.
pub(crate) struct Plan {
    pub(crate) config: Arc<Config>,
    pub(crate) pages: Vec<Page>,
    pub(crate) tasks: TaskRegistry,
    pub(crate) models: ModelRegistry,
    pub(crate) defaults: DefaultRows,
    pub(crate) roles: Arc<Roles>,
    brand: BrandAssets,
    topics: Topics,
    builder: PortalBuilder,
}

impl PortalBuilder {
    /// Checks everything and opens the portal; its workers run from here on.
    pub async fn build(self) -> Result<Portal, BuildError> {
        let settings = match &self.config {
            Some(_) => None,
            None => {
                let sources =
                    Sources::of_process(Default::default()).map_err(|error| ConfigError {
                        problems: vec![format!(".env cannot be read: {error}")],
                    })?;
                Some(Settings::load(self.provider.settings(), &sources))
            }
        };
        let plan = self.plan(settings)?;
        let store = plan.open_store().await?;
        plan.assemble(store).await
    }

    /// Checks configuration, pages, tasks and models; the database is not needed for that.
    pub(crate) fn plan(mut self, settings: Option<Settings>) -> Result<Plan, BuildError> {
        let (mut config, mut problems) = match (self.config.take(), settings) {
            (Some(config), _) => (config, Vec::new()),
            (None, settings) => {
                Config::read(settings.unwrap_or_else(|| Config::default().settings))
            }
        };
        if let Some(limits) = self.limits {
            config.limits = limits;
        }
        if let Some(base_path) = self.base_path.take() {
            config.base_path = base_path.trim_end_matches('/').to_owned();
        }
        if !(config.base_path.is_empty() || config.base_path.starts_with('/')) {
            problems.push(format!(
                "the base path `{}` must start with `/`",
                config.base_path
            ));
        }
        problems.extend(self.provider.configure(&config));
        if !problems.is_empty() {
            return Err(ConfigError { problems }.into());
        }

        if self.discover {
            let (pages, tasks, models) = discover();
            self.pages.extend(pages);
            self.tasks.extend(tasks);
            self.models.extend(models);
        }
        let roles = Roles::new(std::mem::take(&mut self.roles));
        let mut problems = roles.problems();
        let brand = std::mem::take(&mut self.brand).prepare();
        let brand = brand.unwrap_or_else(|faults| {
            problems.extend(faults);
            BrandAssets::default()
        });
        if brand.has_accent() {
            self.theme.accent = Accent::Brand;
        }
        let mut taken = routes::own(true, config.is_dev()).declared();
        taken.extend(self.provider.declared_routes());
        let models = std::mem::take(&mut self.models);
        let models = models.into_iter().chain([ModelSpec::users(&roles)]);
        let (models, faults) = ModelRegistry::new(models);
        let pages = self.collect_pages(&models, &taken, config.is_dev(), &mut problems);
        let declared = self.declared.declared();
        problems.extend(routes::problems(&declared, &pages, &taken));
        let tasks = self.collect_tasks(&mut problems);
        let topics = self.collect_topics(&roles, &models, &mut problems);
        problems.extend(faults);
        problems.extend(access_problems(&roles, &pages, &tasks, &models));
        let defaults = match DefaultRows::parse(&self.defaults) {
            Ok(rows) => {
                problems.extend(rows.problems(&models));
                rows
            }
            Err(problem) => {
                problems.push(problem);
                DefaultRows::default()
            }
        };
        if !problems.is_empty() {
            return Err(BuildError::Problems(
                problems.into_iter().map(BuildProblem).collect(),
            ));
        }
        Ok(Plan {
            config: Arc::new(config),
            pages,
            tasks,
            models,
            defaults,
            roles: Arc::new(roles),
            brand,
            topics,
            builder: self,
        })
    }

    /// Pages without doubles: the same source twice is one page, the same route twice is a mistake.
    fn collect_pages(
        &mut self,
        models: &ModelRegistry,
        taken: &[DeclaredRoute],
        dev: bool,
        problems: &mut Vec<String>,
    ) -> Vec<Page> {
        let mut known: HashSet<Source> = HashSet::new();
        let mut by_route: BTreeMap<(String, String), Page> = BTreeMap::new();
        let without = std::mem::take(&mut self.without_pages);
        let wanted = std::mem::take(&mut self.pages)
            .into_iter()
            .chain(admin::pages(models))
            .chain(tasks::pages())
            .chain(notifications::pages())
            .chain([pages::search_page()])
            .chain(maintenance_page::pages())
            .filter(|page| !without.contains(&page.source.to_string()))
            .chain(pages::sign_in_pages())
            .chain(dev.then(pages::gallery_page));
        for page in wanted {
            if !known.insert(page.source) {
                continue;
            }
            if !page.path.starts_with('/') {
                problems.push(bad_route(&page, "which must start with `/`"));
                continue;
            }
            if !is_route(page.path) {
                problems.push(bad_route(
                    &page,
                    "which axum cannot read; write parameters as `{id}`, a last one as `{*rest}`",
                ));
                continue;
            }
            if taken.iter().any(|own| collide(own, &page.declared())) {
                problems.push(bad_route(&page, "which would hide a route of the portal"));
                continue;
            }
            let key = (page.method.to_string(), shape(page.path));
            if let Some(other) = by_route.get(&key) {
                problems.push(two_pages(other, &page));
                continue;
            }
            by_route.insert(key, page);
        }
        by_route.into_values().collect()
    }

    /// The portal's topics, those of models, and the application's.
    fn collect_topics(
        &mut self,
        roles: &Roles,
        models: &ModelRegistry,
        problems: &mut Vec<String>,
    ) -> Topics {
        let mut topics = Topics::new();
        let models = models.models().iter();
        let of_models = models.map(|it| (format!("model:{}", it.name), it.access.clone(), false));
        for (name, access, personal) in of_models.chain(std::mem::take(&mut self.topics)) {
            problems.extend(topics.add(&name, access, personal).err());
        }
        let guards = topics.guards();
        // A model reports its own.
        let guards = guards.filter(|(name, _)| !name.starts_with("model:"));
        problems.extend(guards.filter_map(|(name, access)| {
            let problem = roles.problem_of(access)?;
            Some(format!("the topic `{name}` {problem}"))
        }));
        topics
    }

    fn collect_tasks(&mut self, problems: &mut Vec<String>) -> TaskRegistry {
        let mut registry = TaskRegistry::default();
        for task in std::mem::take(&mut self.tasks) {
            for requirement in &task.requirements {
                if !self.data.contains(&requirement.id) {
                    let Source { file, line, .. } = task.source;
                    problems.push(format!(
                        "task `{}` needs `Data<{}>` ({file}:{line})\n     add `.data(value)` of that type to the builder",
                        task.source, requirement.name
                    ));
                }
            }
            problems.extend(tasks::schedule_problems(&task));
            if let Err(problem) = registry.insert(task) {
                problems.push(problem);
            }
        }
        registry
    }
}

/// Roles and permissions that somebody asks for and nobody can have.
fn access_problems(
    roles: &Roles,
    pages: &[Page],
    tasks: &TaskRegistry,
    models: &ModelRegistry,
) -> Vec<String> {
    let pages = pages.iter().map(|it| ("page", it.source, &it.access));
    let tasks = tasks.all().map(|it| ("task", it.source, &it.access));
    let models = models.models().iter();
    // The settings page asks for what its models ask for.
    let models: Vec<_> = models
        .map(|it| ("admin model", it.source, &it.access))
        .collect();
    let is_of_model = |access: &Access| matches!(access, Access::AnyOf(any) if any.iter().all(|one| models.iter().any(|(.., it)| *it == one)));
    let others = pages.chain(tasks).filter(|(.., it)| !is_of_model(it));
    others
        .chain(models.iter().copied())
        .filter_map(|(what, source, access)| {
            let problem = roles.problem_of(access)?;
            let Source { file, line, .. } = source;
            Some(format!("{what} `{source}` ({file}:{line}) {problem}"))
        })
        .collect()
}

fn bad_route(page: &Page, fault: &str) -> String {
    let Source { file, line, .. } = page.source;
    format!(
        "page `{}` has the route `{}`, {fault}\n       {file}:{line}",
        page.source, page.path
    )
}

fn two_pages(one: &Page, other: &Page) -> String {
    let line = |page: &Page| {
        format!(
            "       {}   {}:{}",
            page.source, page.source.file, page.source.line
        )
    };
    format!(
        "two pages claim {} `{}`\n{}\n{}\n     change one route, or drop one with `.without_page(\"{}\")`",
        other.method,
        other.path,
        line(one),
        line(other),
        one.source
    )
}

impl Plan {
    /// Opens the database, and brings it up to date in DEV; in PROD that is for `db migrate`.
    pub(crate) async fn open_store(&self) -> Result<Store, BuildError> {
        let store = self.connect().await?;
        if self.config.is_dev() {
            self.migrate(&store).await?;
        } else {
            let problems = self.drift(&store).await?;
            if !problems.is_empty() {
                return Err(BuildError::NotMigrated(problems.join("; ")));
            }
        }
        Ok(store)
    }

    pub(crate) async fn connect(&self) -> Result<Store, BuildError> {
        Ok(match &self.builder.store {
            Some(store) => store.clone(),
            None => Store::connect(self.config.database_url.expose()).await?,
        })
    }

    /// Applies migrations and makes the tables of the models.
    pub(crate) async fn migrate(&self, store: &Store) -> Result<(), BuildError> {
        store.migrate().await?;
        admin::apply_models(store, &self.models).await?;
        Ok(())
    }

    /// Everything in which the database differs from what this program needs.
    pub(crate) async fn drift(&self, store: &Store) -> Result<Vec<String>, BuildError> {
        let state = store.migration_state().await?;
        let mut problems: Vec<_> = state
            .missing
            .iter()
            .map(|name| format!("migration `{name}` is missing"))
            .collect();
        problems.extend(
            state
                .foreign
                .iter()
                .map(|version| format!("migration {version} is not of this program")),
        );
        if problems.is_empty() {
            problems.extend(admin::model_drift(store, &self.models).await?);
        }
        Ok(problems)
    }

    /// Every route with who may use it; pages, tasks and models come with more in their lists.
    pub(crate) fn declared_routes(&self) -> Vec<DeclaredRoute> {
        let metrics = self.builder.metrics.unwrap_or(self.config.is_dev());
        let mut routes = pages::routes(self.pages.clone())
            .merge(routes::own(metrics, self.config.is_dev()))
            .declared();
        routes.extend(self.builder.provider.declared_routes());
        routes.extend(self.builder.declared.declared());
        routes.extend(routes::of_tasks_and_models(&self.tasks, &self.models));
        routes
    }

    /// Brings the users to what the identity provider has.
    pub(crate) async fn sync_users(mut self, store: Store) -> Result<SyncReport> {
        let setup = AuthSetup::new(Arc::clone(&self.config), store);
        let provider = &mut self.builder.provider;
        provider.start(&setup).await?;
        provider.sync(&setup.directory).await
    }

    /// Wires everything together and starts the workers.
    pub(crate) async fn assemble(self, store: Store) -> Result<Portal, BuildError> {
        let Self {
            config,
            pages,
            tasks,
            models,
            defaults,
            roles,
            brand,
            topics,
            builder,
        } = self;
        let PortalBuilder {
            mut provider,
            mut state,
            layout,
            theme,
            edit_nav,
            search,
            allow_impersonated_admins,
            routes: undeclared,
            declared,
            layers,
            task_settings,
            metrics,
            ..
        } = builder;
        let setup = AuthSetup::new(Arc::clone(&config), store.clone());
        provider.start(&setup).await?;
        let mut open = provider.declared_routes();
        open.extend(routes::always_open().declared());
        let maintenance = Maintenance::new(store.clone(), config.maintenance, &open);
        maintenance.refresh().await?;
        let provider_routes = provider.routes();
        let mut sources = provider.content_sources();
        let headers = AnswerHeaders::new(config.is_https(), &sources);
        sources.style_unsafe_inline = true;
        let inline_styles_policy = sources.header();
        let auth = Auth::new(provider, Arc::clone(&config), store.clone())
            .with_roles(Arc::clone(&roles), allow_impersonated_admins)
            .with_listener(Arc::new(AccountMessages));
        let auth = Arc::new(auth);
        let live = Live::new(store.clone(), topics, &config);
        let notifications = Notifications::new(store.clone(), live.clone());

        let mut nav = Nav::default();
        for page in &pages {
            if let Some(item) = &page.nav {
                nav.link(item.clone(), page.path, page.access.clone());
            }
        }
        edit_nav.into_iter().for_each(|edit| edit(&mut nav));
        nav.sort();
        let problems: Vec<_> = nav
            .links()
            .filter_map(|(path, access)| {
                let problem = roles.problem_of(access)?;
                Some(BuildProblem(format!(
                    "the navigation entry of `{path}` {problem}"
                )))
            })
            .collect();
        if !problems.is_empty() {
            return Err(BuildError::Problems(problems));
        }
        if maintenance.is_on() {
            tracing::warn!("maintenance is on: only administrators are let in");
        }
        if allow_impersonated_admins {
            tracing::warn!(
                "who acts in the name of an administrator has all his rights: allow_impersonated_admins() is on"
            );
        }
        let profile_path = pages
            .iter()
            .map(|page| page.path)
            .find(|path| *path == "/admin/profile")
            .map(str::to_owned);

        log_summary(&pages, &tasks, &models);
        let mut listed = routes::of_tasks_and_models(&tasks, &models);
        let all = pages::routes(pages)
            .merge(routes::own(
                metrics.unwrap_or(config.is_dev()),
                config.is_dev(),
            ))
            .merge(provider_routes)
            .merge(declared);
        listed.extend(all.declared());
        pages::assets::prepare();
        let stop = CancellationToken::new();
        let (of_pages, of_tasks) = (live.clone(), live.clone());
        let tasks = Tasks::new(store.clone(), tasks, task_settings);
        tasks.listen(move |_| of_tasks.changed_here("tasks"));
        state.insert(Gate::new(&config));
        state.insert(Origins::new(&config));
        state.insert(Proxies::new(&config));
        state.insert(RateLimits::new(&config));
        let connections = Connections::new(&config);
        let theme = PortalTheme::load(store.clone(), theme).await?;
        state.insert(PageSetup {
            config: Arc::clone(&config),
            nav,
            theme,
            brand,
            layout,
            profile_path,
            auth: Arc::clone(&auth),
            unread: Arc::new(notifications.clone()),
            in_maintenance: maintenance.flag(),
            inline_styles_policy,
            read_mark: Arc::new(move || of_pages.read_mark()),
        });
        let mut sources = SearchSources::default();
        sources.push(admin::ModelSearch);
        sources.push(tasks::TaskSearch);
        sources.extend(search);
        state.insert(sources);
        let users = Users::new(store.clone()).with_roles(Arc::clone(&roles));
        state.insert(users.with_listener(Arc::new(AccountMessages)));
        state.insert(live.clone());
        state.insert(notifications);
        state.insert(maintenance.clone());
        state.insert(AuditLog::new(store.clone()));
        // Weak: the provider, which the service owns, owns the directory.
        let caches = Arc::downgrade(&auth);
        setup.directory.listen(move |notification| {
            if let Some(auth) = caches.upgrade() {
                auth.heed(notification);
            }
        });
        state.insert(Accounts::new(Arc::clone(&auth)));
        state.insert_shared(auth);
        state.insert_shared(roles);
        state.insert(PreferenceChecks(vec![(
            pages::THEME_PREFERENCE,
            Theme::preference_faults,
        )]));
        let tokens = ClientTokens::new(store.clone());
        state.insert(tokens.clone());
        state.insert(tasks.clone());
        let monitors = OpenMonitors::default();
        state.insert(monitors.clone());
        state.insert(admin::Models::new(store.clone(), models));
        state.insert(defaults);
        state.insert(store.clone());
        state.insert(stop.clone());
        state.insert_shared(Arc::clone(&config));
        let state = state.build();

        let mut router = all.into_router(&state);
        for more in undeclared {
            router = router.merge(more);
        }
        let mut router = router
            .fallback(pages::fallback)
            .method_not_allowed_fallback(health::method_not_allowed)
            .layer(Outer {
                state: state.clone(),
                headers,
                compresses: config.compression,
                maintenance,
            })
            .with_state(state.clone());
        for layer in layers {
            router = layer(router);
        }

        let scheduler = Scheduler::new(tasks.clone());
        scheduler.register(now()).await?;
        let workers = TaskTracker::new();
        workers.spawn(live.clone().run(store.notifications(), stop.clone()));
        workers.spawn(scheduler.run(stop.clone()));
        workers.spawn(tasks.clone().keep_pruned(stop.clone()));
        let fanout = Fanout::new(tasks.clone(), tokens);
        let worker = Worker::new(tasks, state.clone(), stop.clone());
        workers.spawn(fanout.beside(worker.run()));
        // Subscribed here, so that nothing is missed.
        let hints = std::array::from_fn(|_| store.notifications());
        workers.spawn(follow(state.clone(), store.clone(), hints, stop.clone()));
        workers.close();
        Ok(Portal {
            config,
            router,
            state,
            store,
            stop,
            workers,
            monitors,
            live,
            routes: listed,
            connections,
        })
    }
}

/// Says what the portal is made of: a crate that was not linked shows by its absence.
fn log_summary(pages: &[Page], tasks: &TaskRegistry, models: &ModelRegistry) {
    let sources = pages
        .iter()
        .map(|page| page.source)
        .chain(tasks.all().map(|task| task.source))
        .chain(models.models().iter().map(|model| model.source));
    let crates: BTreeSet<_> = sources.map(|source| source.crate_name()).collect();
    tracing::info!(
        "{} pages, {} models, {} tasks from {}",
        pages.len(),
        models.models().len(),
        tasks.all().count(),
        crates.into_iter().collect::<Vec<_>>().join(", "),
    );
}

/// Keeps the caches of this process true until the portal stops.
async fn follow(
    state: PortalState,
    store: Store,
    [of_auth, of_notifications, of_theme, of_maintenance]: [Receiver<Notification>; 4],
    stop: CancellationToken,
) {
    let (Ok(auth), Ok(notifications), Ok(pages), Ok(maintenance)) = (
        state.borrow::<Auth>(),
        state.borrow::<Notifications>(),
        state.borrow::<PageSetup>(),
        state.borrow::<Maintenance>(),
    ) else {
        return;
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = store.listen() => {}
        () = auth.follow(of_auth) => {}
        () = notifications.follow(of_notifications) => {}
        () = pages.theme.follow(of_theme) => {}
        () = maintenance.follow(of_maintenance) => {}
    }
}
