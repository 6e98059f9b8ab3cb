//! Default rows that refer to rows of other models by a unique field.

use portal_core::prelude::*;
use serde_json::json;

use crate::app;
use crate::model_queries::{Purchase, Supplier};
use crate::support::{Database, TestServer, on_both};

on_both!(
    default_rows_refer_to_rows_by_unique_field,
    default_row_with_an_unknown_reference_is_rejected,
);

/// The rows precede those to which they refer.
const DEFAULTS: &str = "
purchase:
  - &row
    number: P-1
    supplier_id: {name: Bolt}
    carrier_id: {name: Existing}
    amount: 5
    pieces: 1
    weight: 1.5
    is_paid: false
    ordered_on: 2026-05-01
    token: 00000000-0000-0000-0000-000000000007
    details: {}
supplier:
  - name: Bolt
    parent_id: {name: Acme}
  - name: Acme
";

async fn start(database: Database, defaults: &str) -> TestServer {
    let build = |portal| app::build(portal).default_records(defaults);
    TestServer::start_with(database, &[], build).await
}

async fn default_rows_refer_to_rows_by_unique_field(database: Database) {
    let server = start(database, DEFAULTS).await;
    let admin = server.admin().await;
    let models = server.state.get::<Models>().expect("the service exists");
    let existing = json!({"name": "Existing"});
    let made = admin.post("/api/admin/models/supplier", &existing).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let added = admin.post("/api/admin/defaults", &json!({})).await;
    let expected = json!({"added": {"purchase": 1, "supplier": 2}});
    assert_eq!(added.json(), expected, "{}", added.text);
    let query = models.query::<Purchase>().with(Purchase::SUPPLIER_ID);
    let row = query.with(Purchase::CARRIER_ID).one().await;
    let (_, supplier, carrier) = row.expect("the row exists");
    assert_eq!(supplier.name, "Bolt");
    assert_eq!(carrier.expect("the row has one").name, "Existing");
    let parent = models.query::<Supplier>().with(Supplier::PARENT_ID);
    let parent = parent.filter(Supplier::NAME.eq("Bolt")).one().await;
    let (_, parent) = parent.expect("the row exists");
    assert_eq!(parent.expect("the row has one").name, "Acme");
    let again = admin.post("/api/admin/defaults", &json!({})).await;
    let expected = json!({"added": {"purchase": 0, "supplier": 0}});
    assert_eq!(again.json(), expected, "{}", again.text);
}

async fn default_row_with_an_unknown_reference_is_rejected(database: Database) {
    let server = start(database, DEFAULTS).await;
    let admin = server.admin().await;
    let added = admin.post("/api/admin/defaults", &json!({})).await;
    let problem = added.problem(422, "invalid_parameters");
    let error = &problem["errors"][0];
    assert_eq!(error["pointer"], "/purchase/0/carrier_id");
    assert_eq!(error["code"], "reference_unknown");
    let message = error["message"].as_str().expect("a string");
    for part in ["row 1 of `purchase`", "`supplier`", "\"Existing\""] {
        assert!(message.contains(part), "{message}");
    }
    let models = server.state.get::<Models>().expect("the service exists");
    let count = models.query::<Supplier>().count().await;
    assert_eq!(count.expect("the query runs"), 0, "no row was added");
}
