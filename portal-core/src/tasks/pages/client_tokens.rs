//! `/admin/tasks/tokens`: the user's own client tokens.

use maud::{Markup, html};

use super::scope::{AdminScope, PageScope};
use super::{NEW_TOKEN, PATH, REVOKE_TOKEN, TOKENS, head};
use crate::auth::{ClientToken, NewClientToken};
use crate::error::Result;
use crate::fields::FormFields;
use crate::pages::components::{
    Button, Card, Column, Confirm, EmptyState, Row, Table, TimeFormat, copy_button, time,
};
use crate::pages::{Flash, Href, IntoPage, PageResponse};

pub(super) async fn show(AdminScope(scope): AdminScope) -> Result<Markup> {
    render(&scope, None).await
}

/// Creates a token and shows its secret, which the portal cannot show again.
pub(super) async fn create(AdminScope(scope): AdminScope) -> Result<Markup> {
    scope.user.require_not_impersonated()?;
    let created = scope.tokens.create(scope.user.id).await?;
    render(&scope, Some(&created)).await
}

pub(super) async fn revoke(
    AdminScope(scope): AdminScope,
    form: FormFields,
) -> Result<PageResponse> {
    let token = form.get("token").unwrap_or_default();
    let flash = match scope.tokens.revoke(token, scope.user.id).await {
        Ok(()) => Flash::success("Client token revoked"),
        Err(error) if error.status().is_client_error() => Flash::error(error.detail()),
        Err(error) => return Err(error),
    };
    Ok(flash.redirect(TOKENS).into_page())
}

async fn render(scope: &PageScope, created: Option<&NewClientToken>) -> Result<Markup> {
    let tokens = scope.tokens.list_for_user(scope.user.id).await?;
    let table = Table::new("Your client tokens")
        .column(Column::new("Token"))
        .column(Column::new("Created"))
        .column(Column::new("Last used"))
        .column(Column::new("Expires"))
        .rows(tokens.iter().map(row))
        .empty(
            EmptyState::new("key-round", "No client tokens")
                .text("Create one to start and monitor tasks from your own programs."),
        );
    let add = html! {
        form method="post" action=(Href::from(NEW_TOKEN)) {
            (Button::new("Create token").solid().icon("plus").submit())
        }
    };
    Ok(html! {
        (head(scope, TOKENS).actions(add))
        @if let Some(created) = created { (new_token(&created.secret.to_string())) }
        (Card::new().flush()
            .title("Your client tokens")
            .description("Each token identifies one client and lets it start and monitor tasks with your permissions. A token expires 24 hours after its last use, at most 7 days after its creation.")
            .body(table))
        @for token in &tokens { (confirm(token)) }
        p class="pt-hint pt-after" {
            "Programs request one with " code { "POST /api/client-tokens" } ". The page "
            a href=(Href::from(PATH)) { "Run" } " shows how to use it."
        }
    })
}

fn new_token(secret: &str) -> Markup {
    let card = Card::new()
        .title("Your new client token")
        .description("Copy it now. This portal stores only a hash of it and cannot show it again.")
        .body(html! {
            div class="pt-row" {
                code class="pt-mono pt-truncate" data-part="client-token" { (secret) }
                (copy_button(secret))
            }
        });
    html! { (card) }
}

fn confirm(token: &ClientToken) -> Confirm {
    let id = token.id.to_string();
    Confirm::new(
        format!("revoke-{id}"),
        format!("Revoke the token {}…?", token.hint),
        REVOKE_TOKEN,
        "Revoke token",
    )
    .text("Programs that use it are rejected, and its monitors close. Its tasks continue and stay under “All tasks”.")
    .hidden_fields(html! { input type="hidden" name="token" value=(id); })
}

fn row(token: &ClientToken) -> Row {
    let id = token.id.to_string();
    let cells = vec![
        html! {
            code class="pt-mono" { (token.hint) "…" }
        },
        time(&token.created_at.to_rfc3339(), TimeFormat::DateTime),
        time(&token.last_used_at.to_rfc3339(), TimeFormat::Ago),
        time(&token.expires_at.to_rfc3339(), TimeFormat::DateTime),
    ];
    let label = format!("Revoke the token {}", token.hint);
    Row::new(id.clone(), cells).actions(
        Button::new("Revoke")
            .size(1)
            .icon("trash-2")
            .attribute("aria-label", label)
            .opens(format!("revoke-{id}")),
    )
}
