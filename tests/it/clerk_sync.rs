//! `users sync` with Clerk.

use crate::clerk_webhooks::{me, users};
use crate::support::{ClerkPortal, Database, command, on_both};

on_both!(sync_updates_users_to_match_clerk,);

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs `users sync` with the given environment variables.
async fn sync(variables: Vec<(&'static str, String)>) -> Run {
    let directory = ClerkPortal::elsewhere();
    let mut command = command(directory.path());
    command.args(["users", "sync"]).envs(variables);
    let output = command.output().await.expect("the binary runs");
    Run {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

async fn sync_updates_users_to_match_clerk(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let clerk = &portal.clerk;
    let [ann, bob, eve, zoe] = ["ann", "bob", "eve", "zoe"].map(|name| {
        let user = clerk.user(&format!("{name}@example.com"));
        (user.clone(), portal.sign_in(&user))
    });
    for (_, client) in [&ann, &bob, &eve, &zoe] {
        assert_eq!(me(client).await.status, 200);
    }
    for number in 0..105 {
        clerk.user(&format!("new{number:03}@example.com"));
    }
    clerk.update_user(&ann.0, |record| record["first_name"] = "Anna".into());
    clerk.ban(&bob.0);
    clerk.delete(&eve.0);
    clerk.hide_from_lists(&zoe.0);
    let report = sync(portal.variables()).await;
    assert_eq!(report.code, Some(0), "{} {}", report.out, report.err);
    assert!(
        report
            .out
            .contains("107 users at the identity provider, 1 banned; 105 created, 2 updated and 1 deleted in the portal"),
        "{}",
        report.out
    );
    assert_eq!(
        users(&portal, "email LIKE 'new%' AND NOT is_banned").await,
        105
    );
    for condition in [
        format!("subject = '{}' AND first_name = 'Anna'", ann.0),
        format!("subject = '{}' AND is_banned", bob.0),
        format!("subject = '{}' AND deleted_at IS NOT NULL", eve.0),
        format!("subject = '{}' AND deleted_at IS NULL", zoe.0),
    ] {
        assert_eq!(users(&portal, &condition).await, 1, "{condition}");
    }
    let again = sync(portal.variables()).await;
    assert!(
        again.out.contains("0 created, 0 updated and 0 deleted"),
        "{}",
        again.out
    );

    // These keys belong to a different instance, which does not have these users.
    let mut variables = portal.variables();
    let other = portal_clerk::testing::FakeClerk::start().await;
    other.user("someone@example.com");
    variables.extend(other.env());
    let refused = sync(variables).await;
    assert_eq!(refused.code, Some(1), "{} {}", refused.out, refused.err);
    assert!(refused.err.contains("CLERK_SECRET_KEY"), "{}", refused.err);
    assert_eq!(users(&portal, "deleted_at IS NULL").await, 108);

    let variables = portal.variables();
    drop(portal.clerk);
    let away = sync(variables).await;
    assert_eq!(away.code, Some(1), "{} {}", away.out, away.err);
    assert!(away.err.contains("Clerk is unreachable"), "{}", away.err);
}

#[tokio::test]
async fn sync_fails_without_clerk() {
    let directory = ClerkPortal::elsewhere();
    let database = format!("sqlite://{}", directory.path().join("portal.db").display());
    let refused = sync(vec![("DB_LOCAL_URI", database)]).await;
    assert_eq!(refused.code, Some(1), "{} {}", refused.out, refused.err);
    assert!(
        refused.err.contains("does not use Clerk"),
        "{}",
        refused.err
    );
}
