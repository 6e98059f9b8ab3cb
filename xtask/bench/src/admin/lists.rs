//! Lists, searches and forms of admin models over HTTP, next to handwritten SQL for the same content.
//!
//! The baseline sends a request that only checks the session, runs the SQL and serializes the rows.
//! It thus has everything but the admin.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use portal_core::prelude::*;
use portal_core::store::DatabasePool;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Column as _, Row as _, TypeInfo as _, ValueRef as _};
use tower::ServiceExt as _;

use super::{COLUMNS, Settings};
use crate::summary::Summary;

/// Maximum size of a response, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A signed-in administrator whose requests the router handles without a network.
pub(super) struct Administrator {
    router: Router,
    token: String,
}

/// One measurement: a request, and the statements that a handwritten handler would run.
struct Case {
    title: &'static str,
    path: String,
    statements: Vec<String>,
    /// Number of rows in the response, if it is a list.
    rows: Option<usize>,
    repetitions: u32,
}

impl Administrator {
    pub(super) async fn sign_in(router: Router) -> Result<Self> {
        let request = Request::post("/dev/token")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(r#"{"email": "bench@example.com"}"#))?;
        let response = router.clone().oneshot(request).await?;
        let body = to_bytes(response.into_body(), MAX_BODY).await?;
        let body: Value = serde_json::from_slice(&body)?;
        let token = body["token"]
            .as_str()
            .context("the response has no token")?;
        Ok(Self {
            router,
            token: token.to_owned(),
        })
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>> {
        let request = Request::get(path)
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Body::empty())?;
        let response = self.router.clone().oneshot(request).await?;
        let status = response.status();
        let body = to_bytes(response.into_body(), MAX_BODY).await?;
        ensure!(
            status == 200,
            "{path}: {status} {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body.to_vec())
    }
}

/// Measures all cases for a table with `rows` deals and `companies` companies.
pub(super) async fn run(
    models: &Models,
    administrator: &Administrator,
    (rows, companies): (i64, i64),
    settings: &Settings,
) -> Result<()> {
    println!("  over HTTP: request / session check, SQL and JSON by hand");
    for case in cases(administrator, rows, companies).await? {
        measure(models, administrator, &case, settings.rounds).await?;
    }
    Ok(())
}

async fn cases(administrator: &Administrator, rows: i64, companies: i64) -> Result<Vec<Case>> {
    let api = "/api/admin/models/deal?per_page=50&sort=amount&cursor=";
    let select = format!("SELECT {COLUMNS} FROM deal");
    let order = "ORDER BY amount, id LIMIT 51";
    let count = |condition: &str| {
        format!("SELECT COUNT(*) AS n FROM (SELECT 1 FROM deal {condition} LIMIT 10001) AS t")
    };
    let labels = |keys: &str| format!("SELECT id, name FROM company WHERE id IN ({keys})");
    let middle = administrator
        .get(&format!("{api}&filter[amount][gte]=5000"))
        .await?;
    let middle: Value = serde_json::from_slice(&middle)?;
    let cursor = middle["next_cursor"]
        .as_str()
        .context("there is no cursor")?;
    let last = &middle["items"][49];
    let (amount, id) = (&last["amount"], &last["id"]);
    let name = format!("Deal {}", rows / 2);
    let searched = format!("Company {}", companies / 2);
    let company = |column: &str| {
        format!(
            "SELECT id, name FROM company WHERE LOWER(name) LIKE '%{0}%' ORDER BY id LIMIT {column}",
            searched.to_lowercase()
        )
    };
    let forms = (1..=20).flat_map(|index| {
        [
            format!("SELECT id, name FROM company ORDER BY id LIMIT 101 -- {index}"),
            labels(&index.to_string()),
        ]
    });
    let form = std::iter::once("SELECT * FROM bundle WHERE id = 1".to_owned());
    Ok(vec![
        Case {
            title: "first page",
            path: api.to_owned(),
            statements: vec![format!("{select} {order}"), count("")],
            rows: Some(50),
            repetitions: 50,
        },
        Case {
            title: "page in the middle",
            path: format!("{api}{cursor}"),
            statements: vec![
                format!("{select} WHERE (amount, id) > ({amount}, {id}) {order}"),
                count(""),
            ],
            rows: Some(50),
            repetitions: 50,
        },
        Case {
            title: "last page",
            path: format!("{api}last"),
            statements: vec![
                format!("{select} ORDER BY amount DESC, id DESC LIMIT 51"),
                count(""),
            ],
            rows: Some(50),
            repetitions: 50,
        },
        Case {
            title: "filter",
            path: format!("{api}&filter[stage]=won&filter[amount][gte]=9000"),
            statements: vec![
                format!("{select} WHERE stage = 'won' AND amount >= 9000 {order}"),
                count("WHERE stage = 'won' AND amount >= 9000"),
            ],
            rows: Some(50),
            repetitions: 50,
        },
        Case {
            title: "indexed search by equality",
            path: format!("{api}&filter[name]={}", name.replace(' ', "+")),
            statements: vec![
                format!("{select} WHERE name = '{name}' {order}"),
                count(&format!("WHERE name = '{name}'")),
            ],
            rows: Some(1),
            repetitions: 50,
        },
        Case {
            title: "picker over the companies",
            path: format!(
                "/api/admin/models/company/options?q={}",
                searched.replace(' ', "+")
            ),
            statements: vec![company("20")],
            rows: None,
            repetitions: 5,
        },
        Case {
            title: "form with 20 relations",
            path: "/admin/settings/bundle/rows/1".to_owned(),
            statements: form.chain(forms).collect(),
            rows: None,
            repetitions: 10,
        },
    ])
}

async fn measure(
    models: &Models,
    administrator: &Administrator,
    case: &Case,
    rounds: usize,
) -> Result<()> {
    if let Some(expected) = case.rows {
        let body: Value = serde_json::from_slice(&administrator.get(&case.path).await?)?;
        let found = body["items"].as_array().map_or(0, Vec::len);
        ensure!(found == expected, "{}: {found} rows", case.title);
    }
    let by_hand = async || {
        administrator.get("/api/auth/me").await?;
        let mut bodies = Vec::new();
        for statement in &case.statements {
            bodies.push(serde_json::to_vec(&rows_of(models, statement).await?)?);
        }
        anyhow::Ok(bodies)
    };
    let (mut ratios, mut times) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        for _ in 0..case.repetitions {
            black_box(administrator.get(&case.path).await?);
        }
        let of_portal = start.elapsed().as_secs_f64();
        let start = Instant::now();
        for _ in 0..case.repetitions {
            black_box(by_hand().await?);
        }
        ratios.push(of_portal / start.elapsed().as_secs_f64());
        times.push(of_portal * 1e3 / f64::from(case.repetitions));
    }
    let (Some(ratios), Some(times)) = (Summary::of(ratios), Summary::of(times)) else {
        return Ok(());
    };
    println!("  {:40} {ratios:.2}   {:.3} ms", case.title, times.median);
    Ok(())
}

/// Runs a statement and returns its rows as JSON.
async fn rows_of(models: &Models, statement: &str) -> Result<Vec<Value>> {
    macro_rules! json_of {
        ($row:expr) => {{
            let mut object = Map::new();
            for (index, column) in $row.columns().iter().enumerate() {
                let kind = column.type_info().name().to_owned();
                let value = $row.try_get_raw(index)?;
                let value = match kind.as_str() {
                    _ if value.is_null() => Value::Null,
                    "TEXT" | "VARCHAR" => json!($row.try_get::<String, _>(index)?),
                    "BOOL" | "BOOLEAN" => json!($row.try_get::<bool, _>(index)?),
                    "INT2" => json!($row.try_get::<i16, _>(index)?),
                    "INT4" => json!($row.try_get::<i32, _>(index)?),
                    _ => json!($row.try_get::<i64, _>(index)?),
                };
                object.insert(column.name().to_owned(), value);
            }
            Value::Object(object)
        }};
    }
    let statement = AssertSqlSafe(statement.to_owned());
    let mut rows = Vec::new();
    match models.store().pool() {
        DatabasePool::Sqlite { read, .. } => {
            for row in sqlx::query(statement).fetch_all(read).await? {
                rows.push(json_of!(row));
            }
        }
        DatabasePool::Postgres(pool) => {
            for row in sqlx::query(statement).fetch_all(pool).await? {
                rows.push(json_of!(row));
            }
        }
    }
    Ok(rows)
}
