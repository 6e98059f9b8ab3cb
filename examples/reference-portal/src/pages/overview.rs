//! `/admin/overview`: figures for users, a welcome for guests.

use portal_core::auth::Users;
use portal_core::pages::components::{
    Button, Card, EmptyState, PageHead, StatCard, TaskList, TaskRowView, TimeFormat, detail_list,
    time,
};
use portal_core::prelude::*;
use portal_core::tasks::{TaskFilter, TaskStatus};

/// Overview
#[page("/admin/overview", nav(icon = "layout-dashboard", order = 20))]
async fn overview(
    user: Option<CurrentUser>,
    users: Data<Users>,
    tasks: Data<Tasks>,
) -> Result<Markup> {
    match user {
        None => Ok(welcome()),
        Some(user) => figures(&user, &users, &tasks).await,
    }
}

fn welcome() -> Markup {
    html! {
        (PageHead::new("Welcome"))
        (Card::new().body(
            EmptyState::new("zap", "Good to see you")
                .text("Sign in to see what is going on in this portal.")
                .action(Button::new("Sign in").solid().href("/sign-in?redirect_url=/admin/overview"))
        ))
    }
}

async fn figures(user: &CurrentUser, users: &Users, tasks: &Tasks) -> Result<Markup> {
    let (all_users, active_users) = users.count().await?;
    let counts = tasks.count_by_status().await?;
    let count = |wanted: TaskStatus| {
        counts
            .iter()
            .find(|(status, _)| *status == wanted)
            .map_or(0, |(_, count)| *count)
            .to_string()
    };
    let mine = TaskFilter {
        owner_user_id: Some(user.id),
        limit: 5,
        ..TaskFilter::default()
    };
    let recent = tasks.list(&mine).await?;
    let last_login = user
        .last_login
        .map(|at| at.to_rfc3339())
        .unwrap_or_default();
    Ok(html! {
        (PageHead::new(format!("Hello, {}", user.full_name())).description("What is going on in this portal."))
        div class="pt-stack" {
            div class="pt-grid" {
                (StatCard::new("Users", all_users.to_string()).icon("users").note(format!("{active_users} active")))
                (StatCard::new("Running tasks", count(TaskStatus::Processing)).icon("loader-circle")
                    .note(format!("{} waiting", count(TaskStatus::Pending))))
                (StatCard::new("Completed tasks", count(TaskStatus::Completed)).icon("circle-check"))
                (StatCard::new("Failed tasks", count(TaskStatus::Error)).icon("circle-alert"))
            }
            div class="pt-split" {
                (TaskList::new(recent.iter().map(TaskRowView::from).collect()).title("Your latest tasks"))
                (Card::new().title("Your account").body(detail_list(&[
                    ("E-mail", html! { (user.email()) }),
                    ("Role", html! { (user.user_type) }),
                    ("Signed in", time(&last_login, TimeFormat::Ago)),
                ])))
            }
        }
    })
}
