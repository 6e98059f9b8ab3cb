//! Typed queries of admin models next to the same queries written with sqlx, on both databases.

mod lists;

use std::env;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use futures_util::TryStreamExt as _;
use portal_clerk::ClerkAuth;
use portal_core::AuthProvider;
use portal_core::config::{Config, Settings as PortalSettings};
use portal_core::prelude::*;
use portal_core::store::DatabasePool;
use sqlx::{AssertSqlSafe, Row as _};

use self::lists::Administrator;
use crate::http::POSTGRES;
use crate::summary::Summary;

/// Number of rows at scale 1.
const ROWS: f64 = 1_000_000.0;
const COMPANIES: i64 = 100_000;

/// Columns of [`Deal`], as a hand-written query lists them.
const COLUMNS: &str = "deal.id, deal.name, deal.company_id, deal.stage, deal.amount, deal.rating, deal.is_open, deal.note";

/// Options for the benchmark of admin models.
#[derive(Args)]
pub(crate) struct Settings {
    /// Number of rows, as a multiple of a million
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Number of rounds; each measures both sides
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

/// A company
#[admin_model]
pub(crate) struct Company {
    id: i64,
    #[admin(unique)]
    name: String,
}

/// A deal
#[admin_model]
pub(crate) struct Deal {
    id: i64,
    #[admin(unique)]
    name: String,
    #[admin(references = Company)]
    company_id: i64,
    stage: String,
    #[admin(index)]
    amount: i64,
    rating: Option<i16>,
    is_open: bool,
    note: Option<String>,
}

/// A row with many relations
#[admin_model]
pub(crate) struct Bundle {
    id: i64,
    #[admin(references = Company)]
    company_1: i64,
    #[admin(references = Company)]
    company_2: i64,
    #[admin(references = Company)]
    company_3: i64,
    #[admin(references = Company)]
    company_4: i64,
    #[admin(references = Company)]
    company_5: i64,
    #[admin(references = Company)]
    company_6: i64,
    #[admin(references = Company)]
    company_7: i64,
    #[admin(references = Company)]
    company_8: i64,
    #[admin(references = Company)]
    company_9: i64,
    #[admin(references = Company)]
    company_10: i64,
    #[admin(references = Company)]
    company_11: i64,
    #[admin(references = Company)]
    company_12: i64,
    #[admin(references = Company)]
    company_13: i64,
    #[admin(references = Company)]
    company_14: i64,
    #[admin(references = Company)]
    company_15: i64,
    #[admin(references = Company)]
    company_16: i64,
    #[admin(references = Company)]
    company_17: i64,
    #[admin(references = Company)]
    company_18: i64,
    #[admin(references = Company)]
    company_19: i64,
    #[admin(references = Company)]
    company_20: i64,
}

macro_rules! from_row {
    ($($row:ty),+) => {$(
        impl sqlx::FromRow<'_, $row> for Deal {
            fn from_row(row: &$row) -> sqlx::Result<Self> {
                Ok(Self {
                    id: row.try_get("id")?,
                    name: row.try_get("name")?,
                    company_id: row.try_get("company_id")?,
                    stage: row.try_get("stage")?,
                    amount: row.try_get("amount")?,
                    rating: row.try_get("rating")?,
                    is_open: row.try_get("is_open")?,
                    note: row.try_get("note")?,
                })
            }
        }
    )+};
}

from_row!(sqlx::sqlite::SqliteRow, sqlx::postgres::PgRow);

/// Measures SQLite, and PostgreSQL if a server is set.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = format!("sqlite://{}", directory.path().join("portal.db").display());
    measure("SQLite", &file, directory.path(), settings).await?;
    match env::var(POSTGRES) {
        Ok(uri) => measure("PostgreSQL", &uri, directory.path(), settings).await,
        Err(_) => Ok(()),
    }
}

async fn measure(title: &str, uri: &str, directory: &Path, settings: &Settings) -> Result<()> {
    let auth = ClerkAuth::new();
    let pairs = [
        ("APP_ENV", "DEV"),
        ("DB_LOCAL_URI", uri),
        ("ADMIN_USER_EMAILS", "bench@example.com"),
        ("RATE_LIMITS", "off"),
    ];
    let environment = PortalSettings::from_pairs_with(AuthProvider::settings(&auth), pairs);
    let portal = Portal::builder()
        .config(Config::from_settings(environment)?)
        .auth(auth)
        .admin_model::<Company>()
        .admin_model::<Deal>()
        .admin_model::<Bundle>()
        .build()
        .await
        .with_context(|| format!("failed to start a portal in {}", directory.display()))?;
    let models = portal.state().get::<Models>().context("no models")?;
    #[expect(clippy::cast_possible_truncation, reason = "the scale is small")]
    let rows = (ROWS * settings.scale).max(1_000.0) as i64;
    fill(&models, rows).await?;
    println!("{title}, {rows} rows: typed query / the same query with sqlx (min / median / max)");
    let middle = rows / 2;

    compare(
        "all rows, one by one",
        settings.rounds,
        1,
        async || {
            let deals = models.query::<Deal>().stream();
            let sum = deals.try_fold(0, async |sum, deal| Ok(sum + deal.amount));
            Ok(sum.await?)
        },
        async || {
            let statement = format!("SELECT {COLUMNS} FROM deal ORDER BY id");
            stream_sum(&models, statement).await
        },
    )
    .await?;
    compare(
        "page of 100 rows by key",
        settings.rounds,
        200,
        async || {
            let page = models
                .query::<Deal>()
                .filter(Deal::ID.gt(middle))
                .limit(100);
            Ok(sum(&page.all().await?))
        },
        async || {
            let statement =
                format!("SELECT {COLUMNS} FROM deal WHERE id > $1 ORDER BY id LIMIT 100");
            fetch_sum(&models, statement, middle).await
        },
    )
    .await?;
    compare(
        "page of 50 rows, filtered and sorted",
        settings.rounds,
        200,
        async || {
            let page = models
                .query::<Deal>()
                .filter(Deal::AMOUNT.ge(1_000).and(Deal::STAGE.eq("won")))
                .order_by(Deal::AMOUNT.asc())
                .limit(50);
            Ok(sum(&page.all().await?))
        },
        async || {
            let statement = format!(
                "SELECT {COLUMNS} FROM deal WHERE amount >= $1 AND stage = 'won' \
             ORDER BY amount, id LIMIT 50"
            );
            fetch_sum(&models, statement, 1_000).await
        },
    )
    .await?;
    compare(
        "page of 100 rows with a relation",
        settings.rounds,
        200,
        async || {
            let page = models
                .query::<Deal>()
                .filter(Deal::ID.gt(middle))
                .with(Deal::COMPANY_ID)
                .limit(100);
            Ok(page
                .all()
                .await?
                .iter()
                .map(|(deal, company)| deal.amount + company.id)
                .sum())
        },
        async || {
            let statement = format!(
                "SELECT {COLUMNS}, c.id AS c_id, c.name AS c_name FROM deal \
             JOIN company c ON c.id = deal.company_id WHERE deal.id > $1 ORDER BY deal.id LIMIT 100"
            );
            fetch_related_sum(&models, statement, middle).await
        },
    )
    .await?;
    compare(
        "one row by key",
        settings.rounds,
        500,
        async || {
            let deal = models.get::<Deal>(middle).await?;
            Ok(deal.map_or(0, |deal| deal.amount))
        },
        async || {
            let statement = format!("SELECT {COLUMNS} FROM deal WHERE id = $1");
            fetch_sum(&models, statement, middle).await
        },
    )
    .await?;
    let administrator = Administrator::sign_in(portal.router()).await?;
    lists::run(&models, &administrator, (rows, COMPANIES), settings).await?;
    portal.shutdown().await;
    Ok(())
}

async fn fill(models: &Models, rows: i64) -> Result<()> {
    let statements = [
        format!(
            "INSERT INTO company (name) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {COMPANIES}) \
             SELECT 'Company ' || i FROM n"
        ),
        format!(
            "INSERT INTO deal (name, company_id, stage, amount, rating, is_open, note) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
             SELECT 'Deal ' || i, i % {COMPANIES} + 1, CASE i % 3 WHEN 0 THEN 'won' ELSE 'open' END, \
             i % 10000, CASE i % 2 WHEN 0 THEN i % 5 END, i % 3 > 0, \
             CASE i % 4 WHEN 0 THEN 'Call again next week' END FROM n"
        ),
        format!(
            "INSERT INTO bundle ({}) VALUES ({})",
            (1..=20)
                .map(|index| format!("company_{index}"))
                .collect::<Vec<_>>()
                .join(", "),
            (1..=20)
                .map(|index| index.to_string())
                .collect::<Vec<_>>()
                .join(", "),
        ),
        "CREATE INDEX deal_stage_amount ON deal (stage, amount, id)".to_owned(),
        // Also lets PostgreSQL read indexes without the table.
        "VACUUM".to_owned(),
        "ANALYZE".to_owned(),
    ];
    for statement in statements {
        let statement = AssertSqlSafe(statement);
        match models.store().pool() {
            DatabasePool::Sqlite { write, .. } => {
                sqlx::query(statement).execute(write).await?;
            }
            DatabasePool::Postgres(pool) => {
                sqlx::query(statement).execute(pool).await?;
            }
        }
    }
    Ok(())
}

/// Measures both sides in alternating order and prints the ratio of their times.
async fn compare(
    title: &str,
    rounds: usize,
    repetitions: u32,
    mut typed: impl AsyncFnMut() -> Result<i64>,
    mut written: impl AsyncFnMut() -> Result<i64>,
) -> Result<()> {
    let expected = written().await?;
    ensure!(typed().await? == expected, "{title}: the results differ");
    let (mut ratios, mut times) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        for _ in 0..repetitions {
            black_box(typed().await?);
        }
        let of_typed = start.elapsed().as_secs_f64();
        let start = Instant::now();
        for _ in 0..repetitions {
            black_box(written().await?);
        }
        ratios.push(of_typed / start.elapsed().as_secs_f64());
        times.push(of_typed * 1e3 / f64::from(repetitions));
    }
    let (Some(ratios), Some(times)) = (Summary::of(ratios), Summary::of(times)) else {
        return Ok(());
    };
    println!("  {title:40} {ratios:.2}   {:.3} ms", times.median);
    Ok(())
}

fn sum(deals: &[Deal]) -> i64 {
    deals.iter().map(|deal| deal.amount).sum()
}

async fn stream_sum(models: &Models, statement: String) -> Result<i64> {
    let query = AssertSqlSafe(statement);
    let add = async |sum, deal: Deal| Ok(sum + deal.amount);
    Ok(match models.store().pool() {
        DatabasePool::Sqlite { read, .. } => {
            sqlx::query_as(query).fetch(read).try_fold(0, add).await?
        }
        DatabasePool::Postgres(pool) => sqlx::query_as(query).fetch(pool).try_fold(0, add).await?,
    })
}

async fn fetch_sum(models: &Models, statement: String, parameter: i64) -> Result<i64> {
    let query = AssertSqlSafe(statement);
    let deals: Vec<Deal> = match models.store().pool() {
        DatabasePool::Sqlite { read, .. } => {
            sqlx::query_as(query)
                .bind(parameter)
                .fetch_all(read)
                .await?
        }
        DatabasePool::Postgres(pool) => {
            sqlx::query_as(query)
                .bind(parameter)
                .fetch_all(pool)
                .await?
        }
    };
    Ok(sum(&deals))
}

async fn fetch_related_sum(models: &Models, statement: String, parameter: i64) -> Result<i64> {
    macro_rules! rows {
        ($pool:expr, $row:ty) => {
            sqlx::query(AssertSqlSafe(statement))
                .bind(parameter)
                .try_map(|row: $row| {
                    let company = Company {
                        id: row.try_get("c_id")?,
                        name: row.try_get("c_name")?,
                    };
                    Ok((<Deal as sqlx::FromRow<$row>>::from_row(&row)?, company))
                })
                .fetch_all($pool)
                .await?
        };
    }
    let rows: Vec<(Deal, Company)> = match models.store().pool() {
        DatabasePool::Sqlite { read, .. } => rows!(read, sqlx::sqlite::SqliteRow),
        DatabasePool::Postgres(pool) => rows!(pool, sqlx::postgres::PgRow),
    };
    Ok(rows
        .iter()
        .map(|(deal, company)| deal.amount + company.id)
        .sum())
}
