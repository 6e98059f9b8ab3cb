//! Open activities, for the page about the user's activities.

use chrono::NaiveDate;
use portal_core::prelude::*;

use crate::models::{Activity, ActivityKind};

/// An open activity, with the name of its deal.
pub(crate) struct OpenActivity {
    pub(crate) id: i64,
    pub(crate) subject: String,
    pub(crate) kind: ActivityKind,
    pub(crate) deal: Option<String>,
    pub(crate) due_on: NaiveDate,
}

/// Returns the open activities of an owner, or those without an owner, the most urgent first.
pub(crate) async fn open(
    models: &Models,
    owner: Option<&str>,
    limit: u64,
) -> Result<Vec<OpenActivity>> {
    let of_owner = match owner {
        Some(email) => Activity::OWNER.eq(email),
        None => Activity::OWNER.is_none(),
    };
    let activities = models
        .query::<Activity>()
        .filter(of_owner.and(Activity::DONE.eq(false)))
        .order_by(Activity::DUE_ON.asc())
        .with(Activity::DEAL_ID)
        .limit(limit)
        .all()
        .await?;
    Ok(activities
        .into_iter()
        .map(|(activity, deal)| OpenActivity {
            id: activity.id,
            subject: activity.subject,
            kind: activity.kind,
            deal: deal.map(|deal| deal.name),
            due_on: activity.due_on,
        })
        .collect())
}
