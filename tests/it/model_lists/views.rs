//! Saved views: personal and shared ones, their URLs, limits, and what others see.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PAGE, with_measurements};
use crate::support::{Chromium, Client, CookieClient, Database, TestResponse, attributes, on_both};

on_both!(
    view_shows_the_saved_list_at_its_own_url,
    personal_view_is_visible_only_to_its_owner,
    shared_view_is_visible_to_its_audience,
    invalid_view_names_its_cause,
    view_of_an_unknown_field_shows_the_rest,
    views_are_saved_changed_and_deleted_by_forms,
);

const VIEWS: &str = "/api/admin/views";

fn view(name: &str, query: &str) -> Value {
    json!({"model": "measurement", "name": name, "query": query})
}

async fn save(client: &Client, body: &Value) -> String {
    let response = client.post(VIEWS, body).await;
    assert_eq!(response.status, 201, "{}", response.text);
    let id = response.json()["id"].clone();
    id.as_str().expect("the view has an id").to_owned()
}

/// Returns the names of the views of a list that a user sees.
async fn names(client: &Client, model: &str) -> Vec<String> {
    let response = client.get(&format!("{VIEWS}?model={model}")).await;
    assert_eq!(response.status, 200, "{}", response.text);
    let items = response.json()["items"].clone();
    let items = items.as_array().expect("there are items");
    let names = items.iter().map(|item| item["name"].as_str());
    names.map(|name| name.expect("a name").to_owned()).collect()
}

async fn put(client: &Client, id: &str, body: &Value) -> TestResponse {
    let request = client.request(Method::PUT, &format!("{VIEWS}/{id}"));
    TestResponse::of(request.json(body)).await
}

async fn view_shows_the_saved_list_at_its_own_url(database: Database) {
    let (server, admin) = with_measurements(database, 30).await;
    let query = "search=S2&sort=-level&filter[level][gt]=20&columns=station,level&page=2&edit=3&per_page=50";
    let response = admin.post(VIEWS, &view(" High  levels ", query)).await;
    assert_eq!(response.status, 201, "{}", response.text);
    let stored = response.json();
    assert_eq!(stored["name"], "High  levels");
    assert_eq!(
        stored["query"],
        "search=S2&sort=-level&filter%5Blevel%5D%5Bgt%5D=20&columns=station%2Clevel"
    );
    let id = stored["id"].as_str().expect("the view has an id");

    let page = admin.page(&format!("{PAGE}?view={id}")).await;
    let rows = attributes(&page.text, "tbody tr", "id");
    assert_eq!(rows.len(), 9, "{rows:?}");
    assert_eq!(rows[0], "measurements-29");
    assert!(page.text.contains("Level &gt; 20"), "{}", page.text);
    let current = attributes(&page.text, ".pt-views [aria-current]", "href");
    assert_eq!(current, [format!("{PAGE}?view={id}")]);
    // Links on the page contain the whole state, so that the user can change it.
    let links = attributes(&page.text, ".pt-chip a:last-child", "href");
    let less = admin.page(&links[0]).await;
    assert_eq!(attributes(&less.text, "tbody tr", "id").len(), 10);
    // The export of the view contains its rows.
    let export = attributes(&page.text, "#rows-export a", "href");
    let file = admin.get(&export[0]).await;
    assert_eq!(file.status, 200, "{}", file.text);
    assert_eq!(file.text.lines().count(), 10, "{}", file.text);
    assert!(less.text.contains("Save view"));
    assert!(!page.text.contains("Save view"));
    drop(server);
}

async fn personal_view_is_visible_only_to_its_owner(database: Database) {
    let (server, admin) = with_measurements(database, 3).await;
    let id = save(&admin, &view("Mine", "sort=level")).await;
    let other = server.sign_in("other@example.com").await;
    let me = other.get("/api/auth/me").await.json();
    let path = format!("/api/users/{}", me["id"].as_str().expect("an id"));
    let response = admin.patch(&path, &json!({"user_type": "ADMIN"})).await;
    assert_eq!(response.status, 200, "{}", response.text);
    assert!(names(&other, "measurement").await.is_empty());
    let page = other.page(&format!("{PAGE}?view={id}")).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text
            .contains("This view does not exist or is not shared with you")
    );
    let body = json!({"name": "Stolen", "query": ""});
    put(&other, &id, &body).await.problem(404, "view_unknown");
    let delete = other.delete(&format!("{VIEWS}/{id}")).await;
    delete.problem(404, "view_unknown");
    assert_eq!(names(&admin, "measurement").await, ["Mine"]);
    let list = format!("{VIEWS}?model=measurement");
    server.guest().get(&list).await.problem(401, "unauthorized");
    let user = server.user().await;
    user.get(&list).await.problem(403, "forbidden");
    let response = user.post(VIEWS, &view("x", "")).await;
    response.problem(403, "forbidden");
    drop(server);
}

async fn shared_view_is_visible_to_its_audience(database: Database) {
    let (server, admin) = with_measurements(database, 3).await;
    let share = |name: &str, audience: &str| json!({"model": "article", "name": name, "query": "sort=title", "shared_with": audience});
    let everyone = save(&admin, &share("For everyone", "*")).await;
    let role = save(&admin, &share("For editors", "EDITOR")).await;
    save(&admin, &share("For sales", "SALES")).await;
    let editor = server.sign_in("ed@example.com").await;
    let me = editor.get("/api/auth/me").await.json();
    let path = format!("/api/users/{}", me["id"].as_str().expect("an id"));
    let response = admin.patch(&path, &json!({"user_type": "EDITOR"})).await;
    assert_eq!(response.status, 200, "{}", response.text);
    let own = json!({"model": "article", "name": "Own", "query": ""});
    save(&editor, &own).await;
    assert_eq!(
        names(&editor, "article").await,
        ["For editors", "For everyone", "Own"]
    );
    let all = ["For editors", "For everyone", "For sales"];
    assert_eq!(names(&admin, "article").await, all);
    // Users who are not administrators can neither share views nor change shared ones.
    let problem = editor.post(VIEWS, &share("Mine", "*")).await;
    let problem = problem.problem(422, "invalid_parameters");
    assert_eq!(problem["errors"][0]["pointer"], "/shared_with");
    assert_eq!(problem["errors"][0]["code"], "not_permitted");
    for id in [&everyone, &role] {
        let body = json!({"name": "Changed", "query": "", "shared_with": "*"});
        put(&editor, id, &body).await.problem(403, "not_permitted");
        let delete = editor.delete(&format!("{VIEWS}/{id}")).await;
        delete.problem(403, "not_permitted");
    }
    let page = editor
        .page(&format!("/admin/settings/article?view={role}"))
        .await;
    assert!(page.text.contains("For editors") && !page.text.contains("Edit view"));
    // Changes to shared views are recorded.
    let body = json!({"name": "For all", "query": "sort=-title", "shared_with": "*"});
    assert_eq!(put(&admin, &everyone, &body).await.status, 200);
    let audit = admin
        .get(&format!("/api/admin/audit?target=view:{everyone}"))
        .await
        .json();
    let actions: Vec<&Value> = audit["items"]
        .as_array()
        .expect("there are entries")
        .iter()
        .map(|entry| &entry["action"])
        .collect();
    assert_eq!(actions, ["view.update", "view.create"]);
    drop(server);
}

async fn invalid_view_names_its_cause(database: Database) {
    let (server, admin) = with_measurements(database, 1).await;
    save(&admin, &view("Taken", "")).await;
    let long = format!("search={}", "x".repeat(5000));
    for (body, code, pointer) in [
        (view("  ", ""), "missing", "/name"),
        (view(&"n".repeat(81), ""), "too_long", "/name"),
        (view("a\u{7}b", ""), "invalid_value", "/name"),
        (
            view("x", "filter[nope]=1"),
            "unknown_field",
            "/query/filter[nope]",
        ),
        (view("x", "sort=level;drop"), "unknown_field", "/query/sort"),
        (
            view("x", "filter[level]=abc"),
            "invalid_type",
            "/query/filter[level]",
        ),
        (view("x", &long), "too_long", "/query"),
    ] {
        let response = admin.post(VIEWS, &body).await;
        let problem = response.problem(422, "invalid_parameters");
        let error = &problem["errors"][0];
        assert_eq!(error["pointer"], pointer, "{problem}");
        assert_eq!(error["code"], code, "{problem}");
    }
    let response = admin.post(VIEWS, &view("Taken", "")).await;
    let problem = response.problem(409, "not_unique");
    assert_eq!(problem["errors"][0]["pointer"], "/name", "{problem}");
    let unknown = json!({"model": "nonsense", "name": "x", "query": ""});
    admin
        .post(VIEWS, &unknown)
        .await
        .problem(404, "model_unknown");
    for number in 0..49 {
        save(&admin, &view(&format!("View {number}"), "")).await;
    }
    let response = admin.post(VIEWS, &view("One more", "")).await;
    response.problem(409, "too_many_views");
    drop(server);
}

async fn view_of_an_unknown_field_shows_the_rest(database: Database) {
    let (server, admin) = with_measurements(database, 5).await;
    let id = save(&admin, &view("Old", "sort=-level&filter[level][lt]=4")).await;
    // The model has changed since the view was saved.
    let query = "sort=-level&filter%5Blevel%5D%5Blt%5D=4&filter%5Bgone%5D=1";
    server
        .sql(format!("UPDATE portal_views SET query = '{query}'"))
        .await;
    let page = admin.page(&format!("{PAGE}?view={id}")).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("gone"), "the page names the field");
    let rows = attributes(&page.text, "tbody tr", "id");
    assert_eq!(rows, ["measurements-3", "measurements-2", "measurements-1"]);
    // The view can still be renamed, but not saved with a new query that is invalid.
    let stored = "sort=-level&filter[level][lt]=4&filter[gone]=1";
    let renamed = put(&admin, &id, &json!({"name": "Older", "query": stored})).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    let invalid = put(
        &admin,
        &id,
        &json!({"name": "Older", "query": "filter[gone]=2"}),
    )
    .await;
    invalid.problem(422, "invalid_parameters");
    drop(server);
}

async fn views_are_saved_changed_and_deleted_by_forms(database: Database) {
    let (server, admin) = with_measurements(database, 5).await;
    let mut client = CookieClient::of(&server.url, &admin);
    let invalid = client
        .submit(
            &format!("{PAGE}/views/create?sort=-level"),
            &[("name", " ")],
        )
        .await;
    assert_eq!(invalid.status, 422);
    assert!(invalid.text.contains("id=\"view\""), "{}", invalid.text);
    let fields = [("name", "<Mine>"), ("shared_with", "")];
    let saved = client
        .submit(&format!("{PAGE}/views/create?sort=-level"), &fields)
        .await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let url = saved.location().to_owned();
    let id = url
        .split("view=")
        .nth(1)
        .expect("the URL has the view")
        .to_owned();
    let page = admin.page(&url).await;
    assert!(page.text.contains("&lt;Mine&gt;"), "{}", page.text);
    // Only the name changes, although the list differs from the view.
    let path = format!("{PAGE}/views/{id}/update?sort=station&in_view={id}");
    let fields = [("name", "Renamed"), ("shared_with", "*")];
    assert_eq!(client.submit(&path, &fields).await.status, 303);
    let views = admin
        .get(&format!("{VIEWS}?model=measurement"))
        .await
        .json();
    assert_eq!(views["items"][0]["query"], "sort=-level");
    assert_eq!(views["items"][0]["shared_with"], "*");
    let fields = [
        ("name", "Renamed"),
        ("use_current", "true"),
        ("shared_with", ""),
    ];
    assert_eq!(client.submit(&path, &fields).await.status, 303);
    let views = admin
        .get(&format!("{VIEWS}?model=measurement"))
        .await
        .json();
    assert_eq!(views["items"][0]["query"], "sort=station");
    assert_eq!(views["items"][0]["shared_with"], Value::Null);
    let path = format!("{PAGE}/views/{id}/delete?in_view={id}");
    assert_eq!(client.submit(&path, &[]).await.status, 303);
    let gone = client.submit(&path, &[]).await;
    assert_eq!(gone.status, 303);
    assert!(names(&admin, "measurement").await.is_empty());
    // The list of users has views, too.
    let fields = [("name", "Admins"), ("shared_with", "")];
    let path = "/admin/users/views/create?filter[user_type]=ADMIN";
    let saved = client.submit(path, &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let page = admin.page(saved.location()).await;
    assert!(page.text.contains("Role: Administrator"), "{}", page.text);
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn view_is_saved_and_opened_in_the_browser() {
    let (server, admin) = with_measurements(Database::Sqlite, 25).await;
    let browser = Chromium::open(&server.url).await;
    let token = admin.token.as_deref().expect("client has a token");
    browser.use_session(token).await;
    browser.goto(&format!("{PAGE}?search=S1&sort=-level")).await;
    browser.click(".pt-views .pt-btn").await;
    browser.fill("#view [name=name]", "Teens").await;
    browser
        .click("#view .pt-drawer-foot [data-kind=solid]")
        .await;
    browser.see("Saved view “Teens”").await;
    browser.goto(PAGE).await;
    browser.click(".pt-views a:nth-of-type(2)").await;
    browser.find("tr[id='measurements-19']").await;
    browser.click(".pt-views .pt-btn").await;
    browser.click("#view .pt-drawer-foot [formaction]").await;
    browser.see("Deleted view “Teens”").await;
    assert!(names(&admin, "measurement").await.is_empty());
    browser.close().await;
    drop(server);
}
