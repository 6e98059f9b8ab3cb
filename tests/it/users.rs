//! Administration of users: the list, roles, and deactivation.

use serde_json::{Value, json};

use crate::support::{Client, Database, TestResponse, TestServer, attributes, on_both};

on_both!(
    users_are_paginated_sorted_and_searched,
    assigned_role_applies_to_the_next_request,
    last_administrator_cannot_be_removed,
    mutual_demotion_leaves_one_administrator,
    deactivated_user_is_rejected_at_once,
    role_is_stored_by_name_and_shown_by_title,
);

async fn id_of(client: &Client) -> String {
    let response = client.get("/api/auth/me").await;
    let me = response.json();
    me["id"].as_str().expect("response has an id").to_owned()
}

async fn change(admin: &Client, id: &str, body: Value) -> TestResponse {
    admin.patch(&format!("/api/users/{id}"), &body).await
}

fn emails(response: &TestResponse) -> Vec<String> {
    assert_eq!(response.status, 200, "{}", response.text);
    let response = response.json();
    let items = response["items"].as_array().expect("value is a list");
    items
        .iter()
        .map(|user| {
            user["email"]
                .as_str()
                .expect("value is a string")
                .to_owned()
        })
        .collect()
}

fn pointers(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().expect("value is a list");
    errors
        .iter()
        .map(|error| error["pointer"].as_str().expect("the error has a pointer"))
        .collect()
}

async fn users_are_paginated_sorted_and_searched(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    id_of(&admin).await;
    for number in 0..11 {
        id_of(&server.sign_in(&format!("p{number:02}_y@example.com")).await).await;
    }
    let first = admin.get("/api/users?sort=email&per_page=10").await;
    assert_eq!(emails(&first)[0], "p00_y@example.com");
    assert_eq!(emails(&first).len(), 10);
    let counts = first.json();
    assert_eq!(
        [
            &counts["total"],
            &counts["page"],
            &counts["per_page"],
            &counts["pages"]
        ],
        [12, 1, 10, 2]
    );
    let second = admin.get("/api/users?sort=email&per_page=10&page=2").await;
    assert_eq!(emails(&second), ["p10_y@example.com", "root@example.com"]);
    let beyond = admin.get("/api/users?page=99").await;
    assert!(emails(&beyond).is_empty());
    let newest = emails(&admin.get("/api/users").await);
    assert_eq!(
        newest.first().map(String::as_str),
        Some("p10_y@example.com")
    );
    let last = emails(&admin.get("/api/users?sort=-email").await);
    assert_eq!(last[0], "root@example.com");

    for (search, found) in [
        ("P03", 1),
        ("TEST", 12),
        ("%25", 0),
        ("0_y", 2),
        ("0-y", 0),
        ("%27%20OR%201=1%20--", 0),
        ("", 12),
    ] {
        let response = admin.get(&format!("/api/users?search={search}")).await;
        assert_eq!(response.json()["total"], found, "{search}");
    }
    for (query, pointer) in [
        ("sort=password", "/sort"),
        ("sort=--email", "/sort"),
        ("per_page=11", "/per_page"),
        ("page=0", "/page"),
        ("page=x", "/page"),
        ("per_page=-1", "/per_page"),
        ("surprise=1", "/surprise"),
    ] {
        let problem = admin.get(&format!("/api/users?{query}")).await;
        let problem = problem.problem(422, "invalid_parameters");
        assert_eq!(pointers(&problem), [pointer], "{query}");
    }
    let all = admin.get("/api/users?sort=x&page=0&per_page=3").await;
    let all = all.problem(422, "invalid_parameters");
    assert_eq!(pointers(&all), ["/sort", "/page", "/per_page"]);
}

async fn role_is_stored_by_name_and_shown_by_title(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let id = id_of(&admin).await;
    let list = admin
        .page("/admin/users?filter[user_type]=ADMIN")
        .await
        .text;
    assert!(list.contains("class=\"pt-badge\">Administrator<"), "{list}");
    assert!(list.contains("Role: Administrator"), "{list}");
    let form = admin.page(&format!("/admin/users?edit={id}")).await.text;
    assert_eq!(
        attributes(&form, "select[name=user_type] option[selected]", "value"),
        ["ADMIN"]
    );
    assert!(form.contains(">Administrator</option>"), "{form}");
    let row = admin.get(&format!("/api/admin/models/user/{id}")).await;
    assert_eq!(row.json()["user_type"], "ADMIN");
}

async fn assigned_role_applies_to_the_next_request(database: Database) {
    let server = TestServer::start(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    let id = id_of(&user).await;
    assert_eq!(user.page("/secret").await.status, 403);

    let response = change(&admin, &id, json!({"user_type": "ADMIN"})).await;
    assert_eq!(
        (response.status.as_u16(), &response.json()["user_type"]),
        (200, &json!("ADMIN"))
    );
    assert_eq!(user.page("/secret").await.status, 200);
    let response = change(&admin, &id, json!({"user_type": "EDITOR"})).await;
    assert_eq!(response.json()["user_type"], "EDITOR");
    assert_eq!(user.page("/secret").await.status, 403);
    assert_eq!(user.get("/api/auth/me").await.json()["user_type"], "EDITOR");

    let unknown = change(&admin, &id, json!({"user_type": "OWNER"})).await;
    let problem = unknown.problem(422, "invalid_parameters");
    assert_eq!(pointers(&problem), ["/user_type"]);
    let faulty = change(
        &admin,
        &id,
        json!({"user_type": "OWNER", "is_active": "no", "x": 1}),
    )
    .await;
    let problem = faulty.problem(422, "invalid_parameters");
    let mut found = pointers(&problem);
    found.sort_unstable();
    assert_eq!(
        found,
        ["/is_active", "/user_type", "/x"],
        "all errors at once"
    );

    for id in ["nobody", "0190b7a0-0000-7000-8000-000000000000"] {
        let missing = change(&admin, id, json!({"is_active": true})).await;
        missing.problem(404, "user_not_found");
    }
    let by_user = change(&user, &id, json!({"user_type": "ADMIN"})).await;
    by_user.problem(403, "forbidden");
    let by_guest = change(&server.guest(), &id, json!({"user_type": "ADMIN"})).await;
    by_guest.problem(401, "unauthorized");
}

async fn last_administrator_cannot_be_removed(database: Database) {
    let server = TestServer::start(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    let (admin_id, user_id) = (id_of(&admin).await, id_of(&user).await);
    for body in [json!({"user_type": "USER"}), json!({"is_active": false})] {
        let refused = change(&admin, &admin_id, body).await;
        refused.problem(409, "last_admin");
    }
    assert_eq!(admin.page("/secret").await.status, 200);

    // A deactivated administrator does not count.
    change(
        &admin,
        &user_id,
        json!({"user_type": "ADMIN", "is_active": false}),
    )
    .await;
    let refused = change(&admin, &admin_id, json!({"is_active": false})).await;
    refused.problem(409, "last_admin");
    change(&admin, &user_id, json!({"is_active": true})).await;
    let demoted = change(&admin, &admin_id, json!({"user_type": "USER"})).await;
    assert_eq!(demoted.status, 200, "there is another one now");
    assert_eq!(admin.page("/secret").await.status, 403);
}

async fn mutual_demotion_leaves_one_administrator(database: Database) {
    let server = TestServer::start(database).await;
    let (one, other) = (server.admin().await, server.user().await);
    let (one_id, other_id) = (id_of(&one).await, id_of(&other).await);
    for round in 0..5 {
        let (keeper, id) = if round == 0 || one.page("/secret").await.status == 200 {
            (&one, &other_id)
        } else {
            (&other, &one_id)
        };
        change(keeper, id, json!({"user_type": "ADMIN"})).await;
        let (first, second) = tokio::join!(
            change(&one, &other_id, json!({"user_type": "USER"})),
            change(&other, &one_id, json!({"user_type": "USER"})),
        );
        let done = [&first, &second]
            .iter()
            .filter(|response| response.status == 200)
            .count();
        assert_eq!(done, 1, "{} {}", first.text, second.text);
        let left = [&one, &other].map(|client| client.page("/secret"));
        let left = futures_util::future::join_all(left).await;
        let left = left
            .iter()
            .filter(|response| response.status == 200)
            .count();
        assert_eq!(left, 1);
    }
}

async fn deactivated_user_is_rejected_at_once(database: Database) {
    let server = TestServer::start(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    let id = id_of(&user).await;
    assert_eq!(user.page("/members").await.status, 200);
    let response = change(&admin, &id, json!({"is_active": false})).await;
    assert_eq!(response.json()["is_active"], false);

    let page = user.page("/members").await;
    assert_eq!((page.status.as_u16(), page.location()), (403, ""));
    assert!(page.text.contains("deactivated"), "{}", page.text);
    assert!(!page.text.contains("ann@example.com"));
    user.get("/api/auth/me").await.problem(403, "deactivated");
    let again = server.user().await;
    again.get("/api/auth/me").await.problem(403, "deactivated");
    assert_eq!(user.page("/").await.status, 200, "public pages stay public");
    let form = user.page("/sign-in").await;
    assert_eq!(
        form.status, 200,
        "no redirect to a page that rejects the user"
    );

    change(&admin, &id, json!({"is_active": true})).await;
    assert_eq!(user.page("/members").await.status, 200);
}
