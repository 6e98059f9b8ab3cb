//! `/admin/profile`: what the portal knows of its reader.

use portal_core::pages::components::Tone;
use portal_core::pages::components::{
    Card, PageHead, TimeFormat, badge, detail_list, person, time,
};
use portal_core::prelude::*;

/// Profile
#[page("/admin/profile", requires_auth, nav(icon = "user", order = 40))]
async fn profile(user: CurrentUser) -> Markup {
    let last_login = user
        .last_login
        .map(|at| at.to_rfc3339())
        .unwrap_or_default();
    html! {
        (PageHead::new("Profile").description("Your account as this portal knows it."))
        (Card::new().body(html! {
            div class="pt-stack" {
                (person(&user.id.to_string(), &user.full_name(), Some(user.email())))
                (detail_list(&[
                    ("First name", html! { (user.first_name) }),
                    ("Last name", html! { (user.last_name) }),
                    ("E-mail", html! {
                        (user.email()) " "
                        @if user.email_verified { (badge("Verified", Tone::Success)) } @else { (badge("Not verified", Tone::Warning)) }
                    }),
                    ("Role", html! { (user.user_type) }),
                    ("Member since", time(&user.created_at.to_rfc3339(), TimeFormat::Date)),
                    ("Last sign-in", time(&last_login, TimeFormat::DateTime)),
                    ("Id", html! { code { (user.id) } }),
                ]))
            }
        }))
        (portal_clerk::components::user_profile())
    }
}
