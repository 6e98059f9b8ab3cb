//! `users sync`: what webhooks have missed.

use std::collections::HashSet;

use portal_core::auth::{Applied, Directory, DirectoryChange, SyncReport};
use portal_core::{Error, Result};

use crate::backend::{BackendApi, Patience, UserQuery};
use crate::users::is_user_id;

const PAGE: u64 = 100;

/// Takes over every user of Clerk's, and buries those whom Clerk has no more.
pub(crate) async fn sync(clerk: &BackendApi, directory: &Directory) -> Result<SyncReport> {
    let mut unseen: HashSet<String> = directory.subjects().await?.into_iter().collect();
    // Others have come from another provider, which Clerk cannot know anything about.
    unseen.retain(|subject| is_user_id(subject));
    require_same_instance(clerk, &unseen).await?;
    let mut report = SyncReport::default();
    loop {
        let query = UserQuery {
            // New users come behind the page that is read, not before it.
            order_by: Some("created_at".to_owned()),
            offset: report.found,
            limit: PAGE,
            ..UserQuery::default()
        };
        let page = clerk.users_with(&query, Patience::LONG).await?;
        let is_last = (page.len() as u64) < PAGE;
        for user in page {
            unseen.remove(&user.id);
            report.found += 1;
            report.banned += u64::from(user.profile.banned);
            let change = DirectoryChange::User {
                subject: &user.id,
                profile: &user.profile,
            };
            report.count(directory.apply(None, change).await?);
        }
        if is_last {
            break;
        }
    }
    for subject in &unseen {
        // Pages move when somebody is deleted meanwhile, so that one may have been missed.
        if clerk.user_with(subject, Patience::LONG).await?.is_none() {
            let change = DirectoryChange::UserDeleted { subject };
            let applied = directory.apply(None, change).await?;
            report.count(applied);
            if applied == Applied::Deleted {
                tracing::info!(subject, "a user whom Clerk does not have was deleted");
            }
        }
    }
    Ok(report)
}

/// Keys of another instance would delete every user of the portal.
async fn require_same_instance(clerk: &BackendApi, known: &HashSet<String>) -> Result<()> {
    let known: Vec<&String> = known.iter().collect();
    for some in known.chunks(PAGE as usize) {
        let query = UserQuery {
            user_ids: some.iter().map(|id| (*id).clone()).collect(),
            limit: 1,
            ..UserQuery::default()
        };
        if !clerk.users_with(&query, Patience::LONG).await?.is_empty() {
            return Ok(());
        }
    }
    if known.is_empty() {
        return Ok(());
    }
    Err(Error::internal(format!(
        "Clerk has none of the portal's {} users, so nothing was changed: is CLERK_SECRET_KEY of the right instance? If they are all gone, sign in with an account that is not, and run this again",
        known.len()
    )))
}
