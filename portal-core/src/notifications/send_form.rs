//! Form for sending a message from an administrator to users.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::audience::Audience;
use super::notification::{MAX_TEXT_LEN, MAX_TITLE_LEN, Notification};
use super::page::{PageScope, SEND, render};
use super::service::NotificationFilter;
use crate::auth::{Role, Roles, Users};
use crate::error::{FieldError, Result};
use crate::fields::{Fields, FormFields};
use crate::pages::components::{Banner, Button, Drawer, Field, FieldOption, Tone};
use crate::pages::{Flash, IntoPage, NOTIFICATIONS as PATH, PageResponse};

/// The submitted form.
#[derive(Debug, Clone, Default)]
pub(super) struct SendForm {
    audience: String,
    email: String,
    title: String,
    text: String,
    link: String,
    /// Number of recipients shown to the sender for confirmation.
    confirmed: Option<u64>,
    errors: Vec<FieldError>,
    reaches: Option<u64>,
}

impl SendForm {
    /// Reads the form from its submitted fields.
    fn read(form: &Fields) -> Self {
        let text = |name: &str| form.text(name).trim().to_owned();
        Self {
            audience: text("audience"),
            email: text("email"),
            title: text("title"),
            text: text("text").replace("\r\n", "\n"),
            link: text("link"),
            confirmed: text("confirmed").parse().ok(),
            errors: Vec::new(),
            reaches: None,
        }
    }

    fn message(&self) -> Notification {
        Notification::new(self.title.as_str())
            .text(self.text.as_str())
            .link(self.link.as_str())
            .tone(Tone::Accent)
    }

    fn error(&self, name: &str) -> Option<&str> {
        let pointer = format!("/{name}");
        let error = self.errors.iter().find(|error| error.pointer == pointer);
        error.map(|error| error.message.as_str())
    }
}

/// Sends an administrator's message after they have confirmed the number of recipients.
pub(super) async fn send(scope: PageScope, form: FormFields) -> Result<PageResponse> {
    let scope = &scope;
    let mut draft = SendForm::read(&form);
    scope.user.require_not_impersonated()?;
    draft.errors = draft.message().validate();
    let audience = match audience(scope, &draft).await? {
        Ok(audience) => audience,
        Err(error) => {
            draft.errors.push(error);
            return again(scope, draft).await;
        }
    };
    if !draft.errors.is_empty() {
        return again(scope, draft).await;
    }
    let reaches = scope.notifications.count_recipients(&audience).await?;
    if draft.confirmed != Some(reaches) {
        draft.reaches = Some(reaches);
        let page = render(scope, NotificationFilter::default(), Some(&draft)).await?;
        return Ok(page.into_page());
    }
    let message = draft.message();
    let sent = scope
        .notifications
        .send_by(&scope.user, &audience, &message);
    let flash = Flash::success(format!("Sent to {}", people(sent.await?)));
    Ok(flash.redirect(PATH).into_page())
}

async fn again(scope: &PageScope, draft: SendForm) -> Result<PageResponse> {
    let page = render(scope, NotificationFilter::default(), Some(&draft)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_page())
}

/// Returns the audience selected in the form, or the field error if the selection is invalid.
async fn audience(scope: &PageScope, draft: &SendForm) -> Result<Result<Audience, FieldError>> {
    if let Some(name) = draft.audience.strip_prefix("role:") {
        let role = scope.state.borrow::<Roles>()?.find(name);
        let unknown =
            || FieldError::new("/audience", "invalid_value", "must be one of the options");
        return Ok(role.map(Audience::Role).ok_or_else(unknown));
    }
    Ok(match draft.audience.as_str() {
        "everyone" => Ok(Audience::Everyone),
        "user" => {
            let users = scope.state.borrow::<Users>()?;
            let found = users.find_by_email(&draft.email).await?;
            match found.as_slice() {
                [user] => Ok(Audience::User(user.id)),
                [] => Err("no user has this e-mail address"),
                _ => Err("several users have this e-mail address"),
            }
            .map_err(|message| FieldError::new("/email", "not_found", message))
        }
        _ => Err(FieldError::new(
            "/audience",
            "missing",
            "choose the recipients",
        )),
    })
}

/// Renders the form, or the confirmation dialog that precedes sending.
pub(super) fn drawer(scope: &PageScope, draft: &SendForm) -> Result<Markup> {
    let drawer = Drawer::new("send", "Send a message").open(PATH);
    let Some(reaches) = draft.reaches else {
        let fields = fields(scope.state.borrow::<Roles>()?, draft);
        let drawer = drawer
            .description("Recipients see the message in their notifications.")
            .form(SEND, html! {})
            .body(fields)
            .footer(Button::new("Continue").solid().submit());
        return Ok(html! { (drawer) });
    };
    let keep = [
        ("audience", &draft.audience),
        ("email", &draft.email),
        ("title", &draft.title),
        ("text", &draft.text),
        ("link", &draft.link),
        ("confirmed", &reaches.to_string()),
    ];
    let hidden = html! {
        @for (name, value) in keep { input type="hidden" name=(name) value=(value); }
    };
    let question = format!("This reaches {}.", people(reaches));
    let body = html! {
        (Banner::new(Tone::Info, question))
        div class="pt-card" {
            p class="pt-note-title" { (draft.title) }
            @if !draft.text.is_empty() { p class="pt-note-text" { (draft.text) } }
            @if !draft.link.is_empty() { p class="pt-mono pt-break" { (draft.link) } }
        }
    };
    let send = Button::new(format!("Send to {}", people(reaches))).solid();
    let drawer = drawer
        .form(SEND, hidden)
        .body(body)
        .footer(send.disabled(reaches == 0).submit());
    Ok(html! { (drawer) })
}

fn fields(roles: &Roles, draft: &SendForm) -> Markup {
    let role = |role: &Role| FieldOption::new(format!("role:{role}"), format!("Role {role}"));
    let mut options = vec![
        FieldOption::new("", "Choose…"),
        FieldOption::new("everyone", "Everyone"),
    ];
    options.extend(roles.all().filter(|it| **it != Role::Guest).map(role));
    options.push(FieldOption::new("user", "One person"));
    html! {
        (Field::select("audience", "To", options)
            .value(draft.audience.as_str()).required(true).error(draft.error("audience")))
        (Field::text("email", "E-mail address")
            .hint("For a message to one person.")
            .value(draft.email.as_str()).autocomplete("off").error(draft.error("email")))
        (Field::text("title", "Title")
            .value(draft.title.as_str()).required(true).max_length(MAX_TITLE_LEN).error(draft.error("title")))
        (Field::textarea("text", "Text")
            .value(draft.text.as_str()).max_length(MAX_TEXT_LEN).error(draft.error("text")))
        (Field::text("link", "Link")
            .hint("A page of this portal, such as /tasks.")
            .placeholder("/").value(draft.link.as_str()).error(draft.error("link")))
    }
}

fn people(count: u64) -> String {
    match count {
        1 => "1 person".to_owned(),
        count => format!("{count} people"),
    }
}
