//! `/admin/tasks`: choose a task, start it, watch it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{RawForm, Request};
use axum::http::StatusCode;
use axum::response::Redirect;
use maud::{Markup, Render, html};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::filter::Shown;
use super::{Choice, PATH, Reader, access_badge, calls, choose, head, kinds, read_form, row};
use crate::error::{Error, Fault, Result};
use crate::json;
use crate::live::Region;
use crate::pages::components::{Banner, Button, Card, EmptyState, Field, TaskList, Tone};
use crate::pages::{IntoPage, PageResponse};
use crate::state::PortalState;
use crate::tasks::form::{Change, Look, SchemaForm, Typed};
use crate::tasks::service::{check_start, task_not_found};
use crate::tasks::starter::Starter;
use crate::tasks::{TaskDefinition, TaskFilter, Tasks, trace};

/// Where the form is sent to.
const START: &str = "/admin/tasks/start";
/// What the names of the arguments' fields begin with.
const PREFIX: &str = "args";
/// The field of the arguments as a whole, where they are edited as JSON.
const WHOLE: &str = "json";
const PER_PAGE: usize = 50;

/// The form of a kind of task, as far as it has been filled in.
struct Draft {
    definition: Arc<TaskDefinition>,
    typed: Typed,
    /// The arguments as JSON, if they are edited so.
    json: Option<String>,
    faults: Vec<Fault>,
    /// Below this name the focus is to be.
    focus: Option<String>,
    /// The task whose arguments were taken over.
    again: Option<Uuid>,
}

impl Draft {
    fn new(definition: Arc<TaskDefinition>) -> Self {
        let typed = definition
            .args_schema()
            .map(|schema| SchemaForm::new(schema, PREFIX).initial());
        Self {
            typed: typed.unwrap_or_default(),
            definition,
            json: None,
            faults: Vec::new(),
            focus: None,
            again: None,
        }
    }

    fn of_args(definition: Arc<TaskDefinition>, args: &Value) -> Self {
        let mut draft = Self::new(definition);
        if let Some(form) = draft.form() {
            draft.typed = form.filled(args);
        }
        draft
    }

    fn sent(definition: Arc<TaskDefinition>, typed: Typed) -> Self {
        let json = typed.get(WHOLE).map(str::to_owned);
        Self {
            typed,
            json,
            ..Self::new(definition)
        }
    }

    fn form(&self) -> Option<SchemaForm<'_>> {
        let schema = self.definition.args_schema()?;
        Some(SchemaForm::new(schema, PREFIX))
    }

    /// The arguments, and what could not be read of them.
    fn args(&self) -> (Value, Vec<Fault>) {
        if let Some(json) = &self.json {
            return match json::parse(json.as_bytes()) {
                Ok(value) => (value, Vec::new()),
                Err(error) => {
                    let fault = error.into_fault();
                    (
                        Value::Null,
                        vec![Fault {
                            pointer: String::new(),
                            ..fault
                        }],
                    )
                }
            };
        }
        match self.form() {
            Some(form) => {
                let reading = form.read(&self.typed);
                (reading.value, reading.faults)
            }
            None => (Value::Object(Map::new()), Vec::new()),
        }
    }

    /// What a button beside the one that starts does; `false` if there is no such button.
    fn act(&mut self, what: &str) -> bool {
        let (args, faults) = self.args();
        match what {
            "redraw" => {}
            "json" => self.json = Some(serde_json::to_string_pretty(&args).unwrap_or_default()),
            "form" if !faults.is_empty() => self.faults = faults,
            "form" => {
                self.json = None;
                if let Some(form) = self.form() {
                    self.typed = form.filled(&args);
                }
            }
            _ => {
                let Some(change) = Change::parse(what) else {
                    return false;
                };
                let mut typed = std::mem::take(&mut self.typed);
                if let Some(form) = self.form() {
                    form.change(&mut typed, &change);
                }
                self.focus = change.added(&typed);
                self.typed = typed;
            }
        }
        true
    }
}

/// The chosen kind of task; else the first of the chosen state; else the first of all.
fn chosen<'a>(choice: &Choice, tasks: &'a Tasks) -> Option<&'a Arc<TaskDefinition>> {
    let state = choice.get("state").unwrap_or_default();
    let task = choice.get("task").unwrap_or_default();
    let registry = tasks.registry();
    let mut of_state = registry.startable().filter(|kind| kind.state == state);
    registry
        .get(state, task)
        .filter(|kind| !kind.internal)
        .or_else(|| of_state.next())
        .or_else(|| registry.startable().next())
}

pub(super) async fn show(state: &PortalState, request: Request) -> Result<PageResponse> {
    let choice = Choice::of_query(&request);
    let (reader, _) = Reader::of(state, request).await?;
    let draft = match choice.get("from") {
        Some(from) => Some(of_task(&reader, from).await?),
        None => chosen(&choice, reader.tasks).cloned().map(Draft::new),
    };
    Ok(render(&reader, &choice, draft).await?.into_page())
}

/// The form with the arguments of a task.
async fn of_task(reader: &Reader<'_>, id: &str) -> Result<Draft> {
    let id: Uuid = id.parse().map_err(|_| task_not_found())?;
    let record = reader.tasks.get(id).await?.ok_or_else(task_not_found)?;
    let definition = reader.tasks.registry().find(&record.state, &record.name)?;
    check_start(definition, Some(&reader.user))?;
    let args = reader.tasks.args(id).await?.ok_or_else(task_not_found)?;
    let draft = Draft::of_args(Arc::clone(definition), &args);
    Ok(Draft {
        again: Some(id),
        ..draft
    })
}

pub(super) async fn start(state: &PortalState, request: Request) -> Result<PageResponse> {
    let trace_parent = trace::of_request(request.headers());
    let (reader, request) = Reader::of(state, request).await?;
    let RawForm(encoded) = read_form(request, state).await?;
    let choice = Choice::parse(&encoded);
    let definition = chosen(&choice, reader.tasks)
        .cloned()
        .ok_or_else(|| Error::not_found("this portal has no tasks").with_code("task_unknown"))?;
    check_start(&definition, Some(&reader.user))?;
    let mut draft = Draft::sent(Arc::clone(&definition), Typed::parse(&encoded));
    if let Some(what) = choice.get("do")
        && draft.act(what)
    {
        return Ok(render(&reader, &choice, Some(draft)).await?.into_page());
    }
    let (args, mut faults) = draft.args();
    if faults.is_empty() {
        let token = reader.tokens.newest_or_create(reader.user.id).await?;
        let starter = Starter {
            client_token_id: Some(token.id),
            owner_user_id: Some(reader.user.id),
            trace_parent,
        };
        let started = reader
            .tasks
            .start_json(&definition, args, starter, None)
            .await;
        match started {
            Ok(_) => {
                let kind = [
                    ("state", definition.state.as_str()),
                    ("task", definition.name),
                ];
                let query = url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(kind)
                    .finish();
                return Ok(Redirect::to(&format!("{}?{query}", reader.url(PATH))).into_page());
            }
            Err(error) if !error.faults().is_empty() => faults = error.faults().to_vec(),
            Err(error) => return Err(error),
        }
    } else if let Err(others) = definition.check(&args) {
        // Of one part the first fault is enough.
        let is_new = |fault: &Fault| faults.iter().all(|known| known.pointer != fault.pointer);
        let others: Vec<_> = others.into_iter().filter(is_new).collect();
        if draft.json.is_none() {
            faults.extend(others);
        }
    }
    draft.faults = faults;
    let page = render(&reader, &choice, Some(draft)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_page())
}

async fn render(reader: &Reader<'_>, choice: &Choice, draft: Option<Draft>) -> Result<Markup> {
    let Some(draft) = draft else {
        return Ok(html! {
            (head(reader, PATH))
            (Card::new().body(EmptyState::new("list-checks", "This portal has no tasks")
                .text("Write one with #[monitored_background_task] and it appears here.")))
        });
    };
    let definition = &draft.definition;
    let token = reader.tokens.newest_or_create(reader.user.id).await?;
    let kind = (definition.state.clone(), definition.name.to_owned());
    let is_paused = reader.tasks.paused().await?.contains(&kind);
    let keep = [
        ("state", definition.state.as_str()),
        ("task", definition.name),
    ];
    let shown = Shown::of(reader, choice, PATH, &keep);
    let filter = TaskFilter {
        client_token_id: Some(token.id),
        limit: PER_PAGE as u64 + 1,
        ..shown.filter()
    };
    let records = reader.tasks.list(&filter).await?;
    let older = shown.older(&records, PER_PAGE);
    let rows = records
        .iter()
        .take(PER_PAGE)
        .map(|record| row::row(reader, record));
    let list = TaskList::new(rows.collect())
        .title("Tasks of this client token")
        .toolbar(shown.toolbar(reader, false))
        .foot(shown.pages(reader, older))
        .detail_pattern(reader.url("/admin/tasks/{id}"))
        .cancel_pattern(reader.url("/admin/tasks/{id}/cancel"))
        .again_pattern(reader.url("/admin/tasks/{id}/again"));
    let list = if shown.is_filtered() {
        list.empty(EmptyState::no_match(shown.clear(reader)))
    } else {
        list
    };
    // The monitor tells of every task; a part of them is drawn anew.
    let list = if shown.is_filtered() || shown.is_later() {
        Region::new("tasks").id("tasks-of-token").render(list)
    } else {
        list.monitor(reader.url(&format!("/api/client-tokens/{}/monitor", token.id)))
            .render()
    };
    Ok(html! {
        (head(reader, PATH).actions(chooser(reader, definition)))
        div class="pt-task-page" {
            (reader.styles())
            div class="pt-stack" {
                (list)
                (calls::card(reader, definition))
            }
            (start_card(reader, &draft, is_paused))
        }
    })
}

/// Choosing another state drops the choice of task, which would be of the wrong one.
fn chooser(reader: &Reader<'_>, chosen: &TaskDefinition) -> Markup {
    let registry = reader.tasks.registry();
    let states: BTreeSet<_> = registry.startable().map(|kind| &*kind.state).collect();
    html! {
        form class="pt-row" method="get" action=(reader.url(PATH)) data-autosubmit {
            (choose("state", "State", html! {
                @for state in states { option value=(state) selected[state == chosen.state] { (state) } }
            }))
            (choose("task", "Task", html! {
                @for kind in registry.startable().filter(|kind| kind.state == chosen.state) {
                    option value=(kind.name) selected[kind.name == chosen.name] { (kind.title) }
                }
            }))
            span class="pt-nojs" { (Button::new("Show").size(1).submit()) }
        }
    }
}

fn start_card(reader: &Reader<'_>, draft: &Draft, is_paused: bool) -> Markup {
    let definition = &draft.definition;
    let action = reader.url(START);
    let (fields, others) = fields(draft, &action);
    // The state of a form that is drawn anew is that of the server, whatever is in the browser.
    let body = html! {
        form class="pt-form" id="start-task" method="post" action=(action) novalidate
            hx-target:inherited="#start-task" hx-select:inherited="#start-task" hx-swap:inherited="outerMorph" {
            input type="hidden" name="state" value=(definition.state);
            input type="hidden" name="task" value=(definition.name);
            @for fault in others { (Banner::new(Tone::Danger, with_place(fault))) }
            (fields)
            div class="pt-form-actions" {
                (Button::new("Start task").solid().icon("play").submit())
                @if definition.args_schema().is_some() { (switch_mode(draft, &action)) }
            }
        }
    };
    let card = Card::new()
        .title(&*definition.title)
        .id("start")
        .actions(html! {
            div class="pt-row" {
                @if is_paused { (kinds::state_badge(true)) }
                (access_badge(&definition.access))
            }
        })
        .body(html! {
            @if let Some(id) = draft.again {
                p class="pt-hint pt-again" {
                    "With the arguments of "
                    a href=(reader.url(&format!("/admin/tasks/{id}"))) { "an earlier task" } "."
                }
            }
            (body)
        });
    let card = if definition.description.is_empty() {
        card
    } else {
        card.description(&*definition.description)
    };
    html! { (card) }
}

/// The fields, and the faults that stand at none of them.
fn fields(draft: &Draft, action: &str) -> (Markup, Vec<Fault>) {
    let Some(form) = draft.form() else {
        let nothing = html! { p class="pt-muted" { "This task takes no arguments." } };
        return (nothing, draft.faults.clone());
    };
    if let Some(json) = &draft.json {
        let texts: Vec<_> = draft.faults.iter().map(with_place).collect();
        let error = (!texts.is_empty()).then(|| texts.join("; "));
        let field = Field::code(WHOLE, "Arguments")
            .hint("As JSON")
            .value(json.as_str());
        let field = if error.is_some() {
            field.autofocus()
        } else {
            field
        };
        return (html! { (field.error(error)) }, Vec::new());
    }
    let look = Look {
        post: Some(action),
        focus: draft.focus.as_deref(),
    };
    let drawn = form.draw(&draft.typed, &draft.faults, &look);
    let fields = html! {
        // The enter key presses the first button of a form.
        @if drawn.has_buttons { button type="submit" hidden tabindex="-1" {} }
        (drawn.fields)
    };
    (fields, drawn.others)
}

fn switch_mode<'a>(draft: &Draft, action: &'a str) -> Button<'a> {
    let (mode, label, icon) = if draft.json.is_some() {
        ("form", "Back to the form", "list-checks")
    } else {
        ("json", "Edit as JSON", "code")
    };
    Button::new(label)
        .ghost()
        .icon(icon)
        .submit()
        .attribute("name", "do")
        .attribute("value", mode)
        .attribute("hx-post", action)
}

/// What is wrong, and where if that is not the whole.
fn with_place(fault: impl std::borrow::Borrow<Fault>) -> String {
    let Fault {
        pointer, message, ..
    } = fault.borrow();
    if pointer.is_empty() {
        message.clone()
    } else {
        format!("{pointer}: {message}")
    }
}
