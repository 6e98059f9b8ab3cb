use serde_json::json;

use super::*;
use crate::testing::FakeClerk;

fn api(clerk: &FakeClerk) -> BackendApi {
    with_key(clerk, clerk.secret_key())
}

fn with_key(clerk: &FakeClerk, key: &str) -> BackendApi {
    let api = BackendApi::default();
    api.connect(clerk.url(), Secret::new(key), false).unwrap();
    api
}

#[tokio::test]
async fn users_are_read_listed_and_counted() {
    let clerk = FakeClerk::start().await;
    let api = api(&clerk);
    let ann = clerk.user("ann@example.com");
    for number in 0..5 {
        clerk.user(&format!("p{number}@example.com"));
    }
    let user = api.user(&ann).await.unwrap().unwrap();
    assert_eq!(
        (user.id, user.profile.email),
        (ann.clone(), "ann@example.com".to_owned())
    );
    assert_eq!(api.user("user_nobody").await.unwrap(), None);

    let mut query = UserQuery {
        order_by: Some("email_address".to_owned()),
        limit: 4,
        ..UserQuery::default()
    };
    assert_eq!(api.users(&query).await.unwrap().len(), 4);
    query.offset = 4;
    assert_eq!(api.users(&query).await.unwrap().len(), 2);
    assert_eq!(api.count_users(&query).await.unwrap(), 6);
    let by_address = UserQuery {
        email_addresses: vec!["p1@example.com".to_owned(), "p2@example.com".to_owned()],
        ..UserQuery::default()
    };
    assert_eq!(api.users(&by_address).await.unwrap().len(), 2);
    assert_eq!(api.count_users(&by_address).await.unwrap(), 2);
    let by_id = UserQuery {
        user_ids: vec![ann.clone()],
        ..UserQuery::default()
    };
    assert_eq!(api.users(&by_id).await.unwrap()[0].id, ann);
    let searched = UserQuery {
        search: Some("p3@".to_owned()),
        ..UserQuery::default()
    };
    let found = api.users(&searched).await.unwrap();
    assert_eq!(found[0].profile.email, "p3@example.com");
}

#[tokio::test]
async fn metadata_is_merged_and_null_removes_a_field() {
    let clerk = FakeClerk::start().await;
    let api = api(&clerk);
    let ann = clerk.user("ann@example.com");
    let change = |public, private| MetadataChange { public, private };
    let first = change(Some(json!({"plan": {"name": "pro", "seats": 3}})), None);
    api.merge_metadata(&ann, &first).await.unwrap();
    let second = change(
        Some(json!({"plan": {"seats": null}})),
        Some(json!({"note": "x"})),
    );
    let user = api.merge_metadata(&ann, &second).await.unwrap();
    assert_eq!(
        user.profile.public_metadata,
        json!({"plan": {"name": "pro"}})
    );
    assert_eq!(user.profile.private_metadata, json!({"note": "x"}));
    assert_eq!(user.profile.record.get("private_metadata"), None);
}

#[tokio::test]
async fn users_are_banned_and_sessions_revoked() {
    let clerk = FakeClerk::start().await;
    let api = api(&clerk);
    let ann = clerk.user("ann@example.com");
    let (first, second) = (clerk.session(&ann), clerk.session(&ann));
    let ids = async || {
        let sessions = api.sessions(&ann).await.unwrap();
        let ids = sessions.into_iter().map(|session| session.id);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids().await, [first.clone(), second.clone()]);
    api.revoke_session(&first).await.unwrap();
    assert_eq!(clerk.session_status(&first), "revoked");
    assert_eq!(ids().await, [second]);
    assert!(api.ban(&ann).await.unwrap().profile.banned);
    assert_eq!(ids().await, [""; 0]);
    assert!(!api.unban(&ann).await.unwrap().profile.banned);
}

#[tokio::test]
async fn all_pages_of_sessions_are_read() {
    let clerk = FakeClerk::start().await;
    let ann = clerk.user("ann@example.com");
    for _ in 0..230 {
        clerk.session(&ann);
    }
    assert_eq!(api(&clerk).sessions(&ann).await.unwrap().len(), 230);
}

#[tokio::test]
async fn invalid_ids_are_never_sent() {
    let clerk = FakeClerk::start().await;
    let api = api(&clerk);
    for id in [
        "",
        "user_",
        "user_a/../b",
        "user_a?b=c",
        "org_a",
        "user_%2e",
    ] {
        let invalid = |error: BackendError| matches!(error, BackendError::InvalidId(_));
        assert!(invalid(api.user(id).await.unwrap_err()), "{id}");
        assert!(invalid(api.ban(id).await.unwrap_err()), "{id}");
        assert!(invalid(api.unban(id).await.unwrap_err()), "{id}");
        assert!(invalid(api.sessions(id).await.unwrap_err()), "{id}");
        let change = MetadataChange::default();
        let merged = api.merge_metadata(id, &change).await;
        assert!(invalid(merged.unwrap_err()), "{id}");
        let session = id.replace("user_", "sess_");
        let revoked = api.revoke_session(&session).await;
        assert!(invalid(revoked.unwrap_err()), "{session}");
    }
    assert_eq!(clerk.requests(), [""; 0]);
}

#[tokio::test]
async fn reads_are_retried_after_the_delay_and_changes_are_not() {
    let clerk = FakeClerk::start().await;
    let api = api(&clerk);
    let ann = clerk.user("ann@example.com");
    clerk.rate_limit_next(2, 0);
    assert!(api.user(&ann).await.unwrap().is_some());
    assert_eq!(clerk.requests().len(), 3);

    clerk.rate_limit_next(1000, 0);
    let error = api.user(&ann).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(clerk.requests().len(), 6, "the retries are bounded");

    clerk.rate_limit_next(1, 7);
    let error = api.ban(&ann).await.unwrap_err();
    let BackendError::Refused {
        status,
        code,
        trace_id,
        retry_after,
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!((status, code.as_str()), (429, "too_many_requests"));
    assert_eq!(trace_id.as_deref(), Some("trace_double"));
    assert_eq!(retry_after.unwrap().as_secs(), 7);
    assert_eq!(clerk.requests().len(), 7, "the call may have taken effect");
    assert_eq!(clerk.record(&ann).unwrap()["banned"], false);
}

#[tokio::test]
async fn failures_map_to_their_cause() {
    let clerk = FakeClerk::start().await;
    let ann = clerk.user("ann@example.com");
    let error = with_key(&clerk, "sk_test_wrong").user(&ann).await;
    let error = portal_core::Error::from(error.unwrap_err());
    assert_eq!(error.status(), 500);
    assert!(format!("{error:?}").contains("check that CLERK_SECRET_KEY belongs to this instance"));

    clerk.set_failure(Some(500));
    let error = api(&clerk).user(&ann).await.unwrap_err();
    assert_eq!(portal_core::Error::from(error).status(), 503);

    let error = BackendApi::default().user(&ann).await.unwrap_err();
    assert!(matches!(error, BackendError::NotConfigured));
}
