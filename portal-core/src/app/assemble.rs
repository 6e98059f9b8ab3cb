//! Assembly: turns a validated portal into a running one.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::build_error::{BuildError, BuildProblem};
use super::builder::PortalBuilder;
use super::maintenance::Maintenance;
use super::pipeline::Services;
use super::portal::Portal;
use super::router;
use super::routes;
use super::validate::ValidatedPortal;
use crate::admin::{self, ModelRegistry};
use crate::auth::{
    Access, Accounts, AuditLog, Auth, ClientTokens, KeyValueStore, PreferenceChecks,
    ProviderContext, SecretKey,
};
use crate::error::Result;
use crate::live::{Live, OWN_TASKS};
use crate::notifications::{AccountNotifier, Notifications};
use crate::pages::{self, DefaultTheme, Nav, Page, PageRenderer, SearchSources, Theme};
use crate::security::{
    ConnectionLimiter, OriginPolicy, RateLimits, RequestValidator, ResponseHeaders, TrustedProxies,
};
use crate::state::PortalState;
use crate::store::{ClusterEvent, Store, now};
use crate::tasks::{self, Fanout, OpenMonitors, Scheduler, TaskRegistry, Tasks, Worker};

impl ValidatedPortal {
    /// Connects the services of the portal and starts its workers.
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
            migrations: _,
            builder,
        } = self;
        let PortalBuilder {
            mut provider,
            mut state,
            layout,
            theme,
            edit_nav,
            search,
            impersonators_have_full_rights,
            routers: undeclared,
            declared,
            router_maps,
            task_settings,
            metrics,
            csp_sources,
            ..
        } = builder;
        let setup = ProviderContext::new(Arc::clone(&config), store.clone());
        provider.start(&setup).await?;
        let maintenance = Maintenance::new(store.clone(), config.maintenance);
        maintenance.refresh().await?;
        let provider_routes = routes::of_provider(provider.routes());
        let mut sources = provider.csp_sources();
        sources.extend(csp_sources);
        let headers = ResponseHeaders::new(config.is_https(), &sources);
        let page_sources = sources.clone();
        sources.style_unsafe_inline = true;
        let inline_styles_policy = sources.header();
        let auth = Auth::new(provider, Arc::clone(&config), store.clone())
            .with_roles(Arc::clone(&roles), impersonators_have_full_rights)
            .with_listener(Arc::new(AccountNotifier));
        auth.apply_admin_emails().await?;
        let auth = Arc::new(auth);
        let live = Live::new(store.clone(), topics, &config);
        let notifications = Notifications::new(store.clone(), live.clone());

        let mut nav = Nav::default();
        for page in &pages {
            nav.describe(page);
            if let Some(item) = &page.nav {
                nav.link(item.clone(), page.path, page.access.clone());
            }
        }
        admin::link_models(&models, &mut nav);
        edit_nav.into_iter().for_each(|edit| edit(&mut nav));
        nav.sort();
        let unknown_icons = nav.unknown_icons().into_iter().map(BuildProblem);
        let problems: Vec<_> = nav
            .links()
            .filter_map(|(path, access)| {
                let problem = roles.problem_of(access)?;
                Some(BuildProblem(format!(
                    "the navigation entry for `{path}` {problem}"
                )))
            })
            .chain(unknown_icons)
            .collect();
        if !problems.is_empty() {
            return Err(BuildError::Problems(problems));
        }
        if maintenance.is_on() {
            tracing::warn!("maintenance is on; only administrators have access");
        }
        if impersonators_have_full_rights {
            tracing::warn!(
                "grant_impersonators_full_rights() is set; impersonators have the full rights of the users that they impersonate"
            );
        }
        let has_task_pages = pages.iter().any(|page| page.path == tasks::OWN_TASK);
        log_summary(&pages, &tasks, &models);
        let mut listed = routes::of_tasks_and_models(&tasks, &models);
        let all = pages::routes(pages)
            .merge(routes::builtin(
                metrics.unwrap_or(config.is_dev()),
                config.is_dev(),
            ))
            .merge(provider_routes)
            .merge(declared);
        listed.extend(all.list());
        pages::assets::prepare();
        let stop = CancellationToken::new();
        let (of_pages, of_tasks) = (live.clone(), live.clone());
        let tasks = Tasks::new(
            store.clone(),
            tasks,
            task_settings.with_task_pages(has_task_pages),
        );
        tasks.listen(move |task| {
            of_tasks.notify_local("tasks");
            if task.owner_user_id.is_some() {
                of_tasks.notify_local_user(task.owner_user_id, OWN_TASKS);
            }
        });
        let origins = Arc::new(OriginPolicy::new(&config));
        state.insert_shared(Arc::clone(&origins));
        state.insert(TrustedProxies::new(&config));
        let connections = ConnectionLimiter::new(&config);
        let theme = DefaultTheme::load(store.clone(), theme).await?;
        state.insert(PageRenderer {
            base_path: config.base_path.as_str().into(),
            config: Arc::clone(&config),
            nav,
            theme,
            brand,
            layout,
            auth: Arc::clone(&auth),
            unread: Arc::new(notifications.clone()),
            in_maintenance: maintenance.flag(),
            csp_sources: page_sources,
            inline_styles_policy,
            read_mark: Arc::new(move || Box::new(of_pages.cursor())),
        });
        let mut sources = SearchSources::default();
        sources.push(admin::ModelSearch);
        sources.push(tasks::TaskSearch);
        sources.extend(search);
        state.insert(sources);
        // The application can extract the same handles.
        state.insert(auth.users.clone());
        state.insert(live.clone());
        state.insert(notifications);
        state.insert(maintenance.clone());
        state.insert(AuditLog::new(store.clone()));
        // A strong reference would be a cycle: the service owns the provider, which owns the
        // directory.
        let caches = Arc::downgrade(&auth);
        setup.directory.listen(move |notification| {
            if let Some(auth) = caches.upgrade() {
                auth.heed(notification);
            }
        });
        let key = SecretKey::new(config.secret_key.clone(), KeyValueStore::new(store.clone()));
        let tokens = ClientTokens::new(store.clone(), key);
        state.insert(Accounts::new(Arc::clone(&auth), tokens.clone()));
        state.insert_shared(auth);
        state.insert_shared(roles);
        state.insert(PreferenceChecks(vec![(
            pages::THEME_PREFERENCE,
            Theme::preference_errors,
        )]));
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

        let services = Services {
            state: state.clone(),
            validator: RequestValidator::new(&config),
            origins,
            rate_limits: RateLimits::new(&config),
            maintenance,
            headers,
            compresses: config.compression,
        };
        let undeclared = undeclared.into_iter().map(|(router, _)| router);
        let router = router::build(Arc::new(services), all, undeclared);
        let mut router = router.with_state(state.clone());
        for map in router_maps {
            router = map(router);
        }

        let scheduler = Scheduler::new(tasks.clone());
        scheduler.register(now()).await?;
        let workers = TaskTracker::new();
        workers.spawn(live.clone().run(store.subscribe(), stop.clone()));
        workers.spawn(scheduler.run(stop.clone()));
        workers.spawn(tasks.clone().run_pruner(stop.clone()));
        let fanout = Fanout::new(tasks.clone(), tokens);
        let worker = Worker::new(tasks, state.clone(), stop.clone());
        workers.spawn(fanout.run_with(worker.run()));
        // Subscribing before the spawn ensures that no event is missed.
        let events = std::array::from_fn(|_| store.subscribe());
        workers.spawn(follow(state.clone(), store.clone(), events, stop.clone()));
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

/// Logs the number of pages, tasks and models, so that a missing crate is noticed.
fn log_summary(pages: &[Page], tasks: &TaskRegistry, models: &ModelRegistry) {
    let sources = pages
        .iter()
        .map(|page| page.source)
        .chain(tasks.all().map(|task| task.source))
        .chain(models.models().iter().map(|model| model.source));
    let crates: BTreeSet<_> = sources.map(|source| source.crate_name()).collect();
    tracing::info!(
        pages = pages.len(),
        models = models.models().len(),
        tasks = tasks.all().count(),
        crates = crates.into_iter().collect::<Vec<_>>().join(", "),
        "portal assembled"
    );
    let open: Vec<_> = tasks
        .startable()
        .filter(|task| task.access == Access::Public)
        .map(|task| format!("{}/{}", task.group, task.name))
        .collect();
    if !open.is_empty() {
        tracing::info!(
            tasks = open.join(", "),
            "tasks without an access rule; anyone with a client token may start them"
        );
    }
}

/// Invalidates the caches of this process on cluster events, until the portal stops.
async fn follow(
    state: PortalState,
    store: Store,
    [of_auth, of_notifications, of_theme, of_maintenance]: [Receiver<ClusterEvent>; 4],
    stop: CancellationToken,
) {
    let (Ok(auth), Ok(notifications), Ok(pages), Ok(maintenance)) = (
        state.borrow::<Auth>(),
        state.borrow::<Notifications>(),
        state.borrow::<PageRenderer>(),
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
