//! `/admin/profile`: what the portal knows of its reader, and what he sets for himself.

use axum::extract::State;
use axum::http::request::Parts;
use portal_core::auth::Accounts;
use portal_core::pages::components::Tone;
use portal_core::pages::components::{
    Banner, Card, CodeBlock, PageHead, TimeFormat, badge, detail_list, person, time,
};
use portal_core::pages::theme_form;
use portal_core::prelude::*;

/// Profile
#[page("/admin/profile", requires_auth, nav(icon = "user", order = 40))]
async fn profile(
    user: CurrentUser,
    accounts: Data<Accounts>,
    State(state): State<PortalState>,
    parts: Parts,
) -> Result<Markup> {
    let provider = provider_card(&user, &accounts).await;
    Ok(html! {
        (PageHead::new("Profile").description("Your account as this portal knows it."))
        div class="pt-stack" {
            (account_card(&user))
            (Card::new().title("Appearance")
                .description("Kept with your account: every browser you sign in with shows it.")
                .body(theme_form(&state, &parts)?))
            (provider)
        }
    })
}

fn account_card(user: &CurrentUser) -> Card {
    let last_login = user
        .last_login
        .map(|at| at.to_rfc3339())
        .unwrap_or_default();
    let permissions: Vec<&str> = user.permissions().map(Permission::as_str).collect();
    Card::new().title("Account").body(html! {
        div class="pt-stack" {
            (person(&user.id.to_string(), &user.full_name(), Some(user.email())))
            (detail_list(&[
                ("First name", html! { (user.first_name) }),
                ("Last name", html! { (user.last_name) }),
                ("E-mail", html! {
                    (user.email()) " "
                    @if user.email_verified { (badge("Verified", Tone::Success)) } @else { (badge("Not verified", Tone::Warning)) }
                }),
                ("Role", html! { (user.role_title()) }),
                ("Permissions", html! {
                    @match (user.is_admin(), permissions.is_empty()) {
                        (true, _) => "Everything",
                        (false, true) => span class="pt-muted" { "Those of every user" },
                        (false, false) => (permissions.join(", ")),
                    }
                }),
                ("Member since", time(&user.created_at.to_rfc3339(), TimeFormat::Date)),
                ("Last sign-in", time(&last_login, TimeFormat::DateTime)),
                ("Id", html! { code { (user.id) } }),
            ]))
        }
    })
}

/// What the identity provider shows of the user; the page works without the provider as well.
async fn provider_card(user: &CurrentUser, accounts: &Accounts) -> Markup {
    let metadata = match accounts.profile_of(user).await {
        Ok(profile) => profile.public_metadata,
        Err(_) => {
            let text = "The identity provider cannot be asked at the moment.";
            return html! { (Banner::new(Tone::Info, text)) };
        }
    };
    let is_empty = metadata.as_object().is_none_or(|it| it.is_empty());
    html! {
        @if !is_empty {
            (Card::new().title("From your identity provider")
                .body(CodeBlock::new(format!("{metadata:#}"))))
        }
    }
}
