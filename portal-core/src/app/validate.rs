//! Validation of the items collected by a builder.

use std::sync::Arc;

use super::build_error::{BuildError, BuildProblem};
use super::builder::PortalBuilder;
use super::discover::discover;
use super::overlap::{self, KnownRoute};
use super::portal::Portal;
use super::routes;
use crate::admin::{self, DefaultRows, ModelRegistry, ModelSpec};
use crate::auth::{Access, ProviderContext, Roles, RouteInfo, SyncReport};
use crate::config::{Config, ConfigError, SettingSources, Settings, mask_uri};
use crate::error::{Error, Result};
use crate::live::Topics;
use crate::pages::theme::Accent;
use crate::pages::{self, BrandAssets, Page};
use crate::source::Source;
use crate::store::{self, Migrations, Store, StoreError};
use crate::tasks::{self, TaskRegistry};

/// A validated portal whose database has not been opened yet.
pub(crate) struct ValidatedPortal {
    pub(crate) config: Arc<Config>,
    pub(crate) pages: Vec<Page>,
    pub(crate) tasks: TaskRegistry,
    pub(crate) models: ModelRegistry,
    pub(crate) defaults: DefaultRows,
    pub(crate) roles: Arc<Roles>,
    pub(super) brand: BrandAssets,
    pub(super) topics: Topics,
    /// Migrations of the plugins, followed by those of the application.
    pub(crate) migrations: Vec<Migrations>,
    pub(super) builder: PortalBuilder,
}

impl PortalBuilder {
    /// Validates everything, opens the database and starts the workers.
    ///
    /// # Errors
    ///
    /// [`BuildError`] that lists all problems which prevent the portal from starting.
    pub async fn build(self) -> Result<Portal, BuildError> {
        let plan = self.validate_for_process()?;
        let store = plan.open_store().await?;
        plan.assemble(store).await
    }

    /// Applies the portal's migrations and creates or extends the models' tables.
    ///
    /// Equivalent to `db migrate`, for applications that do not use the portal's command line. In
    /// PROD, [`build`](Self::build) fails until the database is migrated. Replicas that migrate at
    /// the same time wait for one another.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the portal is invalid or the database cannot be migrated.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use portal_core::prelude::*;
    ///
    /// fn portal() -> PortalBuilder {
    ///     Portal::builder().base_path("/portal").discover()
    /// }
    ///
    /// portal().migrate().await?;
    /// let portal = portal().build().await?;
    /// # Ok(()) }
    /// ```
    pub async fn migrate(self) -> Result<(), BuildError> {
        let plan = self.validate_for_process()?;
        let store = plan.connect().await?;
        plan.migrate(&store).await?;
        plan.close(store).await;
        Ok(())
    }

    /// Validates everything with the settings of the process.
    pub(super) fn validate_for_process(self) -> Result<ValidatedPortal, BuildError> {
        let settings = self.read_settings()?;
        self.validate(settings)
    }

    /// Loads the settings from the environment and `.env`, unless the application has set a
    /// configuration.
    fn read_settings(&self) -> Result<Option<Settings>, ConfigError> {
        if self.config.is_some() {
            return Ok(None);
        }
        let extra = self.provider.settings();
        let sources = SettingSources::of_process(Default::default(), extra);
        let sources = sources.map_err(|error| ConfigError {
            problems: vec![error.to_string()],
        })?;
        Ok(Some(Settings::load(extra, &sources)))
    }

    /// Validates configuration, pages, tasks and models, without the database.
    pub(crate) fn validate(
        mut self,
        settings: Option<Settings>,
    ) -> Result<ValidatedPortal, BuildError> {
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
            let discovered = discover();
            self.pages.extend(discovered.pages);
            self.tasks.extend(discovered.tasks);
            self.models.extend(discovered.models);
            self.actions.extend(discovered.actions);
        }
        let roles = Roles::new(std::mem::take(&mut self.roles));
        let mut problems = roles.problems();
        problems.append(&mut self.mistakes);
        if !self.has_provider && !config.is_dev() {
            problems.push(
                "a portal in PROD requires an identity provider; \
                 add one with `.auth(provider)` on the builder"
                    .to_owned(),
            );
        }
        let brand = std::mem::take(&mut self.brand).prepare();
        let brand = brand.unwrap_or_else(|errors| {
            problems.extend(errors);
            BrandAssets::default()
        });
        if brand.has_accent() {
            self.theme.accent = Accent::Brand;
        }
        let mut taken = routes::builtin(true, config.is_dev()).list();
        taken.extend(self.provider.list_routes());
        let mut models = std::mem::take(&mut self.models);
        problems.extend(self.attach_actions(&mut models));
        let models = models.into_iter().chain([ModelSpec::users(&roles)]);
        let (models, errors) = ModelRegistry::new(models);
        let pages = self.collect_pages(&models, &taken, config.is_dev(), &mut problems);
        let declared = self.declared.list();
        let of_pages = pages.iter().map(KnownRoute::of_page);
        let mut known: Vec<_> = taken.into_iter().map(KnownRoute::of_portal).collect();
        known.extend(of_pages);
        problems.extend(routes::problems(&declared, &mut known));
        problems.extend(overlap::problems(&self.routers, &known));
        let known_pages = std::mem::take(&mut self.known_pages);
        let has_others = !self.routers.is_empty();
        problems.extend(known_pages.resolve(&mut config, &pages, &declared, has_others));
        self.tasks.extend(admin::action_tasks(&models));
        let tasks = self.collect_tasks(&mut problems);
        let topics = self.collect_topics(&roles, &models, &mut problems);
        problems.extend(errors);
        for model in models.models() {
            for dependency in model.policy.dependencies() {
                if !self.data.contains_key(&dependency.id) {
                    problems.push(missing_data(
                        "the scope of the admin model",
                        model.source,
                        dependency.name,
                    ));
                }
            }
        }
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
        let mut migrations = std::mem::take(&mut self.plugin_migrations);
        migrations.extend(self.migrations.clone());
        problems.extend(store::migrations::problems(&migrations));
        if !problems.is_empty() {
            return Err(BuildError::Problems(
                problems.into_iter().map(BuildProblem).collect(),
            ));
        }
        Ok(ValidatedPortal {
            config: Arc::new(config),
            pages,
            tasks,
            models,
            defaults,
            roles: Arc::new(roles),
            brand,
            topics,
            migrations,
            builder: self,
        })
    }

    /// Collects the topics of the portal, its models and the application.
    fn collect_topics(
        &mut self,
        roles: &Roles,
        models: &ModelRegistry,
        problems: &mut Vec<String>,
    ) -> Topics {
        let mut topics = Topics::new();
        let models = models.models().iter();
        let of_models =
            models.map(|it| (format!("model:{}", it.name), it.policy.view_access(), false));
        for (name, access, personal) in of_models.chain(std::mem::take(&mut self.topics)) {
            problems.extend(topics.add(&name, access, personal).err());
        }
        let guards = topics.guards();
        // Problems with models' access rules are reported for the models themselves.
        let guards = guards.filter(|(name, _)| !name.starts_with("model:"));
        problems.extend(guards.filter_map(|(name, access)| {
            let problem = roles.problem_of(access)?;
            Some(format!("the topic `{name}` {problem}"))
        }));
        topics
    }

    /// Adds the actions to their models, and returns problems.
    fn attach_actions(&mut self, models: &mut [ModelSpec]) -> Vec<String> {
        let actions = std::mem::take(&mut self.actions);
        let mut problems = Vec::new();
        for action in &actions {
            for dependency in &action.dependencies {
                if !self.data.contains_key(&dependency.id) {
                    let name = dependency.name;
                    problems.push(missing_data("the action", action.source, name));
                }
            }
        }
        problems.extend(admin::attach_actions(actions, models));
        problems
    }

    fn collect_tasks(&mut self, problems: &mut Vec<String>) -> TaskRegistry {
        let mut registry = TaskRegistry::default();
        for task in std::mem::take(&mut self.tasks) {
            for requirement in &task.requirements {
                if !self.data.contains_key(&requirement.id) {
                    problems.push(missing_data("task", task.source, requirement.name));
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

/// Describes roles and permissions that are required although no user can have them.
fn access_problems(
    roles: &Roles,
    pages: &[Page],
    tasks: &TaskRegistry,
    models: &ModelRegistry,
) -> Vec<String> {
    let pages = pages.iter().map(|it| ("page", it.source, &it.access));
    let tasks = tasks.all().map(|it| ("task", it.source, &it.access));
    let models = models.models().iter();
    // The settings page combines the access rules of its models, whose problems are already
    // reported.
    let models: Vec<_> = models
        .flat_map(|it| {
            it.policy
                .all_rules()
                .map(|rule| ("admin model", it.source, rule))
        })
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

pub(super) fn missing_data(what: &str, source: Source, data: &str) -> String {
    let Source { file, line, .. } = source;
    format!(
        "{what} `{source}` requires `Data<{data}>` ({file}:{line})\n     call `.data(value)` with a value of this type on the builder"
    )
}

/// Returns the location of a database: the absolute path of a file, or the URI without its
/// password.
fn place_of(uri: &str) -> String {
    let Some(rest) = uri.strip_prefix("sqlite:") else {
        return mask_uri(uri);
    };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = path.split('?').next().unwrap_or_default();
    match std::path::absolute(path) {
        Ok(path) => path.display().to_string(),
        Err(_) => path.to_owned(),
    }
}

impl ValidatedPortal {
    /// Opens the database and, in DEV, migrates it; in PROD, only `db migrate` migrates it.
    pub(crate) async fn open_store(&self) -> Result<Store, BuildError> {
        let store = self.connect().await?;
        if self.config.is_dev() {
            self.migrate(&store).await?;
            for problem in self.drift(&store).await? {
                tracing::warn!(%problem, "the database differs from the models");
            }
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
            None => {
                let uri = self.config.database_url.expose_secret();
                let opened = Store::connect(uri).await;
                opened.map_err(|source| BuildError::Database {
                    variable: match self.config.is_dev() {
                        true => "DB_LOCAL_URI",
                        false => "DB_CONN_URI",
                    },
                    location: place_of(uri),
                    source,
                })?
            }
        })
    }

    /// Applies migrations and creates or extends the models' tables. Returns the names of the
    /// applied migrations of plugins and of the application.
    pub(crate) async fn migrate(&self, store: &Store) -> Result<Vec<String>, BuildError> {
        store.migrate().await?;
        let applied = admin::apply_models(store, &self.models, &self.migrations).await;
        applied.map_err(|error| match error {
            StoreError::UniqueViolation { constraint } => Error::internal(format!(
                "failed to make fields of an admin model unique; rows share a value: {constraint}"
            ))
            .into(),
            error => error.into(),
        })
    }

    /// Describes all differences between the database and what this program requires.
    pub(crate) async fn drift(&self, store: &Store) -> Result<Vec<String>, BuildError> {
        let mut problems = self.portal_drift(store).await?;
        if problems.is_empty() {
            problems.extend(self.migration_drift(store).await?);
            problems.extend(admin::model_drift(store, &self.models).await?);
        }
        Ok(problems)
    }

    /// Describes the differences between the portal's own migrations and those in the database.
    pub(super) async fn portal_drift(&self, store: &Store) -> Result<Vec<String>, BuildError> {
        let state = store.migration_state().await?;
        let missing = state.missing.iter();
        let mut problems: Vec<_> = missing
            .map(|name| format!("migration `{name}` is missing"))
            .collect();
        problems.extend(
            state
                .mismatched
                .iter()
                .map(|version| format!("migration {version} is not part of this program")),
        );
        Ok(problems)
    }

    /// Describes the differences between the migrations of plugins and of the application and those
    /// in the database.
    pub(super) async fn migration_drift(&self, store: &Store) -> Result<Vec<String>, BuildError> {
        Ok(store::migrations::migration_drift(store, &self.migrations).await?)
    }

    /// Returns all routes with their guards; the separate lists of pages, tasks and models contain
    /// more details.
    pub(crate) fn list_routes(&self) -> Vec<RouteInfo> {
        let metrics = self.builder.metrics.unwrap_or(self.config.is_dev());
        let mut routes = pages::routes(self.pages.clone())
            .merge(routes::builtin(metrics, self.config.is_dev()))
            .list();
        routes.extend(self.builder.provider.list_routes());
        routes.extend(self.builder.declared.list());
        routes.extend(routes::of_tasks_and_models(&self.tasks, &self.models));
        routes
    }

    /// Synchronizes users from the identity provider.
    pub(crate) async fn sync_users(mut self, store: Store) -> Result<SyncReport> {
        let setup = ProviderContext::new(Arc::clone(&self.config), store);
        let provider = &mut self.builder.provider;
        provider.start(&setup).await?;
        provider.sync(&setup.directory).await
    }
}
