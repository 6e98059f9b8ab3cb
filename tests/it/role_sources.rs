//! Role sources: roles from `ADMIN_USER_EMAILS` require a matching, verified address.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    ADMIN, ClerkPortal, Client, Database, TestServer, command, eventually, on_both,
};

on_both!(
    configured_role_follows_the_verified_address,
    configured_role_falls_back_to_the_assigned_one,
    role_granted_by_an_administrator_outlasts_the_address,
    startup_applies_a_changed_list,
    restart_with_the_same_list_keeps_a_demotion,
    last_administrator_keeps_the_role_until_replaced,
    administrators_of_an_older_version_get_a_source,
);

const OTHER: &str = "keeper@example.com";

async fn me(client: &Client) -> Value {
    let response = client.get("/api/auth/me").await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()
}

async fn role(client: &Client) -> String {
    me(client).await["user_type"]
        .as_str()
        .expect("value is a string")
        .to_owned()
}

/// Waits until the replica has received a role change made by another user's request.
async fn becomes_user(client: &Client) {
    let is_user = async || (role(client).await == "USER").then_some(());
    eventually("the role has ended", is_user).await;
}

async fn id(client: &Client) -> String {
    me(client).await["id"]
        .as_str()
        .expect("value is a string")
        .to_owned()
}

/// Assigns a role as an administrator.
async fn assign(admin: &Client, user: &Client, role: &str) {
    let path = format!("/api/users/{}", id(user).await);
    let response = admin.patch(&path, &json!({"user_type": role})).await;
    assert_eq!(response.status, 200, "{}", response.text);
}

/// Returns the source of a user's role, as administrators see it.
async fn source(admin: &Client, user: &Client) -> Value {
    let path = format!("/api/admin/models/user/{}", id(user).await);
    admin.get(&path).await.json()["role_source"].clone()
}

/// Returns the old and new role for each change through `ADMIN_USER_EMAILS`, oldest first.
async fn audited(admin: &Client, user: &Client) -> Vec<[String; 2]> {
    let target = format!("user:{}", id(user).await);
    let path = format!("/api/admin/audit?actor=ADMIN_USER_EMAILS&target={target}");
    let entries = admin.get(&path).await.json();
    let entries = entries["items"]
        .as_array()
        .expect("value is a list")
        .iter()
        .rev();
    let changes = entries.map(|entry| {
        let change = &entry["details"]["changes"][0];
        assert_eq!(change["field"], "user_type", "{entry}");
        ["old", "new"].map(|member| {
            change[member]
                .as_str()
                .expect("value is a string")
                .to_owned()
        })
    });
    changes.collect()
}

/// Changes the primary e-mail address of a user in Clerk.
async fn update_address(portal: &ClerkPortal, user: &str, email: &str, status: &str) {
    portal.clerk.update_user(user, |record| {
        record["email_addresses"][0]["email_address"] = email.into();
        record["email_addresses"][0]["verification"]["status"] = status.into();
    });
    let event = portal.clerk.user_event("user.updated", user);
    let (status, effect) = portal.deliver(&event).await;
    assert_eq!((status, effect.as_str()), (200, "updated"));
}

/// Starts a portal with a configured administrator and another one promoted by the first.
async fn with_two_administrators(database: Database) -> (ClerkPortal, String, Client, Client) {
    let portal = ClerkPortal::start(database).await;
    let root = portal.clerk.user(ADMIN);
    let configured = portal.sign_in(&root);
    let keeper = portal.sign_in(&portal.clerk.user(OTHER));
    assign(&configured, &keeper, "ADMIN").await;
    (portal, root, configured, keeper)
}

async fn configured_role_follows_the_verified_address(database: Database) {
    let (portal, root, client, keeper) = with_two_administrators(database).await;
    assert_eq!(source(&keeper, &client).await, "configuration");
    assert_eq!(source(&keeper, &keeper).await, "administrator");
    let replica = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(portal.replica().await),
    };
    let there = replica.as_ref().map_or(&portal.server.url, |it| &it.url);
    let there = Client::new(there, client.token.clone());
    assert_eq!(there.get("/api/users").await.status, 200);
    let stream = there.request(Method::GET, "/api/live?topics=users");
    let stream = stream.header("accept", "text/event-stream").send().await;
    let stream = stream.expect("the portal responds");
    assert_eq!(stream.status(), 200);

    update_address(&portal, &root, "plain@example.org", "verified").await;
    assert_eq!(
        client.get("/api/users").await.status,
        403,
        "takes effect immediately on this replica"
    );
    let events = stream.text().await.expect("the stream ends");
    assert!(events.contains("4403"), "{events}");
    assert_eq!(there.get("/api/users").await.status, 403);
    assert_eq!(role(&portal.sign_in(&root)).await, "USER", "a new session");
    assert_eq!(source(&keeper, &client).await, "provider");

    update_address(&portal, &root, ADMIN, "unverified").await;
    assert_eq!(role(&client).await, "USER");
    assert_eq!(role(&portal.sign_in(&root)).await, "USER");
    update_address(&portal, &root, ADMIN, "verified").await;
    assert_eq!(role(&client).await, "ADMIN", "without a new session");
    update_address(&portal, &root, ADMIN, "unverified").await;
    assert_eq!(role(&client).await, "USER");

    // The address now belongs to someone else.
    update_address(&portal, &root, "plain@example.org", "verified").await;
    let next = portal.sign_in(&portal.clerk.user(ADMIN));
    assert_eq!(role(&next).await, "ADMIN");
    let (granted, ended) = (["USER", "ADMIN"], ["ADMIN", "USER"]);
    let entries = audited(&keeper, &client).await;
    assert_eq!(entries, [granted, ended, granted, ended]);
}

async fn configured_role_falls_back_to_the_assigned_one(database: Database) {
    let (portal, _, client, keeper) = with_two_administrators(database).await;
    let user = portal.clerk.user("ann@example.com");
    let ann = portal.sign_in(&user);
    assign(&keeper, &ann, "EDITOR").await;
    update_address(&portal, &user, &ADMIN.to_uppercase(), "verified").await;
    assert_eq!(role(&ann).await, "ADMIN");
    update_address(&portal, &user, "ann@example.com", "verified").await;
    assert_eq!(role(&ann).await, "EDITOR");
    assert_eq!(source(&keeper, &ann).await, "administrator");
    let path = format!("/admin/users?edit={}", id(&ann).await);
    let record = keeper.page(&path).await;
    assert_eq!(record.status, 200);
    assert!(record.text.contains("Role source"), "{}", record.text);
    assert_eq!(role(&client).await, "ADMIN");
}

async fn role_granted_by_an_administrator_outlasts_the_address(database: Database) {
    let (portal, root, client, keeper) = with_two_administrators(database).await;
    assign(&keeper, &client, "ADMIN").await;
    assert_eq!(source(&keeper, &client).await, "administrator");
    let entries = keeper.get("/api/admin/audit").await.json();
    let change = &entries["items"][0]["details"]["changes"];
    let expected =
        json!([{"field": "role_source", "old": "configuration", "new": "administrator"}]);
    assert_eq!(change, &expected);
    update_address(&portal, &root, "plain@example.org", "verified").await;
    assert_eq!(role(&client).await, "ADMIN");
    assert_eq!(role(&portal.sign_in(&root)).await, "ADMIN");
}

async fn startup_applies_a_changed_list(database: Database) {
    let server = TestServer::start(database).await;
    let (root, ann, keeper) = (
        server.admin().await,
        server.user().await,
        server.sign_in(OTHER).await,
    );
    assert_eq!(role(&ann).await, "USER");
    assign(&root, &keeper, "ADMIN").await;
    let server = server
        .start_again_with(&[("ADMIN_USER_EMAILS", "Ann@Example.com")])
        .await;
    // Tokens are bound to the portal's URL, which the restart changed; users are not.
    let keeper = server.sign_in(OTHER).await;
    let (root, ann) = (server.admin().await, server.user().await);
    let entries = [audited(&keeper, &root).await, audited(&keeper, &ann).await];
    let (granted, ended) = (["USER", "ADMIN"], ["ADMIN", "USER"]);
    assert_eq!(entries[0], [granted, ended]);
    assert_eq!(entries[1], [granted]);
    assert_eq!((&*role(&root).await, &*role(&ann).await), ("USER", "ADMIN"));

    let server = server.start_again_with(&[("ADMIN_USER_EMAILS", "")]).await;
    let keeper = server.sign_in(OTHER).await;
    let users = keeper.get("/api/admin/models/user").await.json();
    let users = users["items"].as_array().expect("value is a list").iter();
    let admins: Vec<_> = users
        .filter(|user| user["user_type"] == "ADMIN")
        .map(|user| user["email"].as_str().expect("value is a string"))
        .collect();
    assert_eq!(admins, [OTHER], "before anyone else signs in");
}

async fn restart_with_the_same_list_keeps_a_demotion(database: Database) {
    let server = TestServer::start(database).await;
    let (root, keeper) = (server.admin().await, server.sign_in(OTHER).await);
    assign(&root, &keeper, "ADMIN").await;
    let root_id = id(&root).await;
    assign(&keeper, &root, "USER").await;
    let server = server.start_again().await;
    let keeper = server.sign_in(OTHER).await;
    let row = keeper
        .get(&format!("/api/admin/models/user/{root_id}"))
        .await;
    assert_eq!(row.json()["user_type"], "USER");
    // The variable takes precedence, from the next session on.
    assert_eq!(role(&server.admin().await).await, "ADMIN");
}

async fn last_administrator_keeps_the_role_until_replaced(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let root = portal.clerk.user(ADMIN);
    let client = portal.sign_in(&root);
    assert_eq!(role(&client).await, "ADMIN");
    update_address(&portal, &root, "plain@example.org", "verified").await;
    assert_eq!(role(&client).await, "ADMIN", "the last administrator");
    assert_eq!(source(&client, &client).await, "configuration");
    let next = portal.sign_in(&portal.clerk.user(ADMIN));
    assert_eq!(role(&next).await, "ADMIN");
    becomes_user(&client).await;

    // The same happens if an administrator promotes the other user.
    let user = portal.clerk.user("third@example.com");
    let third = portal.sign_in(&user);
    assert_eq!(role(&third).await, "USER");
    let subject = me(&next).await["clerk_id"]
        .as_str()
        .expect("value is a string")
        .to_owned();
    update_address(&portal, &subject, "plain@example.net", "verified").await;
    assert_eq!(role(&next).await, "ADMIN", "the last administrator");
    assign(&next, &third, "ADMIN").await;
    becomes_user(&next).await;
    assert_eq!(role(&third).await, "ADMIN");
}

async fn administrators_of_an_older_version_get_a_source(database: Database) {
    let server = TestServer::start(database).await;
    let (root, keeper, ann) = (
        server.admin().await,
        server.sign_in(OTHER).await,
        server.user().await,
    );
    assign(&root, &keeper, "ADMIN").await;
    assign(&root, &ann, "EDITOR").await;
    let forget =
        "UPDATE portal_users SET role_source = NULL, assigned_role = NULL, assigned_source = NULL";
    assert_eq!(server.sql(forget.to_owned()).await, 3);
    let server = server.start_again().await;
    let (root, keeper, ann) = (
        server.admin().await,
        server.sign_in(OTHER).await,
        server.user().await,
    );
    let sources = [
        source(&keeper, &root).await,
        source(&keeper, &keeper).await,
        source(&keeper, &ann).await,
    ];
    assert_eq!(sources, ["configuration", "administrator", "administrator"]);
    assert_eq!(role(&ann).await, "EDITOR");
    assert_eq!(
        audited(&keeper, &root).await.len(),
        1,
        "the role is the same"
    );

    // An older replica writes only the role.
    let promote = "UPDATE portal_users SET user_type = 'ADMIN' WHERE email = 'ann@example.com'";
    server.sql(promote.to_owned()).await;
    let server = server.start_again_with(&[("ADMIN_USER_EMAILS", "")]).await;
    let keeper = server.sign_in(OTHER).await;
    let ann = server.user().await;
    assert_eq!(role(&ann).await, "ADMIN");
    assert_eq!(source(&keeper, &ann).await, "administrator");
    assert_eq!(role(&server.admin().await).await, "USER");
}

#[tokio::test]
async fn command_line_names_itself_as_the_source() {
    let portal = ClerkPortal::start(Database::Sqlite).await;
    let admin = portal.sign_in(&portal.clerk.user(ADMIN));
    let ann = portal.sign_in(&portal.clerk.user("ann@example.com"));
    assert_eq!(role(&ann).await, "USER");
    let elsewhere = ClerkPortal::elsewhere();
    let run = async |arguments: &[&str]| {
        let variables = portal.variables();
        let output = command(elsewhere.path())
            .args(arguments)
            .envs(variables)
            .output()
            .await;
        let output = output.expect("the binary runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run(&["users", "role", "ann@example.com", "ADMIN"]).await;
    eventually("the running portal has received the change", async || {
        (role(&ann).await == "ADMIN").then_some(())
    })
    .await;
    assert_eq!(source(&admin, &ann).await, "command_line");
    let list = run(&["users", "list"]).await;
    let line = |email: &str| {
        list.lines()
            .find(|line| line.contains(email))
            .expect("the output contains the line")
    };
    assert!(line("ann@example.com").contains(" command_line "), "{list}");
    assert!(line(ADMIN).contains(" configuration "), "{list}");
}
