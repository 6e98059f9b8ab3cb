//! Actions of the application on rows: the form with arguments and confirmation, and the result.

use axum::http::StatusCode;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::super::actions::{self, ActionForm, ActionOutcome, ActionResult, AdminAction};
use super::super::form_state::FormState;
use super::super::selection::{self, RowSelection};
use super::place::FormPlace;
use super::request::PageRequest;
use super::screen::Screen;
use crate::error::{Error, FieldError, Result};
use crate::pages::components::PageHead;
use crate::pages::{Flash, IntoPage, PageResponse};
use crate::tasks::{self, FormInput, RowAction};

/// Maximum number of rows that the form names.
const NAMED: u64 = 20;

/// Responds with the list and the form of the action, or runs an action that needs no form.
pub(super) async fn confirm(request: PageRequest) -> Result<PageResponse> {
    let screen = request.action_screen().await?;
    let action = actions::find(&screen.rows, &request.action)?;
    let selection = screen.selection(&request)?;
    if action.runs_directly() && matches!(selection, RowSelection::Keys(_)) {
        let args = Value::Object(Map::new());
        let result = actions::run(&screen.rows, action, selection, args).await;
        return match result {
            Ok(result) => screen.done(action, result).await,
            Err(error) => Ok(screen.redirect(rejected(error)?)),
        };
    }
    if let Err(error) = actions::check_selection(action, &selection) {
        return Ok(screen.redirect(rejected(error)?));
    }
    let mut form = match screen.action_form(action, selection).await {
        Ok(form) => form,
        Err(error) => return Ok(screen.redirect(rejected(error)?)),
    };
    if form.count == 0 {
        return Ok(screen.redirect(Flash::info("No rows selected")));
    }
    if let Some(args) = ActionForm::args_form(action) {
        form.input = args.initial();
    }
    screen.show_action(&form, StatusCode::OK).await
}

/// Runs an action with the submitted arguments.
pub(super) async fn run(request: PageRequest) -> Result<PageResponse> {
    let screen = request.action_screen().await?;
    let action = actions::find(&screen.rows, &request.action)?;
    let selection = screen.selection(&request)?;
    let input = FormInput::parse(&request.encoded);
    // All other buttons of the form change its fields.
    if let Some(button) = request.fields.get("do") {
        let mut form = screen.action_form(action, selection).await?;
        form.input = input;
        let fields = ActionForm::args_form(action);
        if let (Some(fields), Some(change)) = (fields, RowAction::parse(button)) {
            fields.change(&mut form.input, &change);
            form.focus = change.added(&form.input);
        }
        return screen.show_action(&form, StatusCode::OK).await;
    }
    let (args, mut errors) = match ActionForm::args_form(action) {
        Some(form) => {
            let decoded = form.decode(&input);
            (decoded.value, decoded.errors)
        }
        None => (Value::Object(Map::new()), Vec::new()),
    };
    // One error per field is enough.
    let others = action.check(&args).err().unwrap_or_default().into_iter();
    let others: Vec<_> = others
        .filter(|error| errors.iter().all(|known| known.pointer != error.pointer))
        .collect();
    errors.extend(others);
    if !errors.is_empty() {
        let mut form = screen.action_form(action, selection).await?;
        form.input = input;
        form.errors = errors;
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return screen.show_action(&form, status).await;
    }
    let error = match actions::run(&screen.rows, action, selection.clone(), args).await {
        Ok(result) => return screen.done(action, result).await,
        Err(error) => error,
    };
    let mut form = match screen.action_form(action, selection).await {
        Ok(form) => form,
        Err(error) => return Ok(screen.redirect(rejected(error)?)),
    };
    form.input = input;
    form.errors = args_errors(&error);
    if error.code() == "count_changed" {
        let banner = "The number of rows has changed. Check it, then confirm again.";
        form.banner = Some(banner.to_owned());
    } else if form.errors.is_empty() {
        return Ok(screen.redirect(rejected(error)?));
    }
    screen.show_action(&form, error.status()).await
}

/// Converts the reason why an action did not start to a message; returns unexpected errors
/// unchanged.
fn rejected(error: Error) -> Result<Flash> {
    match error.field_errors() {
        [first, ..] => Ok(Flash::error(format!("Not started: {}", first.message))),
        [] if error.code() == "count_changed" => {
            Ok(Flash::error(format!("Not started: {}", error.detail())))
        }
        [] => Err(error),
    }
}

/// Returns the errors in arguments that the action itself rejects, with pointers in the arguments.
fn args_errors(error: &Error) -> Vec<FieldError> {
    let errors = error.field_errors().iter();
    let in_args = errors.filter_map(|error| {
        let pointer = error.pointer.strip_prefix(actions::ARGS)?.to_owned();
        Some(FieldError {
            pointer,
            ..error.clone()
        })
    });
    in_args.collect()
}

impl PageRequest {
    /// Returns the page from which the user started an action.
    async fn action_screen(&self) -> Result<Screen<'_>> {
        let mut screen = self.screen().await?;
        if matches!(screen.place, FormPlace::Record) {
            // On the page of a record, actions run on this record.
            screen.key = self.fields.text(selection::KEY);
        }
        Ok(screen)
    }
}

impl Screen<'_> {
    async fn action_form<'f>(
        &self,
        action: &'f AdminAction,
        selection: RowSelection,
    ) -> Result<ActionForm<'f>> {
        let (count, first) = self.rows.selected(&selection, NAMED).await?;
        Ok(ActionForm {
            action,
            selection,
            count,
            first,
            input: FormInput::default(),
            errors: Vec::new(),
            banner: None,
            focus: None,
        })
    }

    async fn show_action(&self, form: &ActionForm<'_>, status: StatusCode) -> Result<PageResponse> {
        let drawer = form.render(self.model(), &self.here, &self.back());
        let page = html! { (self.behind().await?) (drawer) };
        Ok((status, page).into_page())
    }

    /// Renders the page from which the user started the action: the list, or that of the record.
    async fn behind(&self) -> Result<Markup> {
        if matches!(self.place, FormPlace::Record)
            && let Ok(row) = self.rows.get(self.key).await
        {
            let draft = FormState::of(self.model(), &row);
            return self.record(&draft, None).await;
        }
        self.show_list(None).await
    }

    async fn done(&self, action: &AdminAction, result: ActionResult) -> Result<PageResponse> {
        match result {
            ActionResult::Finished(outcome) => self.finished(action, outcome).await,
            ActionResult::Enqueued(id) => {
                let flash = Flash::success(format!("{}: started", action.title));
                Ok(self.redirect(flash.link("View", format!("{}/{id}", tasks::OWN))))
            }
        }
    }

    /// Responds with a message, or with a report if the action did not succeed for all rows.
    async fn finished(&self, action: &AdminAction, outcome: ActionOutcome) -> Result<PageResponse> {
        let (model, report) = (self.model(), &outcome.report);
        if outcome.error.is_none() && report.failed() == 0 {
            let summary = lower_first(&actions::summary(model, report));
            let text = format!("{}: {summary}", action.title);
            let flash = match report.changed() {
                0 => Flash::info(text),
                _ => Flash::success(text),
            };
            let is_record = matches!(self.place, FormPlace::Record);
            // The page of a record that the action deleted no longer exists.
            if is_record && self.rows.get(self.key).await.is_err() {
                return Ok(flash.redirect(&self.list).into_page());
            }
            return Ok(self.redirect(flash));
        }
        let status = outcome.error.as_ref().map_or(StatusCode::OK, Error::status);
        // The report must not be lost if the list cannot be read.
        let list = self.behind().await.unwrap_or_else(|error| {
            tracing::error!(%error, "failed to list the rows after an action");
            html! { (PageHead::new(model.plural)) }
        });
        let drawer = actions::report_drawer(model, action, &outcome, (&self.list, &self.back()));
        Ok((status, html! { (list) (drawer) }).into_page())
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_lowercase());
    first.into_iter().flatten().chain(letters).collect()
}
