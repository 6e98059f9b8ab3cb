//! Clerk webhooks, and attempts to misuse them.

use portal_clerk::testing::Webhook;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    ADMIN, ClerkPortal, Client, CookieClient, Database, TestResponse, TestServer, eventually,
    on_both,
};

on_both!(
    webhook_is_applied_once,
    webhooks_without_a_recent_valid_signature_are_rejected,
    newest_record_wins_in_any_order_of_arrival,
    deleted_user_is_never_recreated,
    session_ended_at_clerk_is_rejected,
    banned_user_is_rejected_until_the_ban_is_lifted,
    admin_needs_a_verified_primary_address,
    sign_out_ends_the_session_at_clerk,
    stored_users_need_no_backend_api_call,
);

pub(crate) async fn me(client: &Client) -> TestResponse {
    client.get("/api/auth/me").await
}

fn effect(word: &str) -> (u16, String) {
    (200, word.to_owned())
}

/// Returns the number of users that match a condition.
pub(crate) async fn users(portal: &ClerkPortal, condition: &str) -> u64 {
    let touch = format!("UPDATE portal_users SET subject = subject WHERE {condition}");
    portal.server.sql(touch).await
}

async fn audited(portal: &ClerkPortal, action: &str) -> Vec<Value> {
    let admin = portal.sign_in(&portal.clerk.user(ADMIN));
    let response = admin.get("/api/admin/audit").await.json();
    let entries = response["items"]
        .as_array()
        .expect("value is a list")
        .iter();
    let found = entries.filter(|entry| entry["action"] == action).cloned();
    found.collect()
}

async fn webhook_is_applied_once(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let ann = portal.clerk.user("ann@example.com");
    let created = portal.clerk.user_event("user.created", &ann);
    assert_eq!(portal.deliver(&created).await, effect("created"));
    let with_name = format!("subject = '{ann}' AND first_name = 'Test' AND user_type = 'USER'");
    assert_eq!(users(&portal, &with_name).await, 1);

    portal.clerk.update_user(&ann, |record| {
        record["first_name"] = "Anna".into();
        record["image_url"] = Value::Null;
    });
    let updated = portal.clerk.user_event("user.updated", &ann);
    let client = portal.sign_in(&ann);
    assert_eq!(me(&client).await.json()["first_name"], "Test");
    assert_eq!(portal.deliver(&updated).await, effect("updated"));
    let seen = me(&client).await.json();
    assert_eq!(
        (&seen["first_name"], &seen["avatar_url"]),
        (&json!("Anna"), &Value::Null),
        "the change takes effect immediately, although the user was cached"
    );

    // `provider_updated_at` also prevents the event from being applied twice. Reset it, so that
    // only the stored event id shows that the event was applied.
    let reset = "UPDATE portal_users SET first_name = 'Other', provider_updated_at = 0".to_owned();
    portal.server.sql(reset).await;
    assert_eq!(portal.deliver(&updated).await, effect("none"));
    let other = format!("subject = '{ann}' AND first_name = 'Other'");
    assert_eq!(users(&portal, &other).await, 1);

    // The same webhook arrives twice at the same time, as with two replicas or a quick redelivery.
    portal.clerk.update_user(&ann, |_| {});
    let twice = portal.clerk.user_event("user.updated", &ann);
    let (first, second) = tokio::join!(portal.deliver(&twice), portal.deliver(&twice));
    let mut effects = [first, second];
    effects.sort();
    assert_eq!(effects, [effect("none"), effect("updated")]);

    // Event ids are kept longer than Clerk tries to redeliver events, but not forever.
    let old = "UPDATE portal_provider_events SET received_at = '2020-01-01 00:00:00+00:00'";
    assert_eq!(portal.server.sql(old.to_owned()).await, 3);
    let newest = portal.clerk.user_event("user.updated", &ann);
    assert_eq!(portal.deliver(&newest).await, effect("none"));
    let count = "UPDATE portal_provider_events SET id = id".to_owned();
    assert_eq!(portal.server.sql(count).await, 1);

    let unknown = portal
        .clerk
        .webhook_event("email.created", json!({"id": "ema_1"}));
    assert_eq!(portal.deliver(&unknown).await, effect("none"));
    let created = portal
        .clerk
        .session_event("session.created", &portal.clerk.session(&ann));
    assert_eq!(portal.deliver(&created).await, effect("none"));
}

async fn webhooks_without_a_recent_valid_signature_are_rejected(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let ann = portal.clerk.user("ann@example.com");
    let event = || portal.clerk.user_event("user.created", &ann);
    let invalid = (400, "invalid_signature".to_owned());
    let foreign = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let mut changed = event();
    changed.signature = Some(changed.signatures());
    changed.body = changed.body.replace("ann@", "eve@");
    let mut renamed = event();
    renamed.signature = Some(renamed.signatures());
    renamed.id.push('x');
    let mut unsigned = event();
    unsigned.signature = Some(String::new());
    for (webhook, why) in [
        (event().sent_ago(301), "old"),
        (event().sent_ago(-310), "from the future"),
        (
            event().signed_with(&[foreign]),
            "signed with another secret",
        ),
        (changed, "changed"),
        (renamed, "sent with another id"),
        (unsigned, "not signed"),
    ] {
        assert_eq!(portal.deliver(&webhook).await, invalid, "{why}");
    }
    assert_eq!(users(&portal, "TRUE").await, 0);
    let secret = portal.clerk.webhook_secret();
    let rotated = event().signed_with(&[foreign, secret]).sent_ago(290);
    assert_eq!(portal.deliver(&rotated).await, effect("created"));

    let strange = portal
        .clerk
        .webhook_event("user.updated", json!({"id": ann}));
    assert_eq!(portal.deliver(&strange).await, effect("none"));
    let mut broken = event();
    broken.body.push('x');
    let (status, code) = portal.deliver(&broken).await;
    assert_eq!((status, code.as_str()), (400, "invalid_event"));
    let mut large = event();
    large.body.push_str(&" ".repeat(256 * 1024));
    let (status, code) = portal.deliver(&large).await;
    assert_eq!((status, code.as_str()), (413, "body_too_large"));
    let guest = portal.server.guest();
    assert_eq!(guest.get("/api/webhooks/clerk").await.status, 405);
    let bare = guest.post("/api/webhooks/clerk", &json!({})).await;
    bare.problem(400, "invalid_signature");
}

#[tokio::test]
async fn webhook_route_does_not_exist_without_its_secret() {
    let server = TestServer::start(Database::Sqlite).await;
    let response = server.guest().post("/api/webhooks/clerk", &json!({})).await;
    response.problem(404, "not_found");
}

async fn newest_record_wins_in_any_order_of_arrival(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let ann = portal.clerk.user("ann@example.com");
    let created = portal.clerk.user_event("user.created", &ann);
    let named = |name: &str| {
        portal
            .clerk
            .update_user(&ann, |record| record["first_name"] = name.into());
        portal.clerk.user_event("user.updated", &ann)
    };
    let (first, second) = (named("First"), named("Second"));
    assert_eq!(portal.deliver(&second).await, effect("created"));
    assert_eq!(portal.deliver(&first).await, effect("none"));
    assert_eq!(portal.deliver(&created).await, effect("none"));
    // The same record arrives in another webhook.
    let again = portal.clerk.user_event("user.updated", &ann);
    assert_eq!(portal.deliver(&again).await, effect("none"));
    let seen = me(&portal.sign_in(&ann)).await.json();
    assert_eq!(seen["first_name"], "Second");

    // A user created while handling a request also stores the version of Clerk's record.
    let bob = portal.clerk.user("bob@example.com");
    let old = portal.clerk.user_event("user.updated", &bob);
    portal
        .clerk
        .update_user(&bob, |record| record["first_name"] = "Bob".into());
    let client = portal.sign_in(&bob);
    assert_eq!(me(&client).await.json()["first_name"], "Bob");
    assert_eq!(portal.deliver(&old).await, effect("none"));
    assert_eq!(me(&client).await.json()["first_name"], "Bob");
}

async fn deleted_user_is_never_recreated(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let ann = portal.clerk.user("ann@example.com");
    let record = portal.clerk.user_event("user.updated", &ann);
    let client = portal.sign_in(&ann);
    let other_session = portal.clerk.session(&ann);
    assert_eq!(me(&client).await.status, 200);
    let deleted = portal.clerk.deleted_event(&ann);
    assert_eq!(portal.deliver(&deleted).await, effect("deleted"));
    let tombstone = format!(
        "subject = '{ann}' AND email = '' AND first_name = '' AND last_name = '' \
         AND avatar_url IS NULL AND deleted_at IS NOT NULL AND NOT is_active"
    );
    // Clerk still has the user, as it may for a short time; valid tokens are still rejected.
    for client in [
        client,
        portal.with_session(&other_session),
        portal.sign_in(&ann),
    ] {
        me(&client).await.problem(401, "unauthorized");
        assert_eq!(client.page("/members").await.status, 303);
    }
    for late in [&record, &portal.clerk.user_event("user.created", &ann)] {
        assert_eq!(portal.deliver(late).await, effect("none"));
    }
    assert_eq!(users(&portal, &tombstone).await, 1);
    let open = "UPDATE portal_sessions SET id = id WHERE ended_at IS NULL".to_owned();
    assert_eq!(portal.server.sql(open).await, 0);
    let again = portal.clerk.deleted_event(&ann);
    assert_eq!(portal.deliver(&again).await, effect("none"));

    // Clerk deletes a user before the portal has stored the user.
    let bob = portal.clerk.user("bob@example.com");
    let deleted = portal.clerk.deleted_event(&bob);
    assert_eq!(portal.deliver(&deleted).await, effect("deleted"));
    let created = portal.clerk.user_event("user.created", &bob);
    assert_eq!(portal.deliver(&created).await, effect("none"));
    let client = portal.sign_in(&bob);
    me(&client).await.problem(401, "unauthorized");
    assert_eq!(users(&portal, "email LIKE '%@example.com'").await, 0);

    let entries = audited(&portal, "user.delete").await;
    assert_eq!(entries.len(), 2);
    let actor = json!({"id": null, "email": "identity provider"});
    assert_eq!(entries[0]["actor"], actor);
    let admin = portal.sign_in(&portal.clerk.user(ADMIN));
    assert_eq!(admin.get("/api/users").await.json()["total"], 1);
}

async fn session_ended_at_clerk_is_rejected(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let ann = portal.clerk.user("ann@example.com");
    for kind in ["session.revoked", "session.ended", "session.removed"] {
        let (session, other) = (portal.clerk.session(&ann), portal.clerk.session(&ann));
        let (client, other) = (portal.with_session(&session), portal.with_session(&other));
        assert_eq!(me(&client).await.status, 200);
        portal.clerk.revoke(&session);
        let over = portal.clerk.session_event(kind, &session);
        assert_eq!(
            me(&client).await.status,
            200,
            "the portal has not received the event"
        );
        assert_eq!(portal.deliver(&over).await, effect("ended"));
        me(&client).await.problem(401, "unauthorized");
        let renewed = portal.with_session(&session);
        me(&renewed).await.problem(401, "unauthorized");
        assert_eq!(me(&other).await.status, 200, "another session stays valid");
        assert_eq!(portal.deliver(&over).await, effect("none"));
    }
    // Clerk revokes a session before the portal has seen it.
    let session = portal.clerk.session(&ann);
    let over = portal.clerk.session_event("session.revoked", &session);
    assert_eq!(portal.deliver(&over).await, effect("ended"));
    let client = portal.with_session(&session);
    me(&client).await.problem(401, "unauthorized");
}

async fn banned_user_is_rejected_until_the_ban_is_lifted(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let ann = portal.clerk.user("ann@example.com");
    let client = portal.sign_in(&ann);
    assert_eq!(client.page("/members").await.status, 200);
    portal.clerk.ban(&ann);
    let banned = portal.clerk.user_event("user.updated", &ann);
    assert_eq!(portal.deliver(&banned).await, effect("updated"));
    assert_eq!(me(&client).await.status, 403);
    assert_eq!(client.page("/members").await.status, 403);
    let with_new_session = portal.sign_in(&ann);
    assert_eq!(me(&with_new_session).await.status, 403);

    portal.clerk.unban(&ann);
    let unbanned = portal.clerk.user_event("user.updated", &ann);
    assert_eq!(portal.deliver(&unbanned).await, effect("updated"));
    assert_eq!(me(&client).await.status, 200);
    assert_eq!(audited(&portal, "user.ban").await.len(), 1);
    assert_eq!(audited(&portal, "user.unban").await.len(), 1);

    // Clerk locks a user after too many wrong passwords; anyone can enter those.
    portal
        .clerk
        .update_user(&ann, |record| record["locked"] = true.into());
    let locked = portal.clerk.user_event("user.updated", &ann);
    assert_eq!(portal.deliver(&locked).await, effect("updated"));
    assert_eq!(me(&client).await.status, 200);

    // Clerk bans a user before the portal has stored the user.
    let bob = portal.clerk.user("bob@example.com");
    portal.clerk.ban(&bob);
    let client = portal.sign_in(&bob);
    assert_eq!(me(&client).await.status, 403);
}

async fn admin_needs_a_verified_primary_address(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let verified = json!({"status": "verified"});
    let unverified = portal.clerk.user(ADMIN);
    portal.clerk.update_user(&unverified, |record| {
        record["email_addresses"][0]["verification"]["status"] = "unverified".into();
    });
    let secondary = portal.clerk.user("second@example.com");
    portal.clerk.update_user(&secondary, |record| {
        let address = json!({"id": "idn_2", "email_address": ADMIN, "verification": verified});
        let addresses = record["email_addresses"].as_array_mut();
        addresses.expect("value is a list").push(address);
    });
    let none_is_primary = portal.clerk.user("third@example.com");
    portal.clerk.update_user(&none_is_primary, |record| {
        record["email_addresses"][0]["email_address"] = ADMIN.into();
        record["primary_email_address_id"] = Value::Null;
    });
    // The name contains a Cyrillic o.
    let homoglyph = portal.clerk.user("r\u{43e}ot@example.com");
    let unsafe_metadata = portal.clerk.user("eve@example.com");
    portal.clerk.update_user(&unsafe_metadata, |record| {
        let role = json!({"role": "admin", "user_type": "ADMIN", "email": ADMIN});
        record["unsafe_metadata"] = role.clone();
        record["public_metadata"] = role;
    });
    for user in [
        &unverified,
        &secondary,
        &none_is_primary,
        &homoglyph,
        &unsafe_metadata,
    ] {
        let event = portal.clerk.user_event("user.created", user);
        assert_eq!(portal.deliver(&event).await.0, 200);
        let session = portal.clerk.session(user);
        let claims = json!({
            "role": "admin", "user_type": "ADMIN", "email": ADMIN, "email_verified": true,
            "metadata": {"role": "admin"}, "org_role": "org:admin",
        });
        let origin = &portal.server.url;
        let token = portal.clerk.token_with(&session, origin, &claims);
        let client = Client::new(origin, Some(token));
        assert_eq!(me(&client).await.json()["user_type"], "USER");
        assert_eq!(client.page("/secret").await.status, 403);
    }
    // The verified user is promoted, even though a webhook created the row.
    portal.clerk.update_user(&unverified, |record| {
        record["email_addresses"][0]["verification"] = verified.clone();
    });
    let event = portal.clerk.user_event("user.updated", &unverified);
    assert_eq!(portal.deliver(&event).await, effect("updated"));
    let client = portal.sign_in(&unverified);
    assert_eq!(me(&client).await.json()["user_type"], "ADMIN");
}

async fn sign_out_ends_the_session_at_clerk(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let ann = portal.clerk.user("ann@example.com");
    let (session, other) = (portal.clerk.session(&ann), portal.clerk.session(&ann));
    let client = portal.with_session(&session);
    let mut browser = CookieClient::of_clerk(&portal.server.url, &client);
    assert_eq!(browser.submit("/sign-out", &[]).await.status, 303);
    eventually("the session is revoked at Clerk", async || {
        (portal.clerk.session_status(&session) == "revoked").then_some(())
    })
    .await;
    assert_eq!(portal.clerk.session_status(&other), "active");

    // Signing out of the portal does not depend on Clerk.
    portal.clerk.set_failure(Some(500));
    let client = portal.with_session(&other);
    assert_eq!(me(&client).await.status, 200);
    let mut browser = CookieClient::of_clerk(&portal.server.url, &client);
    assert_eq!(browser.submit("/sign-out", &[]).await.status, 303);
    me(&client).await.problem(401, "unauthorized");
}

async fn stored_users_need_no_backend_api_call(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let ann = portal.clerk.user("ann@example.com");
    assert_eq!(me(&portal.sign_in(&ann)).await.status, 200);
    let path = format!("GET /v1/users/{ann}");
    assert_eq!(portal.clerk.requests(), [path.as_str()]);
    portal.clerk.set_failure(Some(500));
    for _ in 0..3 {
        assert_eq!(me(&portal.sign_in(&ann)).await.status, 200);
    }
    assert_eq!(portal.clerk.requests().len(), 1);
    // A new user cannot sign in now, but can retry later.
    let bob = portal.sign_in(&portal.clerk.user("bob@example.com"));
    let away = me(&bob).await;
    away.problem(503, "unavailable");
    assert_ne!(away.header("retry-after"), "");
    portal.clerk.set_failure(None);
    assert_eq!(me(&bob).await.status, 200);
}

#[tokio::test]
async fn private_metadata_is_not_sent_to_clients() {
    let portal = ClerkPortal::start(Database::Sqlite).await;
    let ann = portal.clerk.user("ann@example.com");
    portal.clerk.update_user(&ann, |record| {
        record["private_metadata"] = json!({"note": "of the hidden kind"});
        record["public_metadata"] = json!({"plan": "pro"});
    });
    let shown = portal.sign_in(&ann).get("/api/auth/clerk/me").await;
    assert_eq!(shown.status, 200);
    assert_eq!(shown.json()["public_metadata"]["plan"], "pro");
    assert!(!shown.text.contains("hidden"), "{}", shown.text);
    assert!(!shown.text.contains("private_metadata"), "{}", shown.text);
}

#[tokio::test]
async fn webhook_that_cannot_be_stored_is_redelivered() {
    let portal = ClerkPortal::start(Database::Postgres).await;
    let ann = portal.clerk.user("ann@example.com");
    let created = portal.clerk.user_event("user.created", &ann);
    portal.server.cut_off(true).await;
    let (status, _) = portal.deliver(&created).await;
    assert!((500..600).contains(&status), "{status}");
    portal.server.cut_off(false).await;
    eventually("the webhook is applied", async || {
        (portal.deliver(&created).await == effect("created")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn webhook_takes_effect_on_other_replicas() {
    let portal = ClerkPortal::start(Database::Postgres).await;
    let replica = portal.replica().await;
    let ann = portal.clerk.user("ann@example.com");
    let session = portal.clerk.session(&ann);
    let token = portal.clerk.token(&session, &portal.server.url);
    let there = Client::new(&replica.url, Some(token));
    assert_eq!(me(&there).await.status, 200);
    portal.clerk.ban(&ann);
    let banned = portal.clerk.user_event("user.updated", &ann);
    assert_eq!(portal.deliver(&banned).await, effect("updated"));
    let status = async |expected: u16| {
        eventually("the other replica has applied the change", async || {
            (me(&there).await.status == expected).then_some(())
        })
        .await;
    };
    status(403).await;
    let over = portal.clerk.session_event("session.revoked", &session);
    assert_eq!(portal.deliver(&over).await, effect("ended"));
    status(401).await;
}

#[tokio::test]
async fn webhook_is_authenticated_only_by_its_signature() {
    let portal = ClerkPortal::start(Database::Sqlite).await;
    let ann = portal.clerk.user("ann@example.com");
    let webhook: Webhook = portal.clerk.user_event("user.created", &ann);
    let token = portal.clerk.session_token(&ann, &portal.server.url);
    let client = Client::new(&portal.server.url, Some(token));
    // A user's session does not replace the signature.
    let request = client.request(Method::POST, "/api/webhooks/clerk");
    let response = TestResponse::of(request.body(webhook.body.clone())).await;
    response.problem(400, "invalid_signature");
    assert_eq!(portal.deliver(&webhook).await, effect("created"));
}
