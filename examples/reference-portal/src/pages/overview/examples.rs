//! Example data for development; the page labels it as such and has a button to remove it.

use portal_core::pages::components::{Banner, Button, Tone, Unit};
use portal_core::pages::{IntoPage, PageResponse};
use portal_core::prelude::*;

use super::PATH;

const ADD: &str = "/admin/overview/examples";
const REMOVE: &str = "/admin/overview/examples/remove";

/// Add example data
#[page(
    "/admin/overview/examples",
    method = post,
    requires_auth,
    requires_admin,
    rate_class = admin_write
)]
async fn add_examples(
    users: Data<Users>,
    tasks: Data<Tasks>,
    config: Data<portal_core::Config>,
) -> Result<PageResponse> {
    for_developers(&config)?;
    let owners = users.add_demo_users().await?;
    let count = tasks.add_demo_tasks(&owners).await?;
    let text = format!(
        "Added {} users and {} tasks",
        Unit::Count.full(owners.len() as f64),
        Unit::Count.full(count as f64)
    );
    Ok(Flash::success(text).redirect(PATH).into_page())
}

/// Remove example data
#[page(
    "/admin/overview/examples/remove",
    method = post,
    requires_auth,
    requires_admin,
    rate_class = admin_write
)]
async fn remove_examples(
    users: Data<Users>,
    tasks: Data<Tasks>,
    config: Data<portal_core::Config>,
) -> Result<PageResponse> {
    for_developers(&config)?;
    tasks.remove_demo_tasks().await?;
    users.remove_demo_users().await?;
    Ok(Flash::success("Example data removed")
        .redirect(PATH)
        .into_page())
}

/// Returns `404 not_found` in production, where all data is real.
fn for_developers(config: &portal_core::Config) -> Result<()> {
    if config.is_dev() {
        Ok(())
    } else {
        Err(Error::not_found("page not found"))
    }
}

pub(super) async fn are_there(users: &Users) -> Result<bool> {
    Ok(!users.demo_user_ids().await?.is_empty())
}

/// Renders a banner that states that the statistics include example data.
pub(super) fn banner() -> Markup {
    html! {
        (Banner::new(Tone::Warning, "Users at example.invalid and their tasks are example data. The statistics include them.")
            .title("Example data")
            .action(html! {
                form method="post" action=(REMOVE) { (Button::new("Remove example data").size(1).submit()) }
            }))
    }
}

/// Renders a banner that offers to fill an empty portal with example data.
pub(super) fn offer() -> Markup {
    html! {
        (Banner::new(Tone::Neutral, "Add example users and tasks to fill this page. Available in development only.")
            .title("Nothing here yet?")
            .action(html! {
                form method="post" action=(ADD) { (Button::new("Add example data").size(1).submit()) }
            }))
    }
}
