//! `/admin/profile`: the user's account, sessions, client tokens and appearance.

use axum::extract::Form;
use axum::response::Response;
use portal_core::Config;
use portal_core::auth::{Accounts, ClientToken, ClientTokens};
use portal_core::pages::components::{
    Button, Card, Confirm, PageHead, TimeFormat, Tone, badge, detail_list, icon, sized_avatar, time,
};
use portal_core::prelude::*;
use serde::Deserialize;

/// Profile
#[page("/admin/profile", requires_auth, nav(icon = "user", order = 40))]
async fn profile(
    user: CurrentUser,
    accounts: Data<Accounts>,
    tokens: Data<ClientTokens>,
    config: Data<Config>,
) -> Result<Markup> {
    let tokens = tokens.list_for_user(user.id).await?;
    Ok(html! {
        (PageHead::new("Profile").description("Your account details."))
        div class="pt-split" {
            div class="pt-stack" {
                (account_card(&user))
                (portal_clerk::components::user_profile())
            }
            div class="pt-stack" {
                (sessions_card(&user, &accounts, !tokens.is_empty()).await?)
                (tokens_card(&tokens, &config))
                (appearance_card())
            }
        }
        @for token in &tokens { (revoke_dialog(token)) }
    })
}

/// Sign out everywhere else
#[page(
    "/admin/profile/sign-out-others",
    method = post,
    requires_auth,
    rate_class = own_write
)]
async fn sign_out_others(user: CurrentUser, accounts: Data<Accounts>) -> Result<Response> {
    user.require_not_impersonated()?;
    let ended = accounts
        .end_other_sessions(user.id, user.session_id())
        .await?;
    let said = match ended {
        0 => "Client tokens revoked; there were no other sessions".to_owned(),
        1 => "Signed out 1 other session".to_owned(),
        ended => format!("Signed out {ended} other sessions"),
    };
    Ok(Flash::success(said).redirect("/admin/profile"))
}

/// Revoke a client token
#[page(
    "/admin/profile/revoke-token",
    method = post,
    requires_auth,
    rate_class = own_write
)]
async fn revoke_token(
    user: CurrentUser,
    tokens: Data<ClientTokens>,
    Form(chosen): Form<ChosenToken>,
) -> Result<Response> {
    let flash = match tokens.revoke(&chosen.token, user.id).await {
        Ok(()) => Flash::success("Client token revoked"),
        Err(error) if error.status().is_client_error() => Flash::error(error.detail()),
        Err(error) => return Err(error),
    };
    Ok(flash.redirect("/admin/profile"))
}

#[derive(Deserialize)]
struct ChosenToken {
    token: String,
}

fn tokens_card(tokens: &[ClientToken], config: &Config) -> Card<'static> {
    let description = "Programs use client tokens to start and monitor tasks with your permissions. A token expires 24 hours after its last use, at most 7 days after its creation.";
    let list = html! {
        ul class="pt-feed" {
            @for token in tokens {
                li {
                    (icon("key-round"))
                    span {
                        code { (token.hint) "…" } " used "
                        (time(&token.last_used_at.to_rfc3339(), TimeFormat::Ago))
                    }
                    (Button::new("Revoke")
                        .size(1)
                        .attribute("aria-label", format!("Revoke the token {}", token.hint))
                        .opens(format!("revoke-{}", token.id)))
                }
            }
        }
    };
    Card::new()
        .title("Client tokens")
        .description(description)
        .body(html! {
            @if tokens.is_empty() {
                p class="pt-muted" {
                    "No client tokens yet. Programs request one with "
                    code { "POST " (config.base_path) "/api/client-tokens" } "."
                }
            } @else {
                (list)
            }
        })
}

fn revoke_dialog(token: &ClientToken) -> Confirm {
    Confirm::new(
        format!("revoke-{}", token.id),
        format!("Revoke the token {}…?", token.hint),
        "/admin/profile/revoke-token",
        "Revoke token",
    )
    .text("Programs that use this token lose access immediately. Its tasks continue.")
    .hidden_fields(html! { input type="hidden" name="token" value=(token.id); })
}

fn account_card(user: &CurrentUser) -> Card<'_> {
    let last_sign_in = user
        .last_sign_in_at
        .map(|at| at.to_rfc3339())
        .unwrap_or_default();
    let permissions: Vec<&str> = user.permissions().map(Permission::as_str).collect();
    Card::new().body(html! {
        div class="pt-stack" {
            div class="pt-person" {
                (sized_avatar(&user.id.to_string(), &user.full_name(), user.avatar_url.as_deref(), 3))
                div class="pt-identity" { h2 { (user.full_name()) } span { (user.email()) } }
            }
            hr;
            (detail_list(&[
                ("First name", html! { (or_dash(&user.first_name)) }),
                ("Last name", html! { (or_dash(&user.last_name)) }),
                ("E-mail", html! {
                    (user.email()) " "
                    @if user.email_verified { (badge("Verified", Tone::Success)) } @else { (badge("Not verified", Tone::Warning)) }
                }),
                ("Role", html! { (user.role_title()) }),
                ("Permissions", html! {
                    @match (user.is_admin(), permissions.is_empty()) {
                        (true, _) => "All",
                        (false, true) => span class="pt-muted" { "Default permissions" },
                        (false, false) => (permissions.join(", ")),
                    }
                }),
                ("Member since", time(&user.created_at.to_rfc3339(), TimeFormat::Date)),
                ("Last sign-in", time(&last_sign_in, TimeFormat::DateTime)),
                ("ID", html! { code { (user.id) } }),
            ]))
        }
    }).footer(html! { "Your name and e-mail address come from your sign-in provider." })
}

fn appearance_card() -> Card<'static> {
    Card::new()
        .title("Appearance")
        .description("Your theme is saved to your account and applies on every device.")
        .body(
            Button::new("Change theme")
                .icon("palette")
                .href("/admin/app-settings"),
        )
}

/// Returns the text or, if it is empty, a dash.
fn or_dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

async fn sessions_card(
    user: &CurrentUser,
    accounts: &Accounts,
    has_tokens: bool,
) -> Result<Card<'static>> {
    let sessions = accounts.sessions_of(user.id).await?;
    let others = sessions.iter().any(|it| it.id != user.session_id());
    let sign_out = html! {
        form method="post" action=(sign_out_others().url()) {
            (Button::new("Sign out other sessions").icon("log-out").size(1).submit().disabled(!others && !has_tokens))
        }
    };
    Ok(Card::new()
        .title("Sessions")
        .description("Your active sessions. Signing out other sessions also revokes your client tokens.")
        .footer(sign_out)
        .body(html! {
            ul class="pt-feed" {
                @for session in &sessions {
                    li {
                        (icon("monitor"))
                        span { "Signed in " (time(&session.created_at.to_rfc3339(), TimeFormat::Ago)) }
                        @if session.id == user.session_id() { (badge("This session", Tone::Success)) }
                    }
                }
            }
        }))
}
