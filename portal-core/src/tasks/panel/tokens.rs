//! `/admin/tasks/tokens`: the client tokens of the reader.

use axum::extract::Request;
use maud::{Markup, html};

use super::{Choice, PATH, Reader, TOKENS, head, read_form};
use crate::error::Result;
use crate::pages::components::Tone;
use crate::pages::components::{
    Button, Card, Column, Confirm, EmptyState, Row, Table, TimeFormat, badge, copy_button, time,
};
use crate::pages::{Flash, IntoPage, PageResponse};
use crate::state::PortalState;
use crate::tasks::ClientToken;

pub(super) async fn show(state: &PortalState, request: Request) -> Result<PageResponse> {
    let (reader, _) = Reader::of(state, request).await?;
    Ok(render(&reader).await?.into_page())
}

pub(super) async fn create(state: &PortalState, request: Request) -> Result<PageResponse> {
    let (reader, _) = Reader::of(state, request).await?;
    reader.user.acts_himself()?;
    reader.tokens.create(reader.user.id).await?;
    let message = "New client token: tasks of the old one stay with it";
    Ok(Flash::success(message)
        .redirect(&reader.url(TOKENS))
        .into_page())
}

pub(super) async fn revoke(state: &PortalState, request: Request) -> Result<PageResponse> {
    let (reader, request) = Reader::of(state, request).await?;
    let form = Choice::parse(&read_form(request, state).await?.0);
    let token = form.get("token").unwrap_or_default();
    let flash = match reader.tokens.delete(token, reader.user.id).await {
        Ok(()) => Flash::success("The client token has been revoked"),
        Err(error) if error.status().is_client_error() => Flash::error(error.detail()),
        Err(error) => return Err(error),
    };
    Ok(flash.redirect(&reader.url(TOKENS)).into_page())
}

async fn render(reader: &Reader<'_>) -> Result<Markup> {
    let tokens = reader.tokens.of_user(reader.user.id).await?;
    let newest = tokens.first().map(|token| token.id);
    let table = Table::new("Your client tokens")
        .column(Column::new("Token"))
        .column(Column::new("Last used"))
        .column(Column::new("Expires"))
        .rows(
            tokens
                .iter()
                .map(|token| row(token, newest == Some(token.id))),
        )
        .empty(
            EmptyState::new("key-round", "No client tokens")
                .text("The first one is made when you open “Start and watch”."),
        );
    let add = html! {
        form method="post" action=(reader.url("/admin/tasks/tokens/new")) {
            (Button::new("New token").solid().icon("plus").submit())
        }
    };
    Ok(html! {
        (head(reader, TOKENS).actions(add))
        (Card::new().flush()
            .title("Your client tokens")
            .description("Each stands for one client: whoever has it starts and watches tasks with your rights. One ends 24 hours after its last use.")
            .body(table))
        @for token in &tokens { (confirm(reader, token)) }
        p class="pt-hint pt-after" {
            "Programs get one with " code { "POST /api/client-tokens" } ". The page "
            a href=(reader.url(PATH)) { "Start and watch" } " works with the newest."
        }
    })
}

fn confirm(reader: &Reader<'_>, token: &ClientToken) -> Confirm {
    let id = token.id.to_string();
    Confirm::new(
        format!("revoke-{id}"),
        format!("Revoke the token {}…?", short(&id)),
        reader.url("/admin/tasks/tokens/revoke"),
        "Revoke token",
    )
    .text("Programs that use it are refused, and its monitors close. Its tasks run on, and stay under “All tasks”.")
    .hidden(html! { input type="hidden" name="token" value=(id); })
}

fn row(token: &ClientToken, is_newest: bool) -> Row {
    let id = token.id.to_string();
    let cells = vec![
        html! {
            div class="pt-row" {
                code class="pt-mono pt-cut" { (id) }
                (copy_button(&id))
                @if is_newest { (badge("In use here", Tone::Accent)) }
            }
        },
        time(&token.last_used_at.to_rfc3339(), TimeFormat::Ago),
        time(&token.expires_at.to_rfc3339(), TimeFormat::DateTime),
    ];
    let label = format!("Revoke the token {}", short(&id));
    Row::new(id.clone(), cells).actions(
        Button::new("Revoke")
            .size(1)
            .icon("trash-2")
            .attribute("aria-label", label)
            .opens(format!("revoke-{id}")),
    )
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
