//! The audit log: changes to roles, accounts and settings, with old and new values.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ADMIN, Client, Database, TestResponse, TestServer, attributes, on_both};

on_both!(
    user_changes_are_audited_in_every_interface,
    row_changes_are_audited_with_old_and_new_values,
    failed_changes_are_not_audited,
    log_is_paginated_and_filtered,
    page_shows_the_log_to_administrators_only,
    audit_page_shows_users_by_name,
    last_administrator_is_protected_in_every_interface,
    mutual_deactivation_leaves_one_administrator,
);

async fn id_of(client: &Client) -> String {
    let me = client.get("/api/auth/me").await.json();
    me["id"].as_str().expect("response has an id").to_owned()
}

async fn log(admin: &Client, query: &str) -> Vec<Value> {
    let response = admin.get(&format!("/api/admin/audit{query}")).await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()["items"]
        .as_array()
        .expect("value is a list")
        .clone()
}

/// Returns `[field, old, new]` for each change in an entry.
fn changes(entry: &Value) -> Value {
    let changes = entry["details"]["changes"]
        .as_array()
        .expect("value is a list");
    let changes = changes.iter();
    changes
        .map(|it| json!([it["field"], it["old"], it["new"]]))
        .collect()
}

fn form(client: &Client, path: &str, body: String) -> reqwest::RequestBuilder {
    client
        .request(Method::POST, path)
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}

/// Submits the form on `/admin/users` for a user.
async fn user_form(admin: &Client, id: &str, user_type: &str, is_active: bool) -> TestResponse {
    let row = admin.get(&format!("/api/admin/models/user/{id}")).await;
    let version = row.header("etag").trim_matches('"').to_owned();
    let active = if is_active { "&is_active=true" } else { "" };
    let body = format!("_confirmed=1&_version={version}&user_type={user_type}{active}");
    let path = format!("/admin/users/rows/{id}/update");
    TestResponse::of(form(admin, &path, body)).await
}

async fn user_changes_are_audited_in_every_interface(database: Database) {
    let server = TestServer::start(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    let (admin_id, id) = (id_of(&admin).await, id_of(&user).await);

    // Being promoted by `ADMIN_USER_EMAILS` is recorded in the log.
    let entries = log(&admin, &format!("?target=user:{admin_id}")).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["actor"]["email"], "ADMIN_USER_EMAILS");
    assert_eq!(entries[0]["actor"]["id"], Value::Null);
    assert_eq!(
        changes(&entries[0]),
        json!([["user_type", "USER", "ADMIN"]])
    );
    id_of(&server.admin().await).await;
    let again = log(&admin, &format!("?target=user:{admin_id}")).await;
    assert_eq!(again.len(), 1, "the user was already an administrator");

    // The administrator changes the user through the users API.
    let body = json!({"user_type": "EDITOR", "is_active": false});
    let path = format!("/api/users/{id}");
    assert_eq!(admin.patch(&path, &body).await.status, 200);
    let target = format!("?target=user:{id}");
    let newest = log(&admin, &target).await[0].clone();
    let both = json!([["user_type", "USER", "EDITOR"], ["is_active", true, false]]);
    assert_eq!(changes(&newest), both);
    assert_eq!(newest["actor"], json!({"id": admin_id, "email": ADMIN}));
    assert_eq!(newest["action"], "user.update");
    assert_eq!(newest["details"]["label"], "ann@example.com");
    // A request that changes nothing adds no entry.
    assert_eq!(admin.patch(&path, &body).await.status, 200);
    assert_eq!(log(&admin, &target).await.len(), 1);

    // The administrator changes the user through the generic API for admin models.
    let change = admin
        .request(Method::PATCH, &format!("/api/admin/models/user/{id}"))
        .header("if-match", "*")
        .json(&json!({"is_active": true}));
    assert_eq!(TestResponse::of(change).await.status, 200);
    let newest = log(&admin, &target).await[0].clone();
    assert_eq!(changes(&newest), json!([["is_active", false, true]]));

    // The administrator changes the user on the admin page.
    let response = user_form(&admin, &id, "USER", true).await;
    assert_eq!(response.status, 303, "{}", response.text);
    let entries = log(&admin, &target).await;
    assert_eq!(entries.len(), 3);
    assert_eq!(
        changes(&entries[0]),
        json!([["user_type", "EDITOR", "USER"]])
    );
    assert_eq!(entries[0]["actor"]["email"], ADMIN);

    // Preferences that users set for themselves are not audited.
    let mine = json!({"preferences": {"theme": {"accent": "jade"}}});
    assert_eq!(user.patch("/api/auth/me", &mine).await.status, 200);
    assert_eq!(log(&admin, &target).await.len(), 3);
}

async fn row_changes_are_audited_with_old_and_new_values(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let models = "/api/admin/models";
    let body = json!({"title": "One", "secret": "s3cret-word"});
    let made = admin.post(&format!("{models}/article"), &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].clone();
    let row = format!("{models}/article/{id}");
    let change = admin.request(Method::PATCH, &row).header("if-match", "*");
    let change = change.json(&json!({"title": "Two", "secret": "n3w-word"}));
    assert_eq!(TestResponse::of(change).await.status, 200);
    let delete = admin.request(Method::DELETE, &row).header("if-match", "*");
    assert_eq!(TestResponse::of(delete).await.status, 204);

    let entries = log(&admin, &format!("?target=article:{id}")).await;
    let actions: Vec<&Value> = entries.iter().map(|entry| &entry["action"]).collect();
    assert_eq!(
        actions,
        ["article.delete", "article.update", "article.create"]
    );
    assert!(entries.iter().all(|entry| entry["actor"]["email"] == ADMIN));
    let update = changes(&entries[1]);
    assert_eq!(update[0], json!(["title", "One", "Two"]));
    assert_eq!(update[1][0], "secret");
    let all = Value::from(entries).to_string();
    assert!(!all.contains("s3cret") && !all.contains("n3w"), "{all}");

    // Several rows are deleted at once, through an action and through the form on the page.
    for name in ["A", "B", "C"] {
        let made = admin
            .post(&format!("{models}/plan"), &json!({"name": name}))
            .await;
        assert_eq!(made.status, 201);
    }
    let rows = admin.get(&format!("{models}/plan")).await.json();
    let id = |at: usize| rows["items"][at]["id"].clone();
    let body = json!({"ids": [id(0), id(1)]});
    let deleted = admin
        .post(&format!("{models}/plan/actions/delete"), &body)
        .await;
    assert_eq!(deleted.json()["deleted"], 2);
    let path = "/admin/settings/plan/actions/delete";
    let body = format!("id={}", id(2));
    assert_eq!(TestResponse::of(form(&admin, path, body)).await.status, 303);
    for at in 0..3 {
        let entries = log(&admin, &format!("?target=plan:{}", id(at))).await;
        assert_eq!(entries[0]["action"], "plan.delete");
        assert_eq!(entries.len(), 2);
    }

    let added = admin.post("/api/admin/defaults", &json!({})).await;
    assert_eq!(added.json()["added"]["plan"], 2);
    let entries = log(&admin, "?target=defaults").await;
    assert_eq!(entries[0]["details"], json!({"added": {"plan": 2}}));
    admin.post("/api/admin/defaults", &json!({})).await;
    assert_eq!(
        log(&admin, "?target=defaults").await.len(),
        1,
        "no default was missing"
    );
}

async fn failed_changes_are_not_audited(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let id = id_of(&admin).await;
    let plan = "/api/admin/models/plan";
    assert_eq!(admin.post(plan, &json!({"name": "A"})).await.status, 201);
    let before = log(&admin, "").await.len();
    let twice = admin.post(plan, &json!({"name": "A"})).await;
    twice.problem(409, "not_unique");
    let stale = admin
        .request(Method::DELETE, &format!("{plan}/1"))
        .header("if-match", "\"77\"");
    TestResponse::of(stale).await.problem(412, "stale");
    let last = admin
        .patch(&format!("/api/users/{id}"), &json!({"is_active": false}))
        .await;
    last.problem(409, "last_admin");
    assert_eq!(log(&admin, "").await.len(), before);

    // A change is rolled back if its audit entry cannot be written.
    server
        .sql("ALTER TABLE portal_audit_log RENAME TO portal_audit_log_away".to_owned())
        .await;
    let made = admin.post(plan, &json!({"name": "B"})).await;
    assert_eq!(made.status, 500, "{}", made.text);
    let user = server.user().await;
    let path = format!("/api/users/{}", id_of(&user).await);
    let changed = admin.patch(&path, &json!({"user_type": "EDITOR"})).await;
    assert_eq!(changed.status, 500);
    server
        .sql("ALTER TABLE portal_audit_log_away RENAME TO portal_audit_log".to_owned())
        .await;
    assert_eq!(admin.get(plan).await.json()["total"], 1);
    assert_eq!(user.get("/api/auth/me").await.json()["user_type"], "USER");
}

async fn log_is_paginated_and_filtered(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let admin_id = id_of(&admin).await;
    for number in 0..5 {
        let name = json!({"name": format!("P{number}")});
        admin.post("/api/admin/models/plan", &name).await;
    }
    let all = log(&admin, "").await;
    assert_eq!(all.len(), 6, "includes the promotion of the administrator");
    let first = admin.get("/api/admin/audit?limit=2").await.json();
    assert_eq!(first["items"], json!([all[0], all[1]]));
    let cursor = first["next_cursor"].as_str().expect("there is a next page");
    let next = log(&admin, &format!("?limit=2&cursor={cursor}")).await;
    assert_eq!(next, [all[2].clone(), all[3].clone()]);
    let before = all[3]["id"].as_str().expect("response has an id");
    assert_eq!(log(&admin, &format!("?before={before}")).await.len(), 2);
    for actor in [admin_id.as_str(), ADMIN, "ROOT@example.com"] {
        let found = log(&admin, &format!("?actor={actor}")).await;
        assert_eq!(found.len(), 5, "{actor}");
    }
    assert_eq!(log(&admin, "?actor=ADMIN_USER_EMAILS").await.len(), 1);
    assert!(log(&admin, "?actor=nobody").await.is_empty());
    for query in [
        "?limit=0",
        "?limit=1001",
        "?before=x",
        "?cursor=x",
        "?x=1&limit=x",
    ] {
        let response = admin.get(&format!("/api/admin/audit{query}")).await;
        response.problem(422, "invalid_parameters");
    }
}

async fn page_shows_the_log_to_administrators_only(database: Database) {
    let server = TestServer::start(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    let id = id_of(&user).await;
    let editor = json!({"user_type": "EDITOR"});
    admin.patch(&format!("/api/users/{id}"), &editor).await;
    let page = admin.page("/admin/audit").await;
    assert_eq!(page.status, 200);
    for words in [
        "user.update",
        "ann@example.com",
        "Role:</span> User → Editor",
        ADMIN,
    ] {
        // Identifiers and e-mail addresses contain break opportunities.
        let text = page.text.replace("<wbr>", "");
        assert!(text.contains(words), "{words}: {text}");
    }
    let filtered = admin
        .page(&format!("/admin/audit?target=user:{id}"))
        .await
        .text;
    assert!(filtered.contains("Editor") && !filtered.contains("ADMIN_USER_EMAILS"));
    let none = admin.page("/admin/audit?actor=%3Cb%3E").await.text;
    assert!(none.contains("No results") && !none.contains("<b>"));
    assert_eq!(admin.page("/admin/audit?before=x").await.status, 200);

    for number in 0..60 {
        let name = json!({"name": format!("Plan {number:02}")});
        admin.post("/api/admin/models/plan", &name).await;
    }
    let first = admin.page("/admin/audit").await.text;
    assert!(first.contains("Plan 59") && first.contains("Plan 10") && !first.contains("Plan 09"));
    let (_, older) = first.split_once("before=").expect("there is a next page");
    let older = older.split(['"', '&']).next().expect("page contains an id");
    let second = admin
        .page(&format!("/admin/audit?before={older}"))
        .await
        .text;
    assert!(second.contains("Plan 09") && !second.contains("Plan 10"));
    // An actor that is a setting is shown as code.
    assert!(
        second.contains("<code>ADMIN_USER_EMAILS</code>"),
        "{second}"
    );
    let ways = attributes(&second, "nav[aria-label=Pages] a", "href");
    assert!(!ways.iter().any(|way| way.contains("before=")), "{ways:?}");

    assert_eq!(user.page("/admin/audit").await.status, 403);
    assert_eq!(server.guest().page("/admin/audit").await.status, 303);
    server
        .guest()
        .get("/api/admin/audit")
        .await
        .problem(401, "unauthorized");
    user.get("/api/admin/audit").await.problem(403, "forbidden");
}

/// Returns the text of each cell of a column, including its whitespace.
fn column(html: &str, number: usize) -> Vec<String> {
    let page = scraper::Html::parse_document(html);
    let cells = format!("#entries tbody td:nth-child({number})");
    let cells = scraper::Selector::parse(&cells).expect("selector is valid");
    let text = |cell: scraper::ElementRef<'_>| cell.text().collect::<String>();
    page.select(&cells).map(text).collect()
}

async fn audit_page_shows_users_by_name(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let zoe = json!({"email": "zoe@example.com", "first_name": "Zoë", "last_name": "Ott"});
    let token = server.guest().post("/dev/token", &zoe).await.json();
    let token = token["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    let id = id_of(&Client::new(&server.url, Some(token))).await;
    let editor = json!({"user_type": "EDITOR"});
    let path = format!("/api/users/{id}");
    assert_eq!(admin.patch(&path, &editor).await.status, 200);

    let page = admin.page("/admin/audit").await.text;
    let (actors, targets) = (column(&page, 2), column(&page, 4));
    assert_eq!(actors[0], format!("Test Person{ADMIN}"));
    assert_eq!(targets[0], "Zoë Ottzoe@example.comOpen record");
    // An actor that is a setting has no display name.
    assert!(
        actors.contains(&"ADMIN_USER_EMAILS".to_owned()),
        "{actors:?}"
    );
    // Filters still use the stored e-mail address.
    let links = attributes(&page, "#entries td:nth-child(2) a", "href");
    assert!(links[0].ends_with("actor=root%40example.com"), "{links:?}");

    // Unknown users appear as stored in the entry.
    let nil = "00000000-0000-0000-0000-000000000001";
    let actor = if database == Database::Postgres {
        format!("'{nil}'")
    } else {
        format!("X'{}'", nil.replace('-', ""))
    };
    let changed = server
        .sql(format!(
            "UPDATE portal_audit_log SET actor_user_id = {actor}, target = 'user:{nil}' WHERE action = 'user.update' AND target = 'user:{id}'"
        ))
        .await;
    assert_eq!(changed, 1);
    let page = admin.page("/admin/audit").await.text;
    assert_eq!(column(&page, 2)[0], ADMIN);
    assert_eq!(column(&page, 4)[0], format!("zoe@example.comuser:{nil}"));
}

async fn last_administrator_is_protected_in_every_interface(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let id = id_of(&admin).await;
    let row = format!("/api/admin/models/user/{id}");
    for body in [json!({"user_type": "EDITOR"}), json!({"is_active": false})] {
        for method in [Method::PATCH, Method::PUT] {
            let mut body = body.clone();
            if method == Method::PUT {
                body = json!({"user_type": "USER", "is_active": false});
            }
            let change = admin
                .request(method, &row)
                .header("if-match", "*")
                .json(&body);
            TestResponse::of(change).await.problem(409, "last_admin");
        }
    }
    let refused = user_form(&admin, &id, "USER", true).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let refused = user_form(&admin, &id, "ADMIN", false).await;
    assert_eq!(refused.status, 409);
    // The last administrator cannot be deleted either. Banned and deleted administrators do not
    // count.
    let delete = admin.request(Method::DELETE, &row).header("if-match", "*");
    TestResponse::of(delete).await.problem(403, "not_permitted");
    for (email, column) in [
        ("banned@example.com", "is_banned = TRUE"),
        ("gone@example.com", "deleted_at = created_at"),
    ] {
        let other = server.sign_in(email).await;
        let other_id = id_of(&other).await;
        let admin_too = json!({"user_type": "ADMIN"});
        let path = format!("/api/users/{other_id}");
        assert_eq!(admin.patch(&path, &admin_too).await.status, 200);
        let change = format!("UPDATE portal_users SET {column} WHERE email = '{email}'");
        assert_eq!(server.sql(change).await, 1);
        let demoted = admin
            .patch(&format!("/api/users/{id}"), &json!({"user_type": "USER"}))
            .await;
        demoted.problem(409, "last_admin");
    }
    assert_eq!(admin.page("/secret").await.status, 200);
}

async fn mutual_deactivation_leaves_one_administrator(database: Database) {
    let server = TestServer::start(database).await;
    let (one, other) = (server.admin().await, server.user().await);
    let (one_id, other_id) = (id_of(&one).await, id_of(&other).await);
    let admin_too = json!({"user_type": "ADMIN"});
    one.patch(&format!("/api/users/{other_id}"), &admin_too)
        .await;
    let by_model = other
        .request(Method::PATCH, &format!("/api/admin/models/user/{one_id}"))
        .header("if-match", "*")
        .json(&json!({"user_type": "USER"}));
    let path = format!("/api/users/{other_id}");
    let off = json!({"is_active": false});
    let (first, second) = tokio::join!(one.patch(&path, &off), TestResponse::of(by_model));
    let done = [&first, &second]
        .iter()
        .filter(|it| it.status == 200)
        .count();
    assert_eq!(done, 1, "{} {}", first.text, second.text);
    let left = [one.page("/secret").await, other.page("/secret").await];
    assert_eq!(left.iter().filter(|it| it.status == 200).count(), 1);
}
