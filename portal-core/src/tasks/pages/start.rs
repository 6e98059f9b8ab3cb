//! `/tasks` and `/admin/tasks`: the form that starts a task, and the list of the user's tasks.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::StatusCode;
use maud::{Markup, html};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::area::Area;
use super::filter::TaskListFilter;
use super::request::TraceParent;
use super::row::Surroundings;
use super::scope::PageScope;
use super::{access_badge, code_samples, compact_select, head, styles, task_types};
use crate::error::{FieldError, Result};
use crate::fields::{Fields, FormFields, QueryFields};
use crate::json;
use crate::live::{OWN_TASKS, Region};
use crate::pages::components::{Banner, Button, Card, EmptyState, Field, TaskList, Tone};
use crate::pages::{Flash, Href, IntoPage, PageResponse};
use crate::tasks::TaskDefinition;
use crate::tasks::engine::queue::QueueFilter;
use crate::tasks::initiator::Initiator;
use crate::tasks::schema_form::{FormInput, RenderOptions, RowAction, SchemaForm};
use crate::tasks::service::{check_start, task_not_found};

/// Prefix of argument field names.
const PREFIX: &str = "args";
/// Name of the field that contains all arguments if they are edited as JSON.
const WHOLE: &str = "json";
/// Number of tasks on one page.
const PER_PAGE: usize = 25;

/// State of the form that starts a task.
struct StartForm {
    definition: Arc<TaskDefinition>,
    typed: FormInput,
    /// Arguments as JSON, if they are edited as JSON.
    json: Option<String>,
    errors: Vec<FieldError>,
    /// Name of the field, or of the group of fields, that receives the focus.
    focus: Option<String>,
    /// Task whose arguments fill the form.
    source_task: Option<Uuid>,
    /// Reason why the task was rejected, if it does not concern a field.
    refusal: Option<String>,
}

impl StartForm {
    fn new(definition: Arc<TaskDefinition>) -> Self {
        let typed = definition
            .args_schema()
            .map(|schema| SchemaForm::new(schema, PREFIX).initial());
        Self {
            typed: typed.unwrap_or_default(),
            definition,
            json: None,
            errors: Vec::new(),
            focus: None,
            source_task: None,
            refusal: None,
        }
    }

    fn of_args(definition: Arc<TaskDefinition>, args: &Value) -> Self {
        let mut draft = Self::new(definition);
        if let Some(form) = draft.form() {
            draft.typed = form.encode(args);
        }
        draft
    }

    fn sent(definition: Arc<TaskDefinition>, typed: FormInput) -> Self {
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

    /// Returns the arguments and an error for each field that cannot be parsed.
    fn args(&self) -> (Value, Vec<FieldError>) {
        if let Some(json) = &self.json {
            return match json::parse(json.as_bytes()) {
                Ok(value) => (value, Vec::new()),
                Err(error) => {
                    let error = error.into_field_error();
                    (
                        Value::Null,
                        vec![FieldError {
                            pointer: String::new(),
                            ..error
                        }],
                    )
                }
            };
        }
        match self.form() {
            Some(form) => {
                let reading = form.decode(&self.typed);
                (reading.value, reading.errors)
            }
            None => (Value::Object(Map::new()), Vec::new()),
        }
    }

    /// Applies the action of any button except Start; returns `false` if there is no such button.
    fn act(&mut self, what: &str) -> bool {
        let (args, errors) = self.args();
        match what {
            "redraw" => {}
            // Focusing the first field scrolls to it from anywhere on the page.
            "json" => {
                self.json = Some(serde_json::to_string_pretty(&args).unwrap_or_default());
                self.focus = Some(WHOLE.to_owned());
            }
            "form" if !errors.is_empty() => self.errors = errors,
            "form" => {
                self.json = None;
                self.focus = Some(PREFIX.to_owned());
                if let Some(form) = self.form() {
                    self.typed = form.encode(&args);
                }
            }
            _ => {
                let Some(change) = RowAction::parse(what) else {
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

/// Returns the task types that the user may start.
fn startable(scope: &PageScope) -> impl Iterator<Item = &Arc<TaskDefinition>> {
    let all = scope.tasks.registry().all();
    all.filter(|task_type| scope.may_start(task_type))
}

/// Returns the selected task type, or else the first in the selected group, or else the first one.
fn chosen<'a>(scope: &'a PageScope, choice: &Fields) -> Option<&'a Arc<TaskDefinition>> {
    let group = choice.get("state").unwrap_or_default();
    let task = choice.get("task").unwrap_or_default();
    startable(scope)
        .find(|task_type| task_type.group == group && task_type.name == task)
        .or_else(|| startable(scope).find(|task_type| task_type.group == group))
        .or_else(|| startable(scope).next())
}

pub(super) async fn show(scope: PageScope, QueryFields(choice): QueryFields) -> Result<Markup> {
    let draft = match choice.get("from") {
        Some(from) => Some(of_task(&scope, from).await?),
        None => chosen(&scope, &choice).cloned().map(StartForm::new),
    };
    render(&scope, &choice, draft).await
}

/// Returns the form, filled in with the arguments of a task.
async fn of_task(scope: &PageScope, id: &str) -> Result<StartForm> {
    let id: Uuid = id.parse().map_err(|_| task_not_found())?;
    let record = scope.find(id).await?;
    let definition = scope.tasks.registry().find(&record.group, &record.name)?;
    check_start(definition, Some(&scope.user))?;
    let args = scope.tasks.args(id).await?.ok_or_else(task_not_found)?;
    let draft = StartForm::of_args(Arc::clone(definition), &args);
    Ok(StartForm {
        source_task: Some(id),
        ..draft
    })
}

pub(super) async fn start(
    scope: PageScope,
    TraceParent(trace_parent): TraceParent,
    choice: FormFields,
) -> Result<PageResponse> {
    let registry = scope.tasks.registry();
    let named = |name: &str| choice.get(name).unwrap_or_default();
    let definition = Arc::clone(registry.find(named("state"), named("task"))?);
    check_start(&definition, Some(&scope.user))?;
    let mut draft = StartForm::sent(Arc::clone(&definition), FormInput::parse(&choice.encoded));
    if let Some(what) = choice.get("do")
        && draft.act(what)
    {
        return Ok(render(&scope, &choice, Some(draft)).await?.into_page());
    }
    let (args, mut errors) = draft.args();
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if errors.is_empty() {
        // The task belongs to the user, not to any of their client tokens.
        let starter = Initiator {
            client_token_id: None,
            owner_user_id: Some(scope.user.id),
            trace_parent,
        };
        let started = scope
            .tasks
            .enqueue_json(&definition, args, starter, None)
            .await;
        match started {
            Ok((id, was_active)) => return Ok(started_page(&scope, &definition, id, was_active)),
            Err(error) if !error.field_errors().is_empty() => {
                errors = error.field_errors().to_vec()
            }
            Err(error) if error.status().is_client_error() => {
                status = error.status();
                draft.refusal = Some(error.detail().to_owned());
            }
            Err(error) => return Err(error),
        }
    } else if let Err(others) = definition.check(&args) {
        // One error per field is enough.
        let is_new = |error: &FieldError| errors.iter().all(|known| known.pointer != error.pointer);
        let others: Vec<_> = others.into_iter().filter(is_new).collect();
        if draft.json.is_none() {
            errors.extend(others);
        }
    }
    draft.errors = errors;
    let page = render(&scope, &choice, Some(draft)).await?;
    Ok((status, page).into_page())
}

/// Redirects to the form with the same type and values and a link to the task.
fn started_page(
    scope: &PageScope,
    definition: &TaskDefinition,
    id: Uuid,
    was_active: bool,
) -> PageResponse {
    let form = Href::from(scope.area.root())
        .query("state", &definition.group)
        .query("task", definition.name)
        .query("from", id);
    let flash = if was_active {
        Flash::info("The same task is already active")
    } else {
        Flash::success("Task started")
    };
    flash
        .link("View", scope.task_path(id, ""))
        .redirect(form)
        .into_page()
}

async fn render(scope: &PageScope, choice: &Fields, draft: Option<StartForm>) -> Result<Markup> {
    let Some(draft) = draft else {
        return without_types(scope, choice).await;
    };
    let definition = &draft.definition;
    let task_type = (definition.group.clone(), definition.name.to_owned());
    let is_paused = scope.tasks.paused_types().await?.contains(&task_type);
    let from = draft.source_task.map(|id| id.to_string());
    let mut keep = vec![
        ("state", definition.group.as_str()),
        ("task", definition.name),
    ];
    keep.extend(from.as_deref().map(|id| ("from", id)));
    let list = own_list(scope, choice, &keep).await?;
    Ok(html! {
        (head(scope, scope.area.root()).actions(chooser(scope, definition)))
        div class="pt-task-page" {
            (styles())
            div class="pt-stack" {
                (list)
                @if scope.area == Area::Admin { (code_samples::card(scope, definition)) }
            }
            (start_card(scope, &draft, is_paused))
        }
    })
}

/// Renders the page of a user who may not start any task.
async fn without_types(scope: &PageScope, choice: &Fields) -> Result<Markup> {
    let has_types = scope.tasks.registry().all().next().is_some();
    let empty = if has_types {
        EmptyState::new("lock", "No tasks to start")
            .text("Your account can't start any tasks. Ask an administrator for access.")
    } else {
        EmptyState::new("list-checks", "This portal has no tasks")
            .text("Write one with #[monitored_background_task] and it appears here.")
    };
    let list = own_list(scope, choice, &[]).await?;
    Ok(html! {
        (head(scope, scope.area.root()))
        div class="pt-stack" {
            (styles())
            (Card::new().body(empty))
            (list)
        }
    })
}

/// Renders the list of the user's tasks, across all of their client tokens.
async fn own_list(scope: &PageScope, choice: &Fields, keep: &[(&str, &str)]) -> Result<Markup> {
    let shown = TaskListFilter::of(scope, choice, scope.area.root(), keep);
    let filter = QueueFilter {
        owner_user_id: Some(scope.user.id),
        without: scope.hidden_types(),
        limit: PER_PAGE as u64 + 1,
        ..shown.filter()
    };
    let (records, older) = shown.page(scope, &filter, PER_PAGE).await?;
    let surroundings = Surroundings::of(scope, &records).await?;
    let rows = records.iter().map(|record| surroundings.row(scope, record));
    let here = shown.here();
    let list = TaskList::new(rows.collect())
        .title("My tasks")
        .toolbar(shown.toolbar(scope, false))
        .footer(shown.pages(older))
        .hidden_fields(html! { input type="hidden" name="back" value=(here); });
    let list = if shown.is_filtered() || shown.is_later() {
        list.empty(EmptyState::no_match(shown.clear()))
    } else {
        list
    };
    Ok(Region::new(OWN_TASKS).id("own-tasks").render(list))
}

/// Renders the select fields; changing the group discards the task type of the old group.
fn chooser(scope: &PageScope, chosen: &TaskDefinition) -> Markup {
    let groups: BTreeSet<_> = startable(scope)
        .map(|task_type| task_type.group.as_str())
        .collect();
    html! {
        form class="pt-row" method="get" action=(Href::from(scope.area.root())) data-autosubmit {
            (compact_select("state", "Group", html! {
                @for group in groups { option value=(group) selected[group == chosen.group] { (group) } }
            }))
            (compact_select("task", "Task type", html! {
                @for task_type in startable(scope).filter(|task_type| task_type.group == chosen.group) {
                    option value=(task_type.name) selected[task_type.name == chosen.name] { (task_type.title) }
                }
            }))
            span class="pt-no-js" { (Button::new("Show").size(1).submit()) }
        }
    }
}

fn start_card(scope: &PageScope, draft: &StartForm, is_paused: bool) -> Markup {
    let definition = &draft.definition;
    let action = Href::from(format!("{}/start", scope.area.root())).to_string();
    let (fields, others) = fields(draft, &action);
    // A re-rendered form shows the state on the server, not the one in the browser.
    let body = html! {
        form class="pt-form" id="start-task" method="post" action=(action) novalidate
            hx-target:inherited="#start-task" hx-select:inherited="#start-task" hx-swap:inherited="outerMorph" {
            input type="hidden" name="state" value=(definition.group);
            input type="hidden" name="task" value=(definition.name);
            @if let Some(refusal) = &draft.refusal { (Banner::new(Tone::Danger, refusal.as_str())) }
            @for error in others { (Banner::new(Tone::Danger, with_place(error))) }
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
                @if is_paused { (task_types::state_badge(true)) }
                @if scope.area == Area::Admin { (access_badge(&definition.access)) }
            }
        })
        .body(html! {
            @if let Some(id) = draft.source_task {
                p class="pt-hint pt-run-again" {
                    "Filled in with the arguments of "
                    a href=(Href::from(scope.task_path(id, ""))) { "an earlier task" } "."
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

/// Renders the fields and returns the errors that do not belong to any of them.
fn fields(draft: &StartForm, action: &str) -> (Markup, Vec<FieldError>) {
    let Some(form) = draft.form() else {
        let nothing = html! { p class="pt-muted" { "This task takes no arguments." } };
        return (nothing, draft.errors.clone());
    };
    if let Some(json) = &draft.json {
        let texts: Vec<_> = draft.errors.iter().map(with_place).collect();
        let error = (!texts.is_empty()).then(|| texts.join("; "));
        let field = Field::code(WHOLE, "Arguments")
            .hint("As JSON")
            .value(json.as_str());
        let field = if error.is_some() || draft.focus.is_some() {
            field.autofocus()
        } else {
            field
        };
        return (html! { (field.error(error)) }, Vec::new());
    }
    let look = RenderOptions {
        post: Some(action),
        focus: draft.focus.as_deref(),
    };
    let drawn = form.render(&draft.typed, &draft.errors, &look);
    let fields = html! {
        // The Enter key activates the first submit button in a form.
        @if drawn.has_buttons { button type="submit" hidden tabindex="-1" {} }
        (drawn.fields)
    };
    (fields, drawn.others)
}

fn switch_mode<'a>(draft: &StartForm, action: &'a str) -> Button<'a> {
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

/// Returns the message of an error, preceded by its pointer unless that is the root.
fn with_place(error: impl std::borrow::Borrow<FieldError>) -> String {
    let FieldError {
        pointer, message, ..
    } = error.borrow();
    if pointer.is_empty() {
        message.clone()
    } else {
        format!("{pointer}: {message}")
    }
}
