//! Typed queries of models: operators, missing values, order, relations and streams.

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::{StreamExt, TryStreamExt};
use portal_core::admin::Condition;
use portal_core::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Database, TestServer, on_both};

on_both!(
    operators_select_rows_by_value,
    missing_values_are_neither_greater_nor_smaller,
    conditions_are_combined_and_negated,
    text_with_sql_metacharacters_is_matched_literally,
    rows_are_ordered_and_paginated,
    related_rows_are_read_in_the_same_query,
    single_rows_are_distinguished_from_several,
    stream_reads_many_rows_and_can_be_dropped,
    values_that_no_column_can_store_are_rejected,
    stored_value_that_does_not_match_is_reported,
);

/// Companies that sell goods
#[admin_model(order_by = name)]
#[derive(Debug)]
pub(crate) struct Supplier {
    pub(crate) id: i64,
    #[admin(unique)]
    pub(crate) name: String,
    /// Company to which this one belongs
    #[admin(references = Supplier)]
    pub(crate) parent_id: Option<i64>,
}

/// Goods that were bought
#[admin_model]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Purchase {
    pub(crate) id: i64,
    #[admin(unique)]
    pub(crate) number: String,
    #[admin(references = Supplier)]
    pub(crate) supplier_id: i64,
    #[admin(references = Supplier)]
    pub(crate) carrier_id: Option<i64>,
    pub(crate) amount: i64,
    pub(crate) pieces: u16,
    pub(crate) rating: Option<i16>,
    pub(crate) weight: f64,
    pub(crate) is_paid: bool,
    pub(crate) note: Option<String>,
    pub(crate) ordered_on: NaiveDate,
    pub(crate) paid_at: Option<DateTime<Utc>>,
    pub(crate) token: Uuid,
    pub(crate) details: Value,
    #[admin(skip)]
    pub(crate) is_new: bool,
}

fn purchase(number: &str, supplier: i64, amount: i64) -> Purchase {
    Purchase {
        id: 0,
        number: number.to_owned(),
        supplier_id: supplier,
        carrier_id: None,
        amount,
        pieces: 1,
        rating: None,
        weight: 0.5,
        is_paid: false,
        note: None,
        ordered_on: NaiveDate::from_ymd_opt(2026, 5, 1).expect("the date exists"),
        paid_at: None,
        token: Uuid::from_u128(7),
        details: json!({}),
        is_new: false,
    }
}

fn models(server: &TestServer) -> Models {
    Models::clone(&server.state.get::<Models>().expect("the service exists"))
}

async fn supplier(models: &Models, name: &str, parent_id: Option<i64>) -> i64 {
    let supplier = Supplier {
        id: 0,
        name: name.to_owned(),
        parent_id,
    };
    let stored = models.insert(&supplier).await;
    stored.expect("the row is valid").id
}

/// Returns the server and the purchases A to D of two suppliers.
async fn with_purchases(database: Database) -> (TestServer, Models, [Purchase; 4]) {
    let server = TestServer::start(database).await;
    let models = models(&server);
    let acme = supplier(&models, "Acme", None).await;
    let bolt = supplier(&models, "Bolt", Some(acme)).await;
    let date = |day| NaiveDate::from_ymd_opt(2026, 5, day).expect("the date exists");
    let rows = [
        Purchase {
            rating: Some(3),
            note: Some("Blue paint".to_owned()),
            details: json!({"lines": [1, 2]}),
            ..purchase("A", acme, 100)
        },
        Purchase {
            rating: Some(5),
            is_paid: true,
            paid_at: Some("2026-05-02T10:00:00Z".parse().expect("the time is valid")),
            ordered_on: date(2),
            carrier_id: Some(bolt),
            ..purchase("B", acme, 250)
        },
        Purchase {
            note: Some(String::new()),
            pieces: 60_000,
            ordered_on: date(3),
            ..purchase("C", bolt, 250)
        },
        Purchase {
            weight: 2.25,
            token: Uuid::from_u128(9),
            ordered_on: date(4),
            ..purchase("D", bolt, -5)
        },
    ];
    let mut stored = Vec::new();
    for row in &rows {
        stored.push(models.insert(row).await.expect("the row is valid"));
    }
    let stored = stored.try_into().expect("there are four rows");
    (server, models, stored)
}

async fn numbers(models: &Models, condition: Condition<Purchase>) -> String {
    let rows = models.query::<Purchase>().filter(condition).all().await;
    let rows = rows.expect("the query runs");
    rows.into_iter().map(|row| row.number).collect()
}

async fn operators_select_rows_by_value(database: Database) {
    let (_server, models, rows) = with_purchases(database).await;
    let all = models.query::<Purchase>().all().await;
    assert_eq!(all.expect("the query runs"), rows, "every type is read");
    let [a, b, c, d] = rows;
    for (condition, expected) in [
        (Purchase::NUMBER.eq("A"), "A"),
        (Purchase::NUMBER.eq(&b.number), "B"),
        (Purchase::NUMBER.ne("A"), "BCD"),
        (Purchase::AMOUNT.lt(100), "D"),
        (Purchase::AMOUNT.le(100), "AD"),
        (Purchase::AMOUNT.gt(100), "BC"),
        (Purchase::AMOUNT.ge(100), "ABC"),
        (Purchase::AMOUNT.is_in([100, -5]), "AD"),
        (Purchase::AMOUNT.is_in([0; 0]), ""),
        (Purchase::PIECES.eq(c.pieces), "C"),
        (Purchase::RATING.eq(5), "B"),
        (Purchase::WEIGHT.gt(0.5), "D"),
        (Purchase::IS_PAID.eq(true), "B"),
        (Purchase::NOTE.contains("BLUE"), "A"),
        (Purchase::NOTE.eq(""), "C"),
        (Purchase::ORDERED_ON.ge(c.ordered_on), "CD"),
        (Purchase::PAID_AT.eq(b.paid_at), "B"),
        (Purchase::TOKEN.eq(d.token), "D"),
        (Purchase::ID.eq(a.id), "A"),
    ] {
        let text = format!("{condition:?}");
        assert_eq!(numbers(&models, condition).await, expected, "{text}");
    }
}

async fn missing_values_are_neither_greater_nor_smaller(database: Database) {
    let (_server, models, _) = with_purchases(database).await;
    for (condition, expected) in [
        (Purchase::RATING.is_none(), "CD"),
        (Purchase::RATING.eq(None), "CD"),
        (Purchase::RATING.is_some(), "AB"),
        (Purchase::RATING.ne(None), "AB"),
        (Purchase::RATING.ne(5), "ACD"),
        (Purchase::RATING.lt(5), "A"),
        (Purchase::RATING.ge(3), "AB"),
        (Purchase::RATING.gt(None), ""),
        (Purchase::RATING.is_in([Some(3), None]), "ACD"),
        (!Purchase::RATING.lt(5), "BCD"),
        (!Purchase::NOTE.contains("paint"), "BCD"),
    ] {
        let text = format!("{condition:?}");
        assert_eq!(numbers(&models, condition).await, expected, "{text}");
    }
}

async fn conditions_are_combined_and_negated(database: Database) {
    let (_server, models, _) = with_purchases(database).await;
    let paid = || Purchase::IS_PAID.eq(true);
    let large = || Purchase::AMOUNT.ge(250);
    for (condition, expected) in [
        (large().and(paid()), "B"),
        (Purchase::NUMBER.eq("D").or(paid()), "BD"),
        (!(large().and(!paid())), "ABD"),
        ((!large()).or(paid()), "ABD"),
        (Condition::all([large(), paid()]), "B"),
        (Condition::any([Purchase::NUMBER.eq("A"), paid()]), "AB"),
        (Condition::all([]), "ABCD"),
        (Condition::any([]), ""),
    ] {
        let text = format!("{condition:?}");
        assert_eq!(numbers(&models, condition).await, expected, "{text}");
    }
    let both = models.query::<Purchase>().filter(large()).filter(paid());
    assert_eq!(both.count().await.expect("the query runs"), 1);
}

async fn text_with_sql_metacharacters_is_matched_literally(database: Database) {
    let server = TestServer::start(database).await;
    let models = models(&server);
    let names = [
        "Robert'); DROP TABLE supplier;--",
        "100%",
        "a_b",
        "back\\slash",
        "\"quoted\" $1 ?",
        "plain",
    ];
    for name in names {
        supplier(&models, name, None).await;
    }
    for name in names {
        let found = models.query::<Supplier>().filter(Supplier::NAME.eq(name));
        assert_eq!(found.one().await.expect("the query runs").name, name);
        let parts = models
            .query::<Supplier>()
            .filter(Supplier::NAME.contains(&name[1..]))
            .all();
        let parts = parts.await.expect("the query runs");
        assert_eq!(parts.len(), 1, "{name}");
    }
    for nothing in ["_b'", "1%0", "%", "_", "\\"] {
        let found = models
            .query::<Supplier>()
            .filter(Supplier::NAME.contains(nothing));
        let expected = names.iter().filter(|name| name.contains(nothing)).count();
        let count = found.count().await.expect("the query runs");
        assert_eq!(count, expected as u64, "{nothing}");
    }
}

async fn rows_are_ordered_and_paginated(database: Database) {
    let (_server, models, _) = with_purchases(database).await;
    let query = || models.query::<Purchase>();
    let text = |rows: Vec<Purchase>| -> String { rows.into_iter().map(|it| it.number).collect() };
    for (query, expected) in [
        (query(), "ABCD"),
        (query().order_by(Purchase::AMOUNT.asc()), "DABC"),
        (query().order_by(Purchase::AMOUNT.desc()), "BCAD"),
        (
            query()
                .order_by(Purchase::AMOUNT.desc())
                .order_by(Purchase::NUMBER.desc()),
            "CBAD",
        ),
        (query().order_by(Purchase::RATING.asc()), "ABCD"),
        (query().order_by(Purchase::RATING.desc()), "BACD"),
        (query().limit(2), "AB"),
        (query().limit(2).offset(1), "BC"),
        (query().offset(3), "D"),
        (query().limit(0), ""),
    ] {
        let statement = format!("{query:?}");
        let rows = query.all().await.expect("the query runs");
        assert_eq!(text(rows), expected, "{statement}");
    }
    let page = query().limit(2).offset(1);
    assert_eq!(page.count().await.expect("the query runs"), 4);
}

async fn related_rows_are_read_in_the_same_query(database: Database) {
    let (_server, models, _) = with_purchases(database).await;
    let rows = models
        .query::<Purchase>()
        .filter(Purchase::AMOUNT.ge(100))
        .order_by(Purchase::NUMBER.desc())
        .with(Purchase::SUPPLIER_ID)
        .with(Purchase::CARRIER_ID)
        .all()
        .await
        .expect("the query runs");
    let names: Vec<(String, String, Option<String>)> = rows
        .into_iter()
        .map(|(row, supplier, carrier)| (row.number, supplier.name, carrier.map(|it| it.name)))
        .collect();
    let expected = |number: &str, supplier: &str, carrier: Option<&str>| {
        let carrier = carrier.map(str::to_owned);
        (number.to_owned(), supplier.to_owned(), carrier)
    };
    assert_eq!(
        names,
        [
            expected("C", "Bolt", None),
            expected("B", "Acme", Some("Bolt")),
            expected("A", "Acme", None),
        ]
    );
    // A model can refer to itself.
    let suppliers = models
        .query::<Supplier>()
        .with(Supplier::PARENT_ID)
        .all()
        .await;
    let parents: Vec<Option<String>> = suppliers
        .expect("the query runs")
        .into_iter()
        .map(|(_, parent)| parent.map(|it| it.name))
        .collect();
    assert_eq!(parents, [None, Some("Acme".to_owned())]);
    let of_acme = Purchase::SUPPLIER_ID.refers_to(Supplier::NAME.eq("Acme"));
    assert_eq!(numbers(&models, of_acme).await, "AB");
    let child = Supplier::PARENT_ID.refers_to(Supplier::NAME.contains("acm"));
    let carried = Purchase::CARRIER_ID.refers_to(child);
    assert_eq!(numbers(&models, carried).await, "B");
}

async fn single_rows_are_distinguished_from_several(database: Database) {
    let (_server, models, rows) = with_purchases(database).await;
    let query = |amount: i64| {
        models
            .query::<Purchase>()
            .filter(Purchase::AMOUNT.eq(amount))
    };
    assert_eq!(query(100).one().await.expect("there is one"), rows[0]);
    let error = query(1).one().await.expect_err("the row does not exist");
    assert_eq!(error.code(), "row_not_found");
    let error = query(250).one().await.expect_err("there are two");
    assert_eq!(error.status(), 500);
    assert_eq!(query(1).first().await.expect("the query runs"), None);
    let first = query(250).order_by(Purchase::NUMBER.desc()).first().await;
    assert_eq!(first.expect("the query runs"), Some(rows[2].clone()));
    assert!(query(250).exists().await.expect("the query runs"));
    assert!(!query(1).exists().await.expect("the query runs"));
    let found = models.get::<Purchase>(rows[1].id).await;
    assert_eq!(found.expect("the query runs"), Some(rows[1].clone()));
    let found = models.find_by::<Purchase>("number", "C").await;
    assert_eq!(found.expect("the query runs"), Some(rows[2].clone()));
}

async fn stream_reads_many_rows_and_can_be_dropped(database: Database) {
    let server = TestServer::start(database).await;
    let models = models(&server);
    let fill = "INSERT INTO supplier (name) \
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
                SELECT 'S' || i FROM n";
    assert_eq!(server.sql(fill.to_owned()).await, 20_000);
    let rows = models.query::<Supplier>().stream();
    let sum = rows.try_fold(0, async |sum, row| Ok(sum + row.id)).await;
    assert_eq!(sum.expect("the query runs"), 20_000 * 20_001 / 2);
    // A dropped stream returns its connection: there are fewer connections than streams.
    for _ in 0..40 {
        let mut rows = std::pin::pin!(models.query::<Supplier>().stream());
        let first = rows.next().await.expect("there are rows");
        assert_eq!(first.expect("the query runs").name, "S1");
    }
    let mut transaction = models.begin().await.expect("the transaction starts");
    let mut within = models.within(&mut transaction);
    let rows = within
        .query()
        .filter(Supplier::ID.le(500))
        .stream()
        .map_ok(|row: Supplier| row.id);
    let ids: Vec<i64> = rows.try_collect().await.expect("the query runs");
    assert_eq!(ids, Vec::from_iter(1..=500));
}

async fn values_that_no_column_can_store_are_rejected(database: Database) {
    let (_server, models, _) = with_purchases(database).await;
    let late = NaiveDate::from_ymd_opt(20_000, 1, 1).expect("the date exists");
    for (condition, pointer) in [
        (Purchase::NUMBER.eq("a\0b"), "/number"),
        (Purchase::WEIGHT.lt(f64::NAN), "/weight"),
        (Purchase::ORDERED_ON.gt(late), "/ordered_on"),
    ] {
        let query = models.query::<Purchase>().filter(condition);
        let error = query.all().await.expect_err("the value is invalid");
        assert_eq!(error.status(), 422);
        assert_eq!(error.field_errors()[0].pointer, pointer);
    }
    let query = models.query::<Purchase>().for_update();
    let error = query.all().await.expect_err("there is no transaction");
    assert!(error.to_string().contains("transaction"), "{error}");
}

async fn stored_value_that_does_not_match_is_reported(database: Database) {
    let (server, models, rows) = with_purchases(database).await;
    server
        .sql("UPDATE purchase SET pieces = 70000 WHERE number = 'B'".to_owned())
        .await;
    let error = models.get::<Purchase>(rows[1].id).await;
    let error = error.expect_err("the number is too large for the field");
    assert_eq!(error.status(), 500);
    let cause = std::error::Error::source(&error).expect("there is a cause");
    let cause = cause.source().expect("the cause names the column");
    assert!(cause.to_string().contains("pieces"), "{cause}");
}
