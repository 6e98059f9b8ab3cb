//! `/admin/tasks`: choose a task, start it, watch it; and what keeps tasks in order.

mod all;
mod kinds;
mod log;
mod operate;
mod row;
mod schedules;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequest, RawForm, Request};
use axum::http::{Method, StatusCode};
use axum::response::Redirect;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::client_token::{ClientToken, ClientTokens};
use super::form;
use super::service::{Starter, TaskFilter, Tasks, check_access};
use super::task::TaskDefinition;
use super::trace;
use crate::auth::{Access, AuditLog, CurrentUser, caller};
use crate::config::Config;
use crate::error::{Error, Fault, Result};
use crate::pages::components::{
    Banner, Button, Card, CodeBlock, EmptyState, PageHead, Tab, TaskList, Tone, badge, copy_button,
    icon,
};
use crate::pages::{Flash, IntoPage, NavItem, Page, PageFuture, PageResponse};
use crate::source;
use crate::state::PortalState;

const PATH: &str = "/admin/tasks";
const ALL: &str = "/admin/tasks/all";
const KINDS: &str = "/admin/tasks/kinds";

/// The pages of the task monitor.
pub(crate) fn pages() -> Vec<Page> {
    let nav = NavItem::new("Tasks")
        .icon("list-checks")
        .order(60)
        .group("Administration");
    let page = |source, path, respond: fn(PortalState, Request) -> PageFuture| {
        Page::new(source, path, respond)
            .title("Background tasks")
            .description("Start background tasks and watch them run.")
            .access(Access::Admin)
    };
    vec![
        page(source!(tasks), PATH, |state, request| {
            Box::pin(async move { show(&state, request).await.into_page() })
        })
        .nav(nav),
        page(source!(all_tasks), ALL, |state, request| {
            Box::pin(async move { all::show(&state, request).await.into_page() })
        }),
        page(source!(kinds_of_task), KINDS, |state, request| {
            Box::pin(async move { kinds::show(&state, request).await.into_page() })
        }),
        page(
            source!(start_task),
            "/admin/tasks/start",
            |state, request| Box::pin(async move { start(&state, request).await.into_page() }),
        )
        .method(Method::POST),
        page(
            source!(new_client_token),
            "/admin/tasks/token",
            |state, request| Box::pin(async move { new_token(&state, request).await.into_page() }),
        )
        .method(Method::POST),
        page(
            source!(cancel_task),
            "/admin/tasks/{task_id}/cancel",
            |state, request| {
                Box::pin(async move { operate::cancel(&state, request).await.into_page() })
            },
        )
        .method(Method::POST),
        page(
            source!(run_task_again),
            "/admin/tasks/{task_id}/again",
            |state, request| {
                Box::pin(async move { operate::run_again(&state, request).await.into_page() })
            },
        )
        .method(Method::POST),
        page(
            source!(pause_tasks),
            "/admin/tasks/kinds/pause",
            |state, request| {
                Box::pin(async move { operate::pause(&state, request).await.into_page() })
            },
        )
        .method(Method::POST),
        page(
            source!(resume_tasks),
            "/admin/tasks/kinds/resume",
            |state, request| {
                Box::pin(async move { operate::resume(&state, request).await.into_page() })
            },
        )
        .method(Method::POST),
        page(
            source!(pause_schedule),
            "/admin/tasks/kinds/pause-schedule",
            |state, request| {
                Box::pin(async move { operate::pause_schedule(&state, request).await.into_page() })
            },
        )
        .method(Method::POST),
        page(
            source!(resume_schedule),
            "/admin/tasks/kinds/resume-schedule",
            |state, request| {
                Box::pin(async move { operate::resume_schedule(&state, request).await.into_page() })
            },
        )
        .method(Method::POST),
        page(
            source!(prune_tasks),
            "/admin/tasks/prune",
            |state, request| {
                Box::pin(async move { operate::prune(&state, request).await.into_page() })
            },
        )
        .method(Method::POST),
    ]
}

/// What the reader has chosen, and what he has typed.
#[derive(Default)]
struct Choice {
    fields: HashMap<String, String>,
    faults: Vec<Fault>,
}

impl Choice {
    fn parse(encoded: &[u8]) -> Self {
        Self {
            fields: url::form_urlencoded::parse(encoded).into_owned().collect(),
            faults: Vec::new(),
        }
    }

    /// The chosen kind of task; else the first of the chosen state; else the first of all.
    fn definition<'a>(&self, tasks: &'a Tasks) -> Option<&'a Arc<TaskDefinition>> {
        let state = self
            .fields
            .get("state")
            .map(String::as_str)
            .unwrap_or_default();
        let task = self
            .fields
            .get("task")
            .map(String::as_str)
            .unwrap_or_default();
        let registry = tasks.registry();
        registry
            .get(state, task)
            .or_else(|| registry.all().find(|kind| kind.state == state))
            .or_else(|| registry.all().next())
    }
}

/// Who is at the page, and what it needs.
struct Reader<'a> {
    user: CurrentUser,
    tasks: &'a Tasks,
    tokens: &'a ClientTokens,
    audit: &'a AuditLog,
    config: &'a Config,
}

impl<'a> Reader<'a> {
    async fn of(state: &'a PortalState, request: Request) -> Result<(Self, Request)> {
        let (mut parts, body) = request.into_parts();
        let user = caller(&mut parts, state)
            .await?
            .ok_or_else(Error::unauthorized)?;
        let reader = Self {
            user,
            tasks: state.borrow()?,
            tokens: state.borrow()?,
            audit: state.borrow()?,
            config: state.borrow()?,
        };
        Ok((reader, Request::from_parts(parts, body)))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.config.base_path)
    }
}

async fn show(state: &PortalState, request: Request) -> Result<PageResponse> {
    let choice = Choice::parse(request.uri().query().unwrap_or_default().as_bytes());
    let (reader, _) = Reader::of(state, request).await?;
    Ok(render(&reader, &choice).await?.into_page())
}

async fn start(state: &PortalState, request: Request) -> Result<PageResponse> {
    let trace_parent = trace::of_request(request.headers());
    let (reader, request) = Reader::of(state, request).await?;
    let RawForm(encoded) = read_form(request, state).await?;
    let mut choice = Choice::parse(&encoded);
    let definition = choice
        .definition(reader.tasks)
        .cloned()
        .ok_or_else(|| Error::not_found("this portal has no tasks").with_code("task_unknown"))?;
    check_access(&definition, Some(&reader.user))?;
    let args = match definition.args_schema() {
        Some(schema) => form::read(schema, &choice.fields),
        None => Value::Object(Map::new()),
    };
    let token = reader.tokens.newest_or_create(reader.user.id).await?;
    let starter = Starter {
        client_token_id: Some(token.id),
        owner_user_id: Some(reader.user.id),
        trace_parent,
    };
    match reader
        .tasks
        .start_json(&definition, args, starter, None)
        .await
    {
        Ok(_) => {
            let back = format!(
                "{}?state={}&task={}",
                reader.url(PATH),
                definition.state,
                definition.name
            );
            Ok(Redirect::to(&back).into_page())
        }
        Err(error) if !error.faults().is_empty() => {
            choice.faults = error.faults().to_vec();
            Ok((
                StatusCode::UNPROCESSABLE_ENTITY,
                render(&reader, &choice).await?,
            )
                .into_page())
        }
        Err(error) => Err(error),
    }
}

async fn read_form(request: Request, state: &PortalState) -> Result<RawForm> {
    RawForm::from_request(request, state)
        .await
        .map_err(|_| Error::bad_request("the form could not be read"))
}

async fn new_token(state: &PortalState, request: Request) -> Result<PageResponse> {
    let (reader, _) = Reader::of(state, request).await?;
    reader.tokens.create(reader.user.id).await?;
    let message = "New client token: tasks of the old one stay with it";
    Ok(Flash::success(message)
        .redirect(&reader.url(PATH))
        .into_page())
}

async fn render(reader: &Reader<'_>, choice: &Choice) -> Result<Markup> {
    let head = head(reader, PATH);
    let Some(definition) = choice.definition(reader.tasks) else {
        return Ok(html! {
            (head)
            (Card::new().body(EmptyState::new("list-checks", "This portal has no tasks")
                .text("Write one with #[monitored_background_task] and it appears here.")))
        });
    };
    let token = reader.tokens.newest_or_create(reader.user.id).await?;
    let kind = (definition.state.clone(), definition.name.to_owned());
    let is_paused = reader.tasks.paused().await?.contains(&kind);
    let filter = TaskFilter {
        client_token_id: Some(token.id),
        limit: 50,
        ..TaskFilter::default()
    };
    let rows = reader
        .tasks
        .list(&filter)
        .await?
        .iter()
        .map(|record| row::row(reader, record))
        .collect();
    Ok(html! {
        (head.actions(chooser(reader, definition)))
        div class="pt-stack" {
            div class="pt-split" {
                (start_card(reader, definition, choice, is_paused))
                (call_card(reader, definition, &token))
            }
            (TaskList::new(rows)
                .title("Tasks of this client token")
                .monitor(reader.url(&format!("/api/tasks/{}/monitor", token.id)))
                .cancel_pattern(reader.url("/admin/tasks/{id}/cancel"))
                .again_pattern(reader.url("/admin/tasks/{id}/again")))
        }
    })
}

/// The top of each page, with the way to the others.
fn head(reader: &Reader<'_>, here: &str) -> PageHead {
    let tab = |label: &str, path: &str| Tab::new(label, reader.url(path), path == here);
    PageHead::new("Background tasks")
        .description("Start tasks and watch them run, here or from your own programs.")
        .tabs(
            "Parts of the task monitor",
            vec![
                tab("Start and watch", PATH),
                tab("All tasks", ALL),
                tab("Kinds", KINDS),
            ],
        )
}

/// A small select without a label of its own.
fn choose(name: &str, label: &str, options: Markup) -> Markup {
    html! {
        span class="pt-select" {
            select class="pt-input" data-size="1" name=(name) aria-label=(label) { (options) }
            (icon("chevron-down"))
        }
    }
}

/// Choosing another state drops the choice of task, which would be of the wrong one.
fn chooser(reader: &Reader<'_>, chosen: &TaskDefinition) -> Markup {
    let registry = reader.tasks.registry();
    html! {
        form class="pt-row" method="get" action=(reader.url(PATH)) data-autosubmit {
            (choose("state", "State", html! {
                @for state in registry.states() { option value=(state) selected[state == chosen.state] { (state) } }
            }))
            (choose("task", "Task", html! {
                @for kind in registry.all().filter(|kind| kind.state == chosen.state) {
                    option value=(kind.name) selected[kind.name == chosen.name] { (kind.title) }
                }
            }))
            span class="pt-nojs" { (Button::new("Show").size(1).submit()) }
        }
    }
}

fn start_card(
    reader: &Reader<'_>,
    definition: &TaskDefinition,
    choice: &Choice,
    is_paused: bool,
) -> Markup {
    let whole: Vec<_> = choice
        .faults
        .iter()
        .filter(|fault| fault.pointer.is_empty())
        .collect();
    let body = html! {
        form class="pt-form" method="post" action=(reader.url("/admin/tasks/start")) {
            input type="hidden" name="state" value=(definition.state);
            input type="hidden" name="task" value=(definition.name);
            @for fault in whole { (Banner::new(Tone::Danger, &*fault.message)) }
            @if let Some(schema) = definition.args_schema() {
                (form::fields(schema, &choice.fields, &choice.faults))
            } @else {
                p class="pt-muted" { "This task takes no arguments." }
            }
            div class="pt-form-actions" { (Button::new("Start task").solid().icon("play").submit()) }
        }
    };
    let card = Card::new()
        .title(&*definition.title)
        .actions(html! {
            div class="pt-row" {
                @if is_paused { (kinds::state_badge(true)) }
                (access_badge(&definition.access))
            }
        })
        .body(body);
    let card = if definition.description.is_empty() {
        card
    } else {
        card.description(&*definition.description)
    };
    html! { (card) }
}

fn access_badge(access: &Access) -> Markup {
    let tone = if *access == Access::Public {
        Tone::Neutral
    } else {
        Tone::Accent
    };
    badge(&access.to_string(), tone)
}

fn call_card(reader: &Reader<'_>, definition: &TaskDefinition, token: &ClientToken) -> Markup {
    let origin = &reader.config.public_url;
    let socket = origin.replacen("http", "ws", 1);
    let (state, name, id, base) = (
        &definition.state,
        definition.name,
        token.id,
        &reader.config.base_path,
    );
    let body = definition.example().map(|example| {
        // Within single quotes of a shell.
        let example = example.to_string().replace('\'', "'\\''");
        format!(" \\\n  -H 'Content-Type: application/json' \\\n  -d '{example}'")
    });
    let curl = format!(
        "curl -X POST {origin}{base}/api/{state}/tasks/{id}/start/{name}{}",
        body.unwrap_or_default()
    );
    let wscat = format!("wscat -c {socket}{base}/api/tasks/{id}/monitor");
    let card = Card::new()
        .title("From your own programs")
        .description("A client token stands for one client; the tasks it starts are seen under it.")
        .body(html! {
            div class="pt-stack" {
                div class="pt-row" {
                    code class="pt-mono pt-cut" data-part="client-token" { (id) }
                    (copy_button(&id.to_string()))
                    form class="pt-push" method="post" action=(reader.url("/admin/tasks/token")) {
                        (Button::new("New token").size(1).icon("refresh-cw").submit())
                    }
                }
                (CodeBlock::new(curl).title("Start it"))
                (CodeBlock::new(wscat).title("Watch it"))
            }
        });
    html! { (card) }
}
