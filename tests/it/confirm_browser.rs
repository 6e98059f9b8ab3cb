//! Confirmation of consequential changes, and list filters, with and without scripts.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Chromium, Client, Database, DemoPortal, TestResponse, TestServer, attributes, eventually, form,
    on_both,
};

on_both!(
    account_changes_need_confirmation_without_scripts,
    filter_form_redirects_to_the_filtered_list,
);

async fn id_of(client: &Client) -> String {
    let me = client.get("/api/auth/me").await.json();
    me["id"].as_str().expect("response has an id").to_owned()
}

/// Returns the fields of the form in the open drawer.
fn fields(page: &str) -> Vec<(String, String)> {
    let page = scraper::Html::parse_document(page);
    let inputs = scraper::Selector::parse("dialog[open] form :is(input,option[selected])")
        .expect("selector is valid");
    let fields = page.select(&inputs).filter_map(|input| {
        let value = input.value();
        let is_off = value.attr("type") == Some("checkbox") && value.attr("checked").is_none();
        let select = input.ancestors().find_map(|node| {
            let node = node.value().as_element()?;
            (node.name() == "select").then(|| node.attr("name").unwrap_or_default().to_owned())
        });
        let name = select.or_else(|| value.attr("name").map(str::to_owned))?;
        let text = match (value.attr("type"), value.attr("value")) {
            (Some("checkbox"), None) => "true",
            (_, value) => value.unwrap_or_default(),
        };
        (!is_off).then(|| (name, text.to_owned()))
    });
    fields.collect()
}

async fn send(client: &Client, path: &str, fields: &[(String, String)]) -> TestResponse {
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let body = form(&fields);
    let request = client
        .request(Method::POST, path)
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    TestResponse::of(request.body(body)).await
}

async fn account_changes_need_confirmation_without_scripts(database: Database) {
    let mut server = TestServer::start(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    let id = id_of(&user).await;
    let form = admin.page(&format!("/admin/users?edit={id}")).await;
    let path = attributes(&form.text, "#row form", "action").remove(0);
    assert_eq!(path, format!("/admin/users/rows/{id}/update"));
    let mut given = fields(&form.text);
    for (name, value) in &mut given {
        if name == "user_type" {
            "ADMIN".clone_into(value);
        }
    }
    let question = send(&admin, &path, &given).await;
    assert_eq!(question.status, 200, "{}", question.text);
    assert!(
        question.text.contains("an administrator?"),
        "{}",
        question.text
    );
    assert_eq!(user.page("/secret").await.status, 403);
    let confirmed = fields(&question.text);
    assert!(
        confirmed.iter().any(|(name, _)| name == "_confirmed"),
        "{confirmed:?}"
    );
    let done = send(&admin, &path, &confirmed).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert_eq!(user.page("/secret").await.status, 200);
    server.stop().await;
}

async fn filter_form_redirects_to_the_filtered_list(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let list = "/admin/users?sort=email";
    let page = admin.page(list).await.text;
    assert!(page.contains("add_filter="), "{page}");
    let page = admin.page(&format!("{list}&add_filter=email")).await.text;
    for name in ["_field", "_operator", "_value", "_choose"] {
        assert!(page.contains(&format!("name=\"{name}\"")), "{name}");
    }
    let chosen = admin
        .page(&format!("{list}&_field=last_login&_choose=1"))
        .await;
    assert_eq!(chosen.status, 303);
    assert_eq!(
        chosen.location(),
        "/admin/users?sort=email&add_filter=last_login"
    );
    let sent = admin
        .page(&format!(
            "{list}&_field=email&_operator=contains&_value=root"
        ))
        .await;
    assert_eq!(sent.status, 303);
    let page = admin.page(sent.location()).await.text;
    assert!(page.contains("E-mail contains “root”"), "{page}");
    let list = admin
        .page("/admin/users?filter[email]=x&filter[nope]=1")
        .await
        .text;
    assert!(
        list.contains("Unknown filter “nope” was ignored."),
        "{list}"
    );
    assert!(
        list.contains("No results") || list.contains("pt-empty"),
        "the known filter is applied"
    );
    server.stop().await;
}

async fn open(showcase: &DemoPortal) -> Chromium {
    let browser = Chromium::open(&showcase.portal.url).await;
    browser.use_session(showcase.session()).await;
    browser.hold_still().await;
    browser
}

async fn user(showcase: &DemoPortal, email: &str) -> Value {
    let found = showcase
        .admin
        .get(&format!("/api/admin/models/user?search={email}"))
        .await;
    found.json()["items"][0].clone()
}

const SAVE: &str = "dialog[open] .pt-drawer-foot button[type=submit]";

#[tokio::test]
async fn administrators_confirm_account_changes() {
    let showcase = DemoPortal::start().await;
    let browser = open(&showcase).await;
    let person = json!({"email": "ann@example.com", "first_name": "Ann", "last_name": "Able"});
    let token = showcase.portal.guest().post("/dev/token", &person).await;
    let token = token.json()["token"].as_str().map(str::to_owned);
    let client = Client::new(&showcase.portal.url, token);
    assert_eq!(client.get("/api/auth/me").await.status, 200);
    let ann = user(&showcase, "ann@example.com").await;
    let drawer = format!(
        "/admin/users?edit={}",
        ann["id"].as_str().expect("response has an id")
    );

    // Cancelling changes nothing.
    browser.goto(&drawer).await;
    browser
        .choose("dialog[open] [name=user_type]", "ADMIN")
        .await;
    browser.click(SAVE).await;
    browser.see("Make Ann Able an administrator?").await;
    browser
        .click("dialog[open] .pt-drawer-foot [data-closes]")
        .await;
    eventually("the drawer is closed", async || {
        let open = browser
            .script("return !!document.querySelector('dialog[open]')")
            .await;
        (open == false).then_some(())
    })
    .await;
    assert_eq!(
        user(&showcase, "ann@example.com").await["user_type"],
        "USER"
    );

    browser.goto(&drawer).await;
    browser
        .choose("dialog[open] [name=user_type]", "ADMIN")
        .await;
    browser.click(SAVE).await;
    browser.see("Make Ann Able an administrator?").await;
    browser.click(SAVE).await;
    browser.see("Ann Able is now an administrator").await;
    assert_eq!(
        user(&showcase, "ann@example.com").await["user_type"],
        "ADMIN"
    );

    browser.goto(&drawer).await;
    browser.click("dialog[open] [name=is_active]").await;
    browser.click(SAVE).await;
    browser.see("Deactivate Ann Able?").await;
    browser.click(SAVE).await;
    browser.see("Ann Able is deactivated").await;

    // If administrators change their own role, the text names the consequence.
    let root = user(&showcase, DemoPortal::ADMIN).await;
    browser
        .goto(&format!(
            "/admin/users?edit={}",
            root["id"].as_str().expect("response has an id")
        ))
        .await;
    browser
        .choose("dialog[open] [name=user_type]", "USER")
        .await;
    browser.click(SAVE).await;
    browser.see("Give up your administrator role?").await;
    browser.see("You lose access to this page").await;
    browser.close().await;
}

#[tokio::test]
async fn filters_are_added_and_removed_with_the_keyboard() {
    let showcase = DemoPortal::start().await;
    let rows = [("cheap", 10), ("costly", 41_250)];
    for (name, limit) in rows {
        let row = json!({"name": name, "plan": "pro", "monthly_limit": limit});
        let added = showcase
            .admin
            .post("/api/admin/models/subscription_feature", &row)
            .await;
        assert_eq!(added.status, 201, "{}", added.text);
    }
    let browser = open(&showcase).await;
    browser.resize(390, 900).await;
    browser.goto("/admin/settings/subscription_feature").await;
    browser.see("cheap").await;
    browser
        .script("document.querySelector('[data-adds-filter]').focus()")
        .await;
    browser.press("Enter").await;
    browser
        .find("[data-filter] select[name=_field]:focus")
        .await;
    browser
        .choose("[data-filter] [name=_field]", "monthly_limit")
        .await;
    browser.find("[data-filter] option[value=gte]").await;
    browser.fill("[data-filter] [name=_value]", "10000").await;
    browser.press("Enter").await;
    browser.see("Monthly limit ≥ 10,000").await;
    browser.see("41,250").await;
    eventually("the other rows are removed", async || {
        (!browser.text().await.contains("cheap")).then_some(())
    })
    .await;
    let path = browser.path().await;
    assert!(
        path.contains("filter%5Bmonthly_limit%5D%5Bgte%5D=10000"),
        "{path}"
    );
    assert!(!path.contains("_field"), "{path}");
    browser
        .script("document.querySelector('.pt-chip a:last-child').focus()")
        .await;
    browser.press("Enter").await;
    browser.see("cheap").await;
    assert!(!browser.path().await.contains("filter"));
    browser.close().await;
}
