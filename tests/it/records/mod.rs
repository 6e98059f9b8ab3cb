//! Records: their page, the rows that refer to them, and their history.

mod browser;
mod children;
mod deletion;
mod page;

use portal_core::admin::{HookContext, ModelHooks, Scope};
use portal_core::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, TestResponse, TestServer, form};

/// Parts of the world
#[admin_model(list(name, code), search(name), order_by = name)]
struct Region {
    #[admin(primary_key)]
    code: String,
    name: String,
}

/// Places of work
#[admin_model(
    list(name, region, backup, size),
    order_by = name,
    view("role:sales", "role:finance"),
    change("role:sales", "role:finance"),
    delete("role:sales", "role:finance"),
    children(Desk, by = office_id),
    children(Phone, by = office_id)
)]
struct Office {
    id: i64,
    name: String,
    #[admin(references = Region)]
    region: String,
    #[admin(references = Region)]
    backup: Option<String>,
    #[admin(choices("small", "large"), default = "small")]
    size: String,
}

/// Desks of offices
#[admin_model(
    view("role:sales", "role:finance"),
    create = "role:sales",
    change = "role:sales",
    delete = "role:sales",
    scope = visible_desks,
    hooks
)]
struct Desk {
    id: i64,
    #[admin(unique)]
    name: String,
    #[admin(references = Office, on_delete = cascade)]
    office_id: i64,
    #[admin(default = 120)]
    width: i32,
}

async fn visible_desks(_user: &User) -> Result<Scope<Desk>> {
    Ok((!Desk::NAME.contains("secret")).into())
}

impl ModelHooks for Desk {
    async fn before_delete(&self, context: &mut HookContext<'_>) -> Result<()> {
        match self.name.as_str() {
            "counted" => {
                let office = context.models().get::<Office>(self.office_id).await?;
                let mut office = office.ok_or_else(|| Error::internal("no office"))?;
                office.size = "large".to_owned();
                context.models().update(&office).await.map(drop)
            }
            "fixed" => Err(Error::conflict("desk_fixed", "the desk is fixed")),
            _ => Ok(()),
        }
    }
}

/// Phones of offices
#[admin_model]
struct Phone {
    id: i64,
    number: String,
    #[admin(references = Office, on_delete = set_null)]
    office_id: Option<i64>,
    #[admin(references = Office, on_delete = set_null)]
    spare_id: Option<i64>,
}

/// Rentals of desks
#[admin_model(plural = "Rentals")]
struct Rental {
    id: i64,
    #[admin(references = Desk)]
    desk_id: i64,
}

/// Parts of the company
#[admin_model]
struct Division {
    id: i64,
    name: String,
    #[admin(references = Division, on_delete = cascade)]
    parent_id: Option<i64>,
}

/// Adds a row and returns its key.
async fn add(admin: &Client, model: &str, row: Value) -> String {
    let path = format!("/api/admin/models/{model}");
    let response = admin.post(&path, &row).await;
    assert_eq!(response.status, 201, "{}", response.text);
    let row = response.json();
    match row.get("id").unwrap_or(&row["code"]) {
        Value::String(key) => key.clone(),
        key => key.to_string(),
    }
}

async fn add_region(admin: &Client, code: &str, name: &str) {
    add(admin, "region", json!({"code": code, "name": name})).await;
}

async fn add_office(admin: &Client, name: &str, region: &str) -> String {
    add(admin, "office", json!({"name": name, "region": region})).await
}

fn number(id: &str) -> i64 {
    id.parse().expect("the key is a number")
}

async fn add_desk(admin: &Client, name: &str, office: &str) -> String {
    let desk = json!({"name": name, "office_id": number(office)});
    add(admin, "desk", desk).await
}

/// Signs in a user with a role.
async fn member(server: &TestServer, admin: &Client, role: &str) -> Client {
    let client = server.sign_in(&format!("{role}@example.com")).await;
    let id = client.get("/api/auth/me").await.json()["id"].clone();
    let path = format!("/api/users/{}", id.as_str().expect("an id"));
    let response = admin.patch(&path, &json!({"user_type": role})).await;
    assert_eq!(response.status, 200, "{}", response.text);
    client
}

async fn row(admin: &Client, model: &str, id: &str) -> TestResponse {
    admin.get(&format!("/api/admin/models/{model}/{id}")).await
}

/// Submits a form of a page.
async fn submit(client: &Client, path: &str, fields: &[(&str, &str)]) -> TestResponse {
    let request = client.request(Method::POST, path);
    let request = request
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    TestResponse::of(request.body(form(fields))).await
}
