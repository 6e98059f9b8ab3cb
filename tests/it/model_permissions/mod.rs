//! Permissions of models: each operation on each surface for each role.
//!
//! The expectations follow from the declarations of [`Deal`] and [`Company`], not from the code.

mod pages;
mod rest;

use portal_core::admin::Scope;
use portal_core::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Database, TestResponse, TestServer, form};

const DEALS: &str = "/api/admin/models/deal";
const DEALS_PAGE: &str = "/admin/settings/deal";

/// Deals that sales people close
#[admin_model(
    list(name, margin, discount),
    search(name, memo),
    order_by = -margin,
    view("role:sales", "permission:deals:read"),
    create = "role:sales",
    change("role:sales", "role:finance"),
    delete = "role:sales",
    export("role:sales", "role:finance"),
    scope = visible_deals,
)]
struct Deal {
    id: i64,
    #[admin(unique)]
    name: String,
    region: String,
    #[admin(references = Company)]
    company_id: Option<i64>,
    #[admin(change = "role:finance", default = 0)]
    discount: i32,
    #[admin(view = "role:finance", change = "role:finance")]
    margin: Option<i32>,
    #[admin(view = "role:finance")]
    memo: Option<String>,
}

/// Flag
#[admin_action(Deal, on(one, many, all))]
async fn flag(rows: portal_core::admin::Rows<Deal>) -> Result<ActionReport> {
    let discount = |deal: &mut Deal| {
        deal.discount = 42;
        Ok(())
    };
    rows.for_each(discount).await
}

/// Review
#[admin_action(Deal, on(one, many, all), requires_permission = "deals:read")]
async fn review(rows: portal_core::admin::Rows<Deal>) -> Result<ActionReport> {
    let memo = |deal: &mut Deal| {
        deal.memo = Some("reviewed".to_owned());
        Ok(())
    };
    rows.for_each(memo).await
}

/// Customers
#[admin_model(view("role:sales", "role:finance"), scope = visible_companies)]
struct Company {
    id: i64,
    #[admin(unique)]
    name: String,
    region: String,
}

fn is_sales(user: &User) -> bool {
    user.has_role(&Role::custom("sales"))
}

async fn visible_deals(user: &User) -> Result<Scope<Deal>> {
    if is_sales(user) {
        return Ok(Deal::REGION.eq("north").into());
    }
    Ok(Scope::everything())
}

async fn visible_companies(user: &User, _models: Data<Models>) -> Result<Scope<Company>> {
    if is_sales(user) {
        return Ok(Company::REGION.eq("north").into());
    }
    Ok(Scope::everything())
}

/// A caller and their permissions according to the declarations.
struct Caller {
    client: Client,
    role: &'static str,
    view: bool,
    create: bool,
    change: bool,
    delete: bool,
    export: bool,
    /// May view `margin` and `memo`, and set these fields and `discount` in rows they may change.
    finance: bool,
    /// `true` if the rows in the region `south` are in the scope, too.
    south: bool,
    /// May view companies, those in the region `south` only with [`south`](Self::south).
    companies: bool,
}

impl Caller {
    fn is_guest(&self) -> bool {
        self.role.is_empty()
    }

    /// Returns the actions, each with `true` if the caller may run it.
    fn actions(&self) -> [(&'static str, bool); 2] {
        // The roles of auditors and finance grant the permission `deals:read`.
        let reviews = ["AUDITOR", "FINANCE", "ADMIN"].contains(&self.role);
        [("flag", self.change), ("review", reviews)]
    }

    /// Returns the names of the visible fields, sorted.
    fn fields(&self) -> Vec<&'static str> {
        let mut fields = vec!["company_id", "discount", "id"];
        fields.extend(self.finance.then_some(["margin", "memo"]).iter().flatten());
        fields.extend(["name", "region"]);
        fields
    }

    /// Returns the names of the deals of the fixture in the default order of the list.
    fn deals(&self) -> Vec<&'static str> {
        match (self.finance, self.south) {
            // The default order is by a field that the caller may not view, so it has no effect.
            (false, false) => vec!["Low north", "High north"],
            (false, true) => vec!["Low north", "High north", "Middle south"],
            (true, _) => vec!["High north", "Middle south", "Low north"],
        }
    }

    /// Asserts that a response denies an operation, and that it is denied as declared.
    #[track_caller]
    fn denied(&self, response: &TestResponse) {
        match (self.is_guest(), self.view) {
            (true, _) => response.problem(401, "unauthorized"),
            (false, false) => response.problem(403, "forbidden"),
            (false, true) => response.problem(403, "not_permitted"),
        };
    }

    /// Asserts the status of a page that the caller may open or not.
    #[track_caller]
    fn page_status(&self, response: &TestResponse, may: bool, status: u16) {
        let expected = match (self.is_guest(), may) {
            (true, _) => 303,
            (false, false) => 403,
            (false, true) => status,
        };
        assert_eq!(response.status, expected, "{} {}", self.role, response.text);
        if self.is_guest() {
            assert!(response.location().starts_with("/sign-in"));
        }
    }

    async fn send(&self, method: Method, path: &str, tag: &str, body: &Value) -> TestResponse {
        let request = self.client.request(method, path).header("if-match", tag);
        TestResponse::of(request.json(body)).await
    }

    /// Submits a form of a page.
    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> TestResponse {
        let request = self.client.request(Method::POST, path);
        let request = request
            .header("accept", "text/html")
            .header("content-type", "application/x-www-form-urlencoded");
        TestResponse::of(request.body(form(fields))).await
    }
}

/// Ids of rows that every caller uses.
struct Rows {
    north: String,
    south: String,
    north_company: i64,
    south_company: i64,
}

struct Fixture {
    server: TestServer,
    admin: Client,
    callers: Vec<Caller>,
    rows: Rows,
}

impl Fixture {
    async fn start(database: Database) -> Self {
        let server = TestServer::start(database).await;
        let admin = server.admin().await;
        let company = async |name: &str, region: &str| {
            let body = json!({"name": name, "region": region});
            let id = add(&admin, "/api/admin/models/company", &body).await;
            id.parse::<i64>().expect("the id is a number")
        };
        let rows = Rows {
            north_company: company("Aurora", "north").await,
            south_company: company("Penguin", "south").await,
            north: String::new(),
            south: String::new(),
        };
        let deal = async |name: &str, region: &str, margin: i32| {
            let body = json!({
                "name": name, "region": region, "margin": margin, "memo": "zebra", "discount": 5,
                "company_id": rows.north_company,
            });
            add(&admin, DEALS, &body).await
        };
        let north = deal("Low north", "north", 10).await;
        deal("High north", "north", 90).await;
        let south = deal("Middle south", "south", 50).await;
        let mut callers = Vec::new();
        for (role, [view, create, change, delete, finance, south, companies]) in [
            ("", [false; 7]),
            ("USER", [false; 7]),
            ("AUDITOR", [true, false, false, false, false, true, false]),
            ("SALES", [true, true, true, true, false, false, true]),
            ("FINANCE", [true, false, true, false, true, true, true]),
            ("ADMIN", [true; 7]),
        ] {
            let client = match role {
                "" => server.guest(),
                role => sign_in(&server, &admin, role).await,
            };
            callers.push(Caller {
                client,
                role,
                view,
                create,
                change,
                delete,
                export: ["SALES", "FINANCE", "ADMIN"].contains(&role),
                finance,
                south,
                companies,
            });
        }
        let rows = Rows {
            north,
            south,
            ..rows
        };
        Self {
            server,
            admin,
            callers,
            rows,
        }
    }

    /// Adds a deal that a test changes or deletes, and returns its id.
    async fn deal(&self, name: &str, region: &str) -> String {
        let body = json!({"name": name, "region": region, "margin": 1, "discount": 1});
        add(&self.admin, DEALS, &body).await
    }

    /// Returns a deal as an administrator sees it.
    async fn stored(&self, id: &str) -> Value {
        self.admin.get(&format!("{DEALS}/{id}")).await.json()
    }

    async fn is_stored(&self, id: &str) -> bool {
        self.admin.get(&format!("{DEALS}/{id}")).await.status == 200
    }

    async fn stop(mut self) {
        self.server.stop().await;
    }
}

async fn add(admin: &Client, path: &str, body: &Value) -> String {
    let response = admin.post(path, body).await;
    assert_eq!(response.status, 201, "{}", response.text);
    response.json()["id"].to_string()
}

async fn sign_in(server: &TestServer, admin: &Client, role: &str) -> Client {
    let client = server.sign_in(&format!("{role}@example.com")).await;
    let id = client.get("/api/auth/me").await.json()["id"].clone();
    let id = id.as_str().expect("the response has an id");
    let body = json!({"user_type": role});
    let response = admin.patch(&format!("/api/users/{id}"), &body).await;
    assert_eq!(response.status, 200, "{}", response.text);
    client
}

/// Returns the names of the members of an object, sorted.
fn names(object: &Value) -> Vec<&str> {
    let members = object.as_object().expect("the value is an object");
    let mut names: Vec<_> = members.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}
