//! `users sync`: applies changes that webhooks missed.

use std::collections::HashSet;

use portal_core::auth::{Effect, ProviderEvent, SyncReport, UserDirectory};
use portal_core::{Error, Result};

use crate::backend::{BackendApi, RetryPolicy, UserQuery};
use crate::user_record::is_user_id;

const PAGE: u64 = 100;

/// Stores all of Clerk's users and deletes those whom Clerk no longer has.
pub(crate) async fn sync(clerk: &BackendApi, directory: &UserDirectory) -> Result<SyncReport> {
    let mut unseen: HashSet<String> = directory.subjects().await?.into_iter().collect();
    // Subjects with a different format come from another provider, so Clerk has no record of them.
    unseen.retain(|subject| is_user_id(subject));
    require_same_instance(clerk, &unseen).await?;
    let mut report = SyncReport::default();
    loop {
        let query = UserQuery {
            // With the oldest users first, new users appear after the current page and not before
            // it.
            order_by: Some("created_at".to_owned()),
            offset: report.found,
            limit: PAGE,
            ..UserQuery::default()
        };
        let page = clerk.users_with(&query, RetryPolicy::BULK).await?;
        let is_last = (page.len() as u64) < PAGE;
        for user in page {
            unseen.remove(&user.id);
            report.found += 1;
            report.banned += u64::from(user.profile.banned);
            let change = ProviderEvent::User {
                subject: &user.id,
                profile: &user.profile,
            };
            report.record(directory.apply(None, change).await?);
        }
        if is_last {
            break;
        }
    }
    for subject in &unseen {
        // If a user was deleted during the sync, the pages have shifted, and this user may have
        // been missed.
        if clerk.user_with(subject, RetryPolicy::BULK).await?.is_none() {
            let change = ProviderEvent::UserDeleted { subject };
            let applied = directory.apply(None, change).await?;
            report.record(applied);
            if applied == Effect::Deleted {
                tracing::info!(subject, "user deleted because Clerk does not have them");
            }
        }
    }
    Ok(report)
}

/// Checks that Clerk has at least one of the portal's users.
///
/// If the keys belonged to another instance, the sync would delete all of the portal's users.
async fn require_same_instance(clerk: &BackendApi, known: &HashSet<String>) -> Result<()> {
    let known: Vec<&String> = known.iter().collect();
    for some in known.chunks(PAGE as usize) {
        let query = UserQuery {
            user_ids: some.iter().map(|id| (*id).clone()).collect(),
            limit: 1,
            ..UserQuery::default()
        };
        if !clerk
            .users_with(&query, RetryPolicy::BULK)
            .await?
            .is_empty()
        {
            return Ok(());
        }
    }
    if known.is_empty() {
        return Ok(());
    }
    Err(Error::internal(format!(
        "nothing was changed, because Clerk does not have any of the portal's {} users; check that CLERK_SECRET_KEY belongs to the right instance, or, if they were all deleted, sign in with an existing account and run this again",
        known.len()
    )))
}
