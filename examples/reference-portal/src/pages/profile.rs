//! `/admin/profile`: what the portal knows of its reader, and what he sets for himself.

use axum::extract::State;
use axum::http::request::Parts;
use portal_core::pages::components::Tone;
use portal_core::pages::components::{
    Card, PageHead, TimeFormat, badge, detail_list, person, time,
};
use portal_core::pages::theme_form;
use portal_core::prelude::*;

/// Profile
#[page("/admin/profile", requires_auth, nav(icon = "user", order = 40))]
async fn profile(
    user: CurrentUser,
    State(state): State<PortalState>,
    parts: Parts,
) -> Result<Markup> {
    Ok(html! {
        (PageHead::new("Profile").description("Your account as this portal knows it."))
        div class="pt-stack" {
            (account_card(&user))
            (Card::new().title("Appearance")
                .description("Kept with your account: every browser you sign in with shows it.")
                .body(theme_form(&state, &parts)?))
            (portal_clerk::components::user_profile())
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
