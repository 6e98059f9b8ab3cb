//! Pages of tasks: `/tasks` for users, `/admin/tasks` for administrators.

mod actions;
mod all_tasks;
mod area;
mod client_tokens;
mod code_samples;
mod detail;
mod filter;
mod log_view;
mod row;
mod schedules;
pub(super) mod search;
mod start;
mod statistics;
mod task_types;

use std::collections::HashMap;

use axum::extract::{FromRequest, RawForm, Request};
use axum::http::Method;
use maud::{Markup, html};

use self::area::Area;
use super::service::Tasks;
use crate::auth::{Access, AuditLog, ClientTokens, CurrentUser, RateClass, Users, caller};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::pages::components::{PageHead, Tab, Tone, badge, icon};
use crate::pages::{IntoPage, NavItem, Page, PageFuture, asset_url};
use crate::source;
use crate::state::PortalState;

const PATH: &str = "/admin/tasks";
const ALL: &str = "/admin/tasks/all";
const TASK_TYPES: &str = "/admin/tasks/kinds";
const SCHEDULES: &str = "/admin/tasks/schedules";
const STATISTICS: &str = "/admin/tasks/statistics";
const TOKENS: &str = "/admin/tasks/tokens";
const NEW_TOKEN: &str = "/admin/tasks/tokens/new";

pub(crate) use self::area::OWN_TASK;

/// Returns the pages for the administration of tasks and for users' own tasks.
pub(crate) fn pages() -> Vec<Page> {
    let nav = NavItem::new("Tasks")
        .icon("list-checks")
        .order(60)
        .group("Administration");
    let page = |source, path, respond: fn(PortalState, Request) -> PageFuture| {
        Page::new(source, path, respond)
            .title("Background tasks")
            .description("Run background tasks and follow their progress.")
            .access(Access::Admin)
    };
    let mut pages = area::own_pages();
    pages.extend([
        page(source!(tasks), PATH, |state, request| {
            Box::pin(async move { start::show(&state, request, Area::Admin).await.into_page() })
        })
        .nav(nav),
        page(source!(all_tasks), ALL, |state, request| {
            Box::pin(async move { all_tasks::show(&state, request).await.into_page() })
        }),
        page(source!(kinds_of_task), TASK_TYPES, |state, request| {
            Box::pin(async move { task_types::show(&state, request).await.into_page() })
        }),
        page(
            source!(start_task),
            "/admin/tasks/start",
            |state, request| {
                Box::pin(
                    async move { start::start(&state, request, Area::Admin).await.into_page() },
                )
            },
        )
        .method(Method::POST)
        .rate_class(RateClass::StartTask),
        page(source!(schedules_of_tasks), SCHEDULES, |state, request| {
            Box::pin(async move { schedules::show(&state, request).await.into_page() })
        }),
        page(
            source!(statistics_of_tasks),
            STATISTICS,
            |state, request| {
                Box::pin(async move { statistics::show(&state, request).await.into_page() })
            },
        ),
        page(source!(client_tokens), TOKENS, |state, request| {
            Box::pin(async move { client_tokens::show(&state, request).await.into_page() })
        }),
        page(source!(new_client_token), NEW_TOKEN, |state, request| {
            Box::pin(async move { client_tokens::create(&state, request).await.into_page() })
        })
        .method(Method::POST)
        .rate_class(RateClass::ClientToken),
        page(
            source!(revoke_client_token),
            "/admin/tasks/tokens/revoke",
            |state, request| {
                Box::pin(async move { client_tokens::revoke(&state, request).await.into_page() })
            },
        )
        .method(Method::POST)
        .rate_class(RateClass::ClientToken),
        page(
            source!(task_detail),
            "/admin/tasks/{task_id}",
            |state, request| {
                Box::pin(
                    async move { detail::show(&state, request, Area::Admin).await.into_page() },
                )
            },
        ),
        page(
            source!(cancel_task),
            "/admin/tasks/{task_id}/cancel",
            |state, request| {
                Box::pin(async move {
                    actions::cancel(&state, request, Area::Admin)
                        .await
                        .into_page()
                })
            },
        )
        .method(Method::POST)
        .rate_class(RateClass::AdminWrite),
        page(
            source!(run_task_again),
            "/admin/tasks/{task_id}/again",
            |state, request| {
                Box::pin(async move {
                    actions::run_again(&state, request, Area::Admin)
                        .await
                        .into_page()
                })
            },
        )
        .method(Method::POST)
        .rate_class(RateClass::StartTask),
        page(
            source!(pause_tasks),
            "/admin/tasks/kinds/pause",
            |state, request| {
                Box::pin(async move { actions::pause(&state, request).await.into_page() })
            },
        )
        .method(Method::POST)
        .rate_class(RateClass::AdminWrite),
        page(
            source!(resume_tasks),
            "/admin/tasks/kinds/resume",
            |state, request| {
                Box::pin(async move { actions::resume(&state, request).await.into_page() })
            },
        )
        .method(Method::POST)
        .rate_class(RateClass::AdminWrite),
        page(
            source!(pause_schedule),
            "/admin/tasks/kinds/pause-schedule",
            |state, request| {
                Box::pin(async move { actions::pause_schedule(&state, request).await.into_page() })
            },
        )
        .method(Method::POST)
        .rate_class(RateClass::AdminWrite),
        page(
            source!(resume_schedule),
            "/admin/tasks/kinds/resume-schedule",
            |state, request| {
                Box::pin(async move { actions::resume_schedule(&state, request).await.into_page() })
            },
        )
        .method(Method::POST)
        .rate_class(RateClass::AdminWrite),
        page(
            source!(prune_tasks),
            "/admin/tasks/prune",
            |state, request| {
                Box::pin(async move { actions::prune(&state, request).await.into_page() })
            },
        )
        .method(Method::POST)
        .rate_class(RateClass::AdminWrite),
    ]);
    pages
}

/// Fields of a query or a form.
#[derive(Default)]
struct RequestFields {
    fields: HashMap<String, String>,
}

impl RequestFields {
    fn parse(encoded: &[u8]) -> Self {
        Self {
            fields: url::form_urlencoded::parse(encoded).into_owned().collect(),
        }
    }

    fn of_query(request: &Request) -> Self {
        Self::parse(request.uri().query().unwrap_or_default().as_bytes())
    }

    /// Returns the trimmed text of a field unless it is empty.
    fn get(&self, name: &str) -> Option<&str> {
        let text = self.fields.get(name).map(|text| text.trim());
        text.filter(|text| !text.is_empty())
    }
}

/// User of a page, and the services that the page uses.
struct PageScope<'a> {
    area: Area,
    user: CurrentUser,
    tasks: &'a Tasks,
    tokens: &'a ClientTokens,
    users: &'a Users,
    audit: &'a AuditLog,
    config: &'a Config,
}

impl<'a> PageScope<'a> {
    async fn of(state: &'a PortalState, request: Request) -> Result<(Self, Request)> {
        Self::in_area(Area::Admin, state, request).await
    }

    async fn in_area(
        area: Area,
        state: &'a PortalState,
        request: Request,
    ) -> Result<(Self, Request)> {
        let (mut parts, body) = request.into_parts();
        let user = caller(&mut parts, state)
            .await?
            .ok_or_else(Error::unauthorized)?;
        let reader = Self {
            area,
            user,
            tasks: state.borrow()?,
            tokens: state.borrow()?,
            users: state.borrow()?,
            audit: state.borrow()?,
            config: state.borrow()?,
        };
        Ok((reader, Request::from_parts(parts, body)))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.config.base_path)
    }

    /// Renders the link to the style sheet that only these pages use.
    fn styles(&self) -> Markup {
        html! { link rel="stylesheet" href=(self.url(asset_url("tasks.css"))); }
    }
}

async fn read_form(request: Request, state: &PortalState) -> Result<RawForm> {
    RawForm::from_request(request, state)
        .await
        .map_err(|_| Error::bad_request("failed to read the form"))
}

/// Returns the head of a page with the tabs of the administrators' area.
fn head(reader: &PageScope<'_>, here: &str) -> PageHead<'static> {
    if reader.area == Area::Own {
        return PageHead::new("My tasks")
            .description("Tasks you start appear here with live progress.");
    }
    let tab = |label: &str, path: &str| Tab::new(label, reader.url(path), path == here);
    PageHead::new("Background tasks")
        .description("Run tasks and follow their progress, here or from your own programs.")
        .tabs(
            "Background tasks",
            vec![
                tab("Run", PATH),
                tab("All tasks", ALL),
                tab("Task types", TASK_TYPES),
                tab("Schedules", SCHEDULES),
                tab("Statistics", STATISTICS),
                tab("Client tokens", TOKENS),
            ],
        )
}

/// Renders a small select without a visible label.
fn compact_select(name: &str, label: &str, options: Markup) -> Markup {
    html! {
        span class="pt-select" {
            select class="pt-input" data-size="1" name=(name) aria-label=(label) { (options) }
            (icon("chevron-down"))
        }
    }
}

fn access_badge(access: &Access) -> Markup {
    let tone = if *access == Access::Public {
        Tone::Neutral
    } else {
        Tone::Accent
    };
    badge(&access.to_string(), tone)
}
