//! Task pages: `/tasks` for users, `/admin/tasks` for administrators.

mod actions;
mod all_tasks;
mod area;
mod client_tokens;
mod code_samples;
mod detail;
mod filter;
mod log_view;
mod request;
mod row;
mod schedules;
mod scope;
pub(super) mod search;
mod start;
mod statistics;
mod task_types;

use maud::{Markup, html};

use self::area::Area;
use self::request::{TaskId, TraceParent};
use self::scope::{AdminScope, PageScope};
use crate::auth::{Access, RateClass};
use crate::fields::{FormFields, QueryFields};
use crate::pages::components::{PageHead, Tab, Tone, badge, icon};
use crate::pages::{Href, NavItem, Page, asset_url};
use crate::source;

const PATH: &str = "/admin/tasks";
const ALL: &str = "/admin/tasks/all";
const START: &str = "/admin/tasks/start";
const TASK_TYPES: &str = "/admin/tasks/kinds";
const SCHEDULES: &str = "/admin/tasks/schedules";
const STATISTICS: &str = "/admin/tasks/statistics";
const TOKENS: &str = "/admin/tasks/tokens";
const NEW_TOKEN: &str = "/admin/tasks/tokens/new";
const REVOKE_TOKEN: &str = "/admin/tasks/tokens/revoke";
const PRUNE: &str = "/admin/tasks/prune";

pub(crate) use self::area::OWN_TASK;

/// Returns the pages for administering tasks and for users' own tasks.
pub(crate) fn pages() -> Vec<Page> {
    let nav = NavItem::new("Tasks")
        .icon("list-checks")
        .order(60)
        .group("Administration");
    let show = |page: Page| {
        page.title("Background tasks")
            .description("Run background tasks and follow their progress.")
            .access(Access::Admin)
    };
    let start = |page: Page| show(page).rate_class(RateClass::StartTask);
    let token = |page: Page| show(page).rate_class(RateClass::ClientToken);
    let change = |page: Page| show(page).rate_class(RateClass::AdminWrite);
    let mut pages = area::own_pages();
    pages.extend([
        show(Page::get(
            PATH,
            |AdminScope(scope): AdminScope, query: QueryFields| start::show(scope, query),
        ))
        .source(source!(tasks))
        .nav(nav),
        show(Page::get(ALL, all_tasks::show)).source(source!(all_tasks)),
        show(Page::get(TASK_TYPES, task_types::show)).source(source!(kinds_of_task)),
        // A rejected form is shown at this path, from which live regions are then requested.
        show(Page::get(
            START,
            |AdminScope(scope): AdminScope, query: QueryFields| start::show(scope, query),
        ))
        .source(source!(tasks)),
        start(Page::post(
            START,
            |AdminScope(scope): AdminScope, trace: TraceParent, form: FormFields| {
                start::start(scope, trace, form)
            },
        ))
        .source(source!(start_task)),
        show(Page::get(SCHEDULES, schedules::show)).source(source!(schedules_of_tasks)),
        show(Page::get(STATISTICS, statistics::show)).source(source!(statistics_of_tasks)),
        show(Page::get(TOKENS, client_tokens::show)).source(source!(client_tokens)),
        token(Page::post(NEW_TOKEN, client_tokens::create)).source(source!(new_client_token)),
        token(Page::post(REVOKE_TOKEN, client_tokens::revoke)).source(source!(revoke_client_token)),
        show(Page::get(
            "/admin/tasks/{task_id}",
            |AdminScope(scope): AdminScope, id: TaskId| detail::show(scope, id),
        ))
        .source(source!(task_detail)),
        change(Page::post(
            "/admin/tasks/{task_id}/cancel",
            |AdminScope(scope): AdminScope, id: TaskId, form: FormFields| {
                actions::cancel(scope, id, form)
            },
        ))
        .source(source!(cancel_task)),
        start(Page::post(
            "/admin/tasks/{task_id}/again",
            |AdminScope(scope): AdminScope, id: TaskId, trace: TraceParent, form: FormFields| {
                actions::run_again(scope, id, trace, form)
            },
        ))
        .source(source!(run_task_again)),
        change(Page::post("/admin/tasks/kinds/pause", actions::pause)).source(source!(pause_tasks)),
        change(Page::post("/admin/tasks/kinds/resume", actions::resume))
            .source(source!(resume_tasks)),
        change(Page::post(
            "/admin/tasks/kinds/pause-schedule",
            actions::pause_schedule,
        ))
        .source(source!(pause_schedule)),
        change(Page::post(
            "/admin/tasks/kinds/resume-schedule",
            actions::resume_schedule,
        ))
        .source(source!(resume_schedule)),
        change(Page::post(PRUNE, actions::prune)).source(source!(prune_tasks)),
    ]);
    pages
}

/// Renders the link to the style sheet for task pages.
///
/// It is part of the markup, because drawers on other pages insert the markup of a task page.
fn styles() -> Markup {
    html! { link rel="stylesheet" href=(Href::from(asset_url("tasks.css"))); }
}

/// Returns the head of a page with the tabs of the administrators' area.
fn head(scope: &PageScope, here: &str) -> PageHead<'static> {
    if scope.area == Area::Own {
        return PageHead::new("My tasks")
            .description("Tasks you start appear here with live progress.");
    }
    let tab = |label: &str, path: &str| Tab::new(label, path, path == here);
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
