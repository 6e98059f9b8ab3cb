//! Actions in the REST API.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{INVOICES, audit, invoice, numbered, sign_in, stored};
use crate::support::{Database, TestServer, eventually, on_both};

on_both!(
    action_changes_rows_and_reports_failures,
    invalid_arguments_have_pointers,
    action_runs_only_for_permitted_users_and_rows,
    interrupted_action_reports_what_was_done,
    each_changed_row_and_the_run_are_recorded,
    actions_are_described_with_their_schema,
    invalid_selections_are_rejected,
    all_rows_that_match_are_changed,
    action_completes_after_the_client_disconnects,
    rows_changed_by_others_are_not_overwritten,
);

fn path(action: &str) -> String {
    format!("{INVOICES}/actions/{action}")
}

async fn action_changes_rows_and_reports_failures(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let first = numbered(&admin, "1").await;
    let credit = invoice(&admin, json!({"number": "2", "amount": -5})).await;
    let locked = numbered(&admin, "locked").await;
    let paid = json!({"number": "3", "state": "paid", "paid_on": "2026-05-01"});
    let paid = invoice(&admin, paid).await;
    let body = json!({
        "ids": [first, credit, locked, paid, 999, "x", first],
        "args": {"paid_on": "2026-05-01"},
    });
    let response = admin.post(&path("mark_paid"), &body).await;
    assert_eq!(response.status, 200, "{}", response.text);
    let report = response.json();
    assert_eq!(
        (&report["changed"], &report["unchanged"], &report["failed"]),
        (&json!(1), &json!(1), &json!(4))
    );
    let mut failures = report["failures"].as_array().expect("a list").clone();
    failures.sort_by_key(|failure| failure["label"].to_string());
    let failure = |id: &str, label: &str, code: &str, reason: &str| json!({"id": id, "label": label, "code": code, "reason": reason});
    let (credit_id, locked_id) = (credit.to_string(), locked.to_string());
    assert_eq!(
        failures,
        [
            failure(&credit_id, "2", "too_small", "the amount is too small"),
            failure("999", "999", "row_not_found", "the row does not exist"),
            failure(
                &locked_id,
                "locked",
                "invalid_parameters",
                "`number` is locked"
            ),
            failure("x", "x", "row_not_found", "the row does not exist"),
        ]
    );
    let row = stored(&admin, first).await;
    assert_eq!(
        (&row["state"], &row["paid_on"]),
        (&json!("paid"), &json!("2026-05-01"))
    );
    for id in [credit, locked] {
        assert_eq!(stored(&admin, id).await["state"], "open");
    }
    server.stop().await;
}

async fn invalid_arguments_have_pointers(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let id = numbered(&admin, "1").await;
    for (args, pointer, code) in [
        (json!({}), "/args/paid_on", "missing"),
        (json!({"paid_on": "May"}), "/args/paid_on", "invalid_value"),
        (json!({"paid_on": 1}), "/args/paid_on", "invalid_type"),
        (
            json!({"paid_on": "2026-05-01", "least": 0}),
            "/args/least",
            "invalid_value",
        ),
        (json!([]), "/args", "invalid_type"),
        // The action itself rejects this argument.
        (
            json!({"paid_on": "1999-12-31"}),
            "/args/paid_on",
            "too_early",
        ),
    ] {
        let body = json!({"ids": [id], "args": args});
        let response = admin.post(&path("mark_paid"), &body).await;
        let problem = response.problem(422, "invalid_parameters");
        assert_eq!(
            (
                &problem["errors"][0]["pointer"],
                &problem["errors"][0]["code"]
            ),
            (&json!(pointer), &json!(code)),
            "{args}"
        );
    }
    let missing = admin.post(&path("mark_paid"), &json!({"ids": [id]})).await;
    missing.problem(422, "invalid_parameters");
    let body = json!({"ids": [id], "args": {"paid_on": "2026-05-01"}});
    let response = admin.post(&path("clean_up"), &body).await;
    let problem = response.problem(422, "invalid_parameters");
    assert_eq!(problem["errors"][0]["pointer"], "/args");
    assert_eq!(stored(&admin, id).await["state"], "open");
    assert!(audit(&admin, "mark_paid").await.is_empty());
    server.stop().await;
}

async fn action_runs_only_for_permitted_users_and_rows(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let sales = sign_in(&server, &admin, "SALES").await;
    let finance = sign_in(&server, &admin, "FINANCE").await;
    let other = sign_in(&server, &admin, "EDITOR").await;
    let north = numbered(&admin, "north").await;
    let south = invoice(&admin, json!({"number": "south", "region": "south"})).await;
    let body = json!({"ids": [north, south], "args": {"paid_on": "2026-05-01"}});

    let guest = server.guest().post(&path("mark_paid"), &body).await;
    guest.problem(401, "unauthorized");
    other
        .post(&path("mark_paid"), &body)
        .await
        .problem(403, "forbidden");
    // Finance may view, but not change rows; the action has no separate rule.
    finance
        .post(&path("mark_paid"), &body)
        .await
        .problem(403, "not_permitted");
    sales
        .post(&path("clean_up"), &body)
        .await
        .problem(403, "not_permitted");
    sales
        .post(&path("approve"), &body)
        .await
        .problem(403, "not_permitted");
    sales
        .post(&path("nothing"), &body)
        .await
        .problem(404, "action_unknown");
    other
        .post(&path("nothing"), &body)
        .await
        .problem(403, "forbidden");
    assert_eq!(stored(&admin, north).await["state"], "open");

    let report = sales.post(&path("mark_paid"), &body).await.json();
    assert_eq!(
        (&report["changed"], &report["failed"]),
        (&json!(1), &json!(1))
    );
    let failure = &report["failures"][0];
    // A row outside of the scope is reported like one that does not exist.
    assert_eq!(failure["code"], "row_not_found");
    assert_eq!(failure["label"], south.to_string());
    assert_eq!(stored(&admin, south).await["state"], "open");

    let report = finance
        .post(&path("approve"), &json!({"ids": [south]}))
        .await;
    assert_eq!(report.json()["changed"], 1, "{}", report.text);
    let number = stored(&admin, south).await["number"].clone();
    assert_eq!(number, "south approved with 1");
    server.stop().await;
}

async fn interrupted_action_reports_what_was_done(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let mut ids = Vec::new();
    for number in ["1", "protected", "kept", "broken", "2"] {
        ids.push(numbered(&admin, number).await);
    }
    let response = admin.post(&path("clean_up"), &json!({"ids": ids})).await;
    let problem = response.problem(409, "broken");
    let report = &problem["report"];
    assert_eq!(
        (&report["changed"], &report["unchanged"], &report["failed"]),
        (&json!(1), &json!(2), &json!(1)),
        "{report}"
    );
    assert_eq!(report["failures"][0]["reason"], "is protected");
    let rows = admin.get(INVOICES).await.json();
    assert_eq!(rows["total"], 4);
    let entries = audit(&admin, "clean_up").await;
    assert_eq!(entries.len(), 2, "one for the row and one for the run");
    assert_eq!(entries[0]["details"]["error"], "broken");
    assert_eq!(entries[0]["details"]["changed"], 1);

    let ids = [
        numbered(&admin, "3").await,
        numbered(&admin, "panics").await,
    ];
    let response = admin.post(&path("clean_up"), &json!({"ids": ids})).await;
    let problem = response.problem(500, "internal");
    assert_eq!(problem["report"]["changed"], 1);
    assert!(!response.text.contains("panicked"), "no internals");
    server.stop().await;
}

async fn each_changed_row_and_the_run_are_recorded(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let ids = [numbered(&admin, "1").await, numbered(&admin, "2").await];
    let small = invoice(&admin, json!({"number": "3", "amount": 0})).await;
    let body = json!({"ids": [ids[0], ids[1], small], "args": {"paid_on": "2026-05-01"}});
    let report = admin.post(&path("mark_paid"), &body).await.json();
    let entries = audit(&admin, "mark_paid").await;
    let targets: Vec<&Value> = entries.iter().map(|entry| &entry["target"]).collect();
    let rows = ids.map(|id| json!(format!("invoice:{id}")));
    assert_eq!(targets, [&json!("model:invoice"), &rows[1], &rows[0]]);
    for entry in &entries {
        assert_eq!(entry["details"]["run"], report["run"]);
        assert_eq!(entry["actor"]["email"], "root@example.com");
    }
    let run = &entries[0]["details"];
    assert_eq!(run["label"], "Mark as paid");
    assert_eq!((&run["changed"], &run["failed"]), (&json!(2), &json!(1)));
    let changes = &entries[1]["details"]["changes"];
    assert_eq!(
        changes[0],
        json!({"field": "state", "old": "open", "new": "paid"})
    );
    server.stop().await;
}

async fn actions_are_described_with_their_schema(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let models = admin.get("/api/admin/models").await.json();
    let models = models["models"].as_array().expect("a list").clone();
    let invoice = models.iter().find(|model| model["name"] == "invoice");
    let actions = invoice.expect("the model is listed")["actions"].clone();
    let names: Vec<&Value> = actions
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(
        names,
        [
            "delete",
            "mark_paid",
            "approve",
            "clean_up",
            "settle",
            "settle_later"
        ]
    );
    let pay = &actions[1];
    assert_eq!(pay["title"], "Mark as paid");
    assert_eq!(pay["description"], "Credit notes cannot be paid.");
    assert_eq!(pay["on"], json!(["one", "many", "all"]));
    assert_eq!(pay["confirm"], "Mark {count} invoices as paid?");
    assert_eq!(pay["json_schema"]["required"], json!(["paid_on"]));
    assert_eq!(actions[2]["json_schema"], Value::Null);
    assert_eq!(actions[3]["danger"], true);
    assert_eq!(actions[4]["background"], false);
    assert_eq!(actions[5]["background"], true);
    server.stop().await;
}

async fn invalid_selections_are_rejected(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let many: Vec<u32> = (0..1001).collect();
    for (action, body, pointer) in [
        ("clean_up", json!({}), "/ids"),
        ("clean_up", json!({"ids": "1"}), "/ids"),
        ("clean_up", json!({"ids": [1], "force": true}), "/force"),
        ("clean_up", json!({"ids": many}), "/ids"),
        ("approve", json!({"ids": [1, 2]}), "/ids"),
    ] {
        let response = admin.post(&path(action), &body).await;
        let problem = response.problem(422, "invalid_parameters");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{action}");
    }
    let empty = admin.post(&path("clean_up"), &json!({"ids": []})).await;
    assert_eq!(empty.json()["changed"], 0, "{}", empty.text);
    server.stop().await;
}

async fn all_rows_that_match_are_changed(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let sales = sign_in(&server, &admin, "SALES").await;
    // More rows than one batch.
    for number in 0..120 {
        numbered(&admin, &format!("N{number}")).await;
    }
    invoice(&admin, json!({"number": "N-south", "region": "south"})).await;
    numbered(&admin, "other").await;
    let args = json!({"paid_on": "2026-05-01"});
    let mark = async |mut body: Value| {
        body["args"] = args.clone();
        sales.post(&path("mark_paid"), &body).await
    };
    let everything = mark(json!({"all": true})).await;
    let problem = everything.problem(422, "invalid_parameters");
    assert_eq!(problem["errors"][0]["pointer"], "/confirm");
    let wrong = mark(json!({"all": true, "confirm": 122})).await;
    let problem = wrong.problem(409, "count_changed");
    assert_eq!(
        problem["total"], 121,
        "the row in the south is not in the scope"
    );
    let filter = json!({"number": {"contains": "N"}});
    let unknown = mark(json!({"all": true, "filter": {"margin": 1}})).await;
    unknown.problem(422, "invalid_parameters");
    // The changed rows no longer match the filter, and still every row is reached.
    let open = json!({"all": true, "filter": {"state": "open", "number": filter["number"]}});
    let report = mark(open.clone()).await.json();
    assert_eq!(
        (&report["changed"], &report["failed"]),
        (&json!(120), &json!(0))
    );
    let again = mark(open).await.json();
    assert_eq!(again["changed"], 0);
    let open = admin
        .get(&format!("{INVOICES}?filter[state]=open"))
        .await
        .json();
    assert_eq!(open["total"], 2);
    sales
        .post(&path("approve"), &json!({"all": true, "confirm": 1}))
        .await
        .problem(403, "not_permitted");
    let finance = sign_in(&server, &admin, "FINANCE").await;
    let response = finance
        .post(&path("approve"), &json!({"all": true, "confirm": 122}))
        .await;
    let problem = response.problem(422, "invalid_parameters");
    assert_eq!(problem["errors"][0]["pointer"], "/all");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_database_is_reported_with_what_was_done() {
    let mut server = TestServer::start(Database::Postgres).await;
    let admin = server.admin().await;
    let mut ids = Vec::new();
    for number in 0..60 {
        ids.push(numbered(&admin, &format!("N{number}")).await);
    }
    let body = json!({"ids": ids, "args": {"milliseconds": 20}});
    let (client, action) = (admin.clone(), path("settle"));
    let running = tokio::spawn(async move { client.post(&action, &body).await });
    let paid = format!("{INVOICES}?filter[state]=paid");
    eventually("some rows are changed", async || {
        let changed = admin.get(&paid).await.json()["total"].as_u64();
        changed.filter(|it| *it > 3)
    })
    .await;
    server.cut_off(true).await;
    let response = running.await.expect("the request ends");
    server.cut_off(false).await;
    let problem = response.problem(503, "unavailable");
    let report = &problem["report"];
    let stored = eventually("the database is back", async || {
        admin.get(&paid).await.json()["total"].as_u64()
    })
    .await;
    assert_eq!(report["changed"], stored, "{report}");
    assert!(stored < 60, "{report}");
    server.stop().await;
}

async fn action_completes_after_the_client_disconnects(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(numbered(&admin, &format!("N{number}")).await);
    }
    let body = json!({"ids": ids, "args": {"milliseconds": 20}});
    let request = admin.request(Method::POST, &path("settle")).json(&body);
    let response = request.timeout(Duration::from_millis(100)).send().await;
    assert!(response.expect_err("the client disconnects").is_timeout());
    let run = eventually("the run is recorded", async || {
        let entries = audit(&admin, "settle").await;
        entries
            .first()
            .filter(|it| it["target"] == "model:invoice")
            .cloned()
    })
    .await;
    assert_eq!(run["details"]["changed"], 20);
    server.stop().await;
}

async fn rows_changed_by_others_are_not_overwritten(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let mut ids = Vec::new();
    for number in ["1", "2", "3"] {
        ids.push(numbered(&admin, number).await);
    }
    // The rows are read at once, and saved after a delay each.
    let body = json!({"ids": ids, "args": {"milliseconds": 700}});
    let (client, action) = (admin.clone(), path("settle"));
    let running = tokio::spawn(async move { client.post(&action, &body).await });
    eventually("the first row is saved", async || {
        (stored(&admin, ids[0]).await["state"] == "paid").then_some(())
    })
    .await;
    for (method, id) in [(Method::PATCH, ids[1]), (Method::DELETE, ids[2])] {
        let request = admin.request(method, &format!("{INVOICES}/{id}"));
        let request = request.header("if-match", "*").json(&json!({"amount": 77}));
        let response = request.send().await.expect("the portal responds");
        assert!(response.status().is_success(), "{}", response.status());
    }
    let report = running.await.expect("the request ends").json();
    assert_eq!(
        (&report["changed"], &report["failed"]),
        (&json!(1), &json!(2))
    );
    let codes = ["/failures/0/code", "/failures/1/code"].map(|it| report.pointer(it));
    assert_eq!(
        codes,
        [Some(&json!("stale")), Some(&json!("row_not_found"))]
    );
    let row = stored(&admin, ids[1]).await;
    assert_eq!(
        (&row["amount"], &row["state"]),
        (&json!(77), &json!("open"))
    );
    server.stop().await;
}
