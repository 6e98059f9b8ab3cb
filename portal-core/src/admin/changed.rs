//! Changes that someone else makes to the record of an open form.

use maud::{Markup, html};

use super::list_url::ListUrl;
use super::model_view::ModelView;
use crate::auth::{AuditFilter, AuditLog, Users};
use crate::error::Result;
use crate::pages::Href;
use crate::pages::components::{Banner, Tone, ago_text};
use crate::pages::regions;
use crate::state::PortalState;

/// Parameter with the version that an open form was rendered with.
pub(super) const VERSION: &str = "version";

/// Returns a sentence that names the person who last changed a record, and the time of the change.
pub(super) async fn last_change(
    state: &PortalState,
    model: &ModelView<'_>,
    key: &str,
) -> Result<String> {
    let filter = AuditFilter {
        target: Some(format!("{}:{key}", model.name)),
        limit: 1,
        ..AuditFilter::default()
    };
    let entries = state.borrow::<AuditLog>()?.list(&filter).await?;
    let Some(entry) = entries.into_iter().next() else {
        return Ok("Someone else changed this record.".to_owned());
    };
    let user = match entry.actor_user_id {
        Some(id) => state.borrow::<Users>()?.get(id).await?,
        None => None,
    };
    let name = user.map(|user| user.full_name());
    let name = name.filter(|name| !name.is_empty());
    let name = name.unwrap_or(entry.actor_email);
    Ok(format!(
        "{name} changed this record {}.",
        ago_text(entry.at)
    ))
}

/// Renders the notice that the record of an open form has changed. After each change, `lists.js`
/// requests it again from the URL of the drawer, with the version of the form.
pub(super) fn notice(drawer: &ListUrl, text: Option<&str>) -> Markup {
    regions::part(
        "row-state",
        html! {
            pt-live id="row-state" role="status" data-url=(Href::from(drawer)) {
                @if let Some(text) = text { (Banner::new(Tone::Warning, text)) }
            }
        },
    )
}
