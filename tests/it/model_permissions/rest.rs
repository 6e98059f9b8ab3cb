//! Permissions of the REST interface, the model factory and live topics.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Caller, DEALS, Fixture, names};
use crate::support::{Database, TestResponse, on_both};

on_both!(
    rows_are_read_within_scope_and_fields,
    rows_are_added_within_scope_and_fields,
    rows_are_changed_within_scope_and_fields,
    rows_are_deleted_within_scope,
    actions_run_within_scope,
    matching_rows_are_deleted_within_scope,
    rows_are_exported_within_scope_and_fields,
    factory_describes_what_the_caller_may_use,
    topic_is_open_to_those_who_view_the_model,
);

/// Returns a problem document without the parts that differ between requests.
fn comparable(response: &TestResponse) -> Value {
    let mut problem = response.json();
    problem["instance"] = Value::Null;
    problem
}

/// Returns the code and the pointer of the only field error.
fn field_error(response: &TestResponse) -> (String, String) {
    let problem = response.problem(422, "invalid_parameters");
    let errors = problem["errors"].as_array().expect("there are errors");
    assert_eq!(errors.len(), 1, "{problem}");
    let text = |name: &str| errors[0][name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("pointer"))
}

fn error(code: &str, pointer: &str) -> (String, String) {
    (code.to_owned(), pointer.to_owned())
}

async fn rows_are_read_within_scope_and_fields(database: Database) {
    let fixture = Fixture::start(database).await;
    let (north, south) = (&fixture.rows.north, &fixture.rows.south);
    for caller in &fixture.callers {
        let get = async |path: &str| caller.client.get(&format!("{DEALS}{path}")).await;
        let list = get("").await;
        let row = get(&format!("/{north}")).await;
        if !caller.view {
            caller.denied(&list);
            caller.denied(&row);
            caller.denied(&get(&format!("/{south}")).await);
            continue;
        }
        let document = list.json();
        let items = document["items"].as_array().expect("there are items");
        let deals: Vec<&Value> = items.iter().map(|item| &item["name"]).collect();
        assert_eq!(deals, caller.deals(), "{}", caller.role);
        assert_eq!(document["total"], caller.deals().len());
        for item in items {
            assert_eq!(names(item), caller.fields(), "{}", caller.role);
        }
        assert_eq!(row.status, 200);
        assert_eq!(names(&row.json()), caller.fields(), "{}", caller.role);
        let hidden = get(&format!("/{south}")).await;
        if caller.south {
            assert_eq!(hidden.status, 200);
        } else {
            hidden.problem(404, "row_not_found");
            let missing = get("/999999").await;
            assert_eq!(comparable(&hidden), comparable(&missing));
        }
        // The text is only in a field that not everyone may view.
        let found = get("?search=zebra").await.json()["total"].clone();
        assert_eq!(found == 0, !caller.finance, "{} {found}", caller.role);
        for query in ["sort=FIELD", "filter[FIELD]=1", "filter[FIELD][in]=1"] {
            let query = |field: &str| format!("?{}", query.replace("FIELD", field));
            let response = get(&query("margin")).await;
            if caller.finance {
                assert_eq!(response.status, 200, "{}", response.text);
                continue;
            }
            let unknown = get(&query("nonsense")).await;
            let text = |response: &TestResponse| comparable(response).to_string();
            assert_eq!(
                text(&response).replace("margin", "nonsense"),
                text(&unknown),
                "{}",
                caller.role
            );
        }
    }
    fixture.stop().await;
}

async fn rows_are_added_within_scope_and_fields(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let add = async |body: Value| caller.client.post(DEALS, &body).await;
        let name = |suffix: &str| format!("{} {suffix}", caller.role);
        let plain = add(json!({"name": name("plain"), "region": "north"})).await;
        if !caller.create {
            caller.denied(&plain);
            // The body does not matter.
            caller.denied(&add(json!([])).await);
            continue;
        }
        assert_eq!(plain.status, 201, "{}", plain.text);
        assert_eq!(names(&plain.json()), caller.fields());
        let id = plain.json()["id"].to_string();
        let stored = fixture.stored(&id).await;
        assert_eq!(
            (&stored["discount"], &stored["margin"]),
            (&json!(0), &Value::Null)
        );

        let discount =
            add(json!({"name": name("discount"), "region": "north", "discount": 3})).await;
        let margin = add(json!({"name": name("margin"), "region": "north", "margin": 3})).await;
        let south = add(json!({"name": name("south"), "region": "south"})).await;
        let company = fixture.rows.south_company;
        let company = json!({"name": name("company"), "region": "north", "company_id": company});
        let company = add(company).await;
        if caller.finance {
            for response in [discount, margin] {
                assert_eq!(response.status, 201, "{}", response.text);
            }
        } else {
            assert_eq!(field_error(&discount), error("read_only", "/discount"));
            assert_eq!(field_error(&margin), error("unknown_field", "/margin"));
            let problem = margin.json();
            assert!(!problem.to_string().contains("memo"), "{problem}");
        }
        if caller.south {
            assert_eq!((south.status, company.status), (plain.status, plain.status));
        } else {
            south.problem(403, "not_permitted");
            assert_eq!(
                field_error(&company),
                error("reference_unknown", "/company_id")
            );
            let filter = format!("{DEALS}?filter[name]={}", name("south"));
            let stored = fixture.admin.get(&filter).await.json();
            assert_eq!(stored["total"], 0, "nothing was stored");
        }
    }
    fixture.stop().await;
}

/// Asserts the responses to changes of one row within the scope.
async fn changes_of_a_row(fixture: &Fixture, caller: &Caller, id: &str) {
    let path = format!("{DEALS}/{id}");
    let patch = async |body: Value| caller.send(Method::PATCH, &path, "*", &body).await;
    let name = format!("{} changed", caller.role);
    let changed = patch(json!({"name": name})).await;
    if !caller.change {
        caller.denied(&changed);
        let put = json!({"name": name, "region": "north"});
        caller.denied(&caller.send(Method::PUT, &path, "*", &put).await);
        // The row is not read before the permission is checked.
        caller.denied(&patch(json!([])).await);
        assert_ne!(fixture.stored(id).await["name"], name);
        return;
    }
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(names(&changed.json()), caller.fields());
    let stale = caller
        .send(Method::PATCH, &path, "\"1\"", &json!({"region": "x"}))
        .await;
    let problem = stale.problem(412, "stale");
    assert_eq!(names(&problem["current"]), caller.fields());
    assert_eq!(problem["current"]["name"], name);

    let discount = patch(json!({"discount": 7})).await;
    let margin = patch(json!({"margin": 7})).await;
    let unchanged = patch(json!({"discount": fixture.stored(id).await["discount"]})).await;
    assert_eq!(unchanged.status, 200, "the value is the stored one");
    // `memo` has no rule for changes, so that for viewing applies.
    let memo = patch(json!({"memo": "m"})).await;
    let stored = fixture.stored(id).await;
    if caller.finance {
        for response in [discount, margin, memo] {
            assert_eq!(response.status, 200, "{}", response.text);
        }
        assert_eq!(
            (&stored["discount"], &stored["margin"]),
            (&json!(7), &json!(7))
        );
    } else {
        assert_eq!(field_error(&discount), error("read_only", "/discount"));
        assert_eq!(field_error(&margin), error("unknown_field", "/margin"));
        assert_eq!(field_error(&memo), error("unknown_field", "/memo"));
        assert_eq!(
            (&stored["discount"], &stored["margin"]),
            (&json!(1), &json!(1))
        );
    }
    let put = json!({"name": format!("{name} again"), "region": "north"});
    let put = caller.send(Method::PUT, &path, "*", &put).await;
    assert_eq!(put.status, 200, "{}", put.text);
    let margin = fixture.stored(id).await["margin"].clone();
    let kept = if caller.finance {
        Value::Null
    } else {
        json!(1)
    };
    assert_eq!(
        margin, kept,
        "a caller resets only fields that they may set"
    );

    let company = fixture.rows.south_company;
    let company = patch(json!({ "company_id": company })).await;
    let leaving = patch(json!({"region": "south"})).await;
    if caller.south {
        assert_eq!(
            (company.status.as_u16(), leaving.status.as_u16()),
            (200, 200)
        );
    } else {
        let unknown = patch(json!({"company_id": 999_999})).await;
        assert_eq!(comparable(&company), comparable(&unknown));
        assert_eq!(
            field_error(&company),
            error("reference_unknown", "/company_id")
        );
        leaving.problem(403, "not_permitted");
        assert_eq!(fixture.stored(id).await["region"], "north");
    }
}

async fn rows_are_changed_within_scope_and_fields(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let id = fixture
            .deal(&format!("{} north", caller.role), "north")
            .await;
        changes_of_a_row(&fixture, caller, &id).await;
        if !caller.change {
            continue;
        }
        let south = fixture
            .deal(&format!("{} south", caller.role), "south")
            .await;
        for method in [Method::PATCH, Method::PUT] {
            let path = format!("{DEALS}/{south}");
            let body = json!({"name": format!("{} {method}", caller.role), "region": "north"});
            let response = caller.send(method.clone(), &path, "*", &body).await;
            if caller.south {
                assert_eq!(response.status, 200, "{}", response.text);
                continue;
            }
            response.problem(404, "row_not_found");
            // A wrong version is not reported either.
            let response = caller.send(method, &path, "\"99\"", &body).await;
            response.problem(404, "row_not_found");
        }
    }
    fixture.stop().await;
}

async fn rows_are_deleted_within_scope(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let mut ids = Vec::new();
        for (name, region) in [
            ("a", "north"),
            ("b", "north"),
            ("c", "south"),
            ("d", "south"),
        ] {
            let name = format!("{} {name}", caller.role);
            ids.push(fixture.deal(&name, region).await);
        }
        let delete = async |id: &str, tag: &str| {
            let path = format!("{DEALS}/{id}");
            caller.send(Method::DELETE, &path, tag, &Value::Null).await
        };
        let delete_many = async || {
            let body = json!({"ids": [ids[1], ids[3]]});
            let path = format!("{DEALS}/actions/delete");
            caller.client.post(&path, &body).await
        };
        let one = delete(&ids[0], "*").await;
        if !caller.delete {
            caller.denied(&one);
            caller.denied(&delete_many().await);
            caller.denied(&delete(&ids[0], "\"9\"").await);
            for id in &ids {
                assert!(fixture.is_stored(id).await, "{} {id}", caller.role);
            }
            continue;
        }
        assert_eq!(one.status, 204, "{}", one.text);
        let south = delete(&ids[2], "*").await;
        let deleted = delete_many().await.json()["deleted"].clone();
        if caller.south {
            assert_eq!((south.status.as_u16(), deleted), (204, json!(2)));
        } else {
            south.problem(404, "row_not_found");
            delete(&ids[2], "\"9\"").await.problem(404, "row_not_found");
            assert_eq!(deleted, 1, "rows outside of the scope are ignored");
        }
        let stored = [
            fixture.is_stored(&ids[1]).await,
            fixture.is_stored(&ids[2]).await,
            fixture.is_stored(&ids[3]).await,
        ];
        assert_eq!(stored, [false, !caller.south, !caller.south]);
    }
    fixture.stop().await;
}

async fn actions_run_within_scope(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let name = |region: &str| format!("{} acts {region}", caller.role);
        let north = fixture.deal(&name("north"), "north").await;
        let south = fixture.deal(&name("south"), "south").await;
        for (action, may) in caller.actions() {
            let (field, value) = match action {
                "flag" => ("discount", json!(42)),
                _ => ("memo", json!("reviewed")),
            };
            let path = format!("{DEALS}/actions/{action}");
            let by_keys = caller
                .client
                .post(&path, &json!({"ids": [north, south]}))
                .await;
            let filter = json!({"all": true, "filter": {"name": {"contains": " acts "}}});
            let by_filter = caller.client.post(&path, &filter).await;
            let is_changed = [
                fixture.stored(&north).await[field] == value,
                fixture.stored(&south).await[field] == value,
            ];
            assert_eq!(
                is_changed,
                [may, may && caller.south],
                "{} {action}",
                caller.role
            );
            if !may {
                caller.denied(&by_keys);
                caller.denied(&by_filter);
                continue;
            }
            let report = by_keys.json();
            let south = u8::from(caller.south);
            assert_eq!(report["changed"], 1 + south, "{report}");
            assert_eq!(report["failed"], 1 - south, "{report}");
            assert_eq!(by_filter.json()["failed"], 0, "{}", by_filter.text);
        }
        let path = format!("{DEALS}/actions/nothing");
        let unknown = caller.client.post(&path, &json!({"ids": []})).await;
        if caller.view {
            unknown.problem(404, "action_unknown");
        } else {
            caller.denied(&unknown);
        }
    }
    fixture.stop().await;
}

async fn matching_rows_are_deleted_within_scope(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let ids = [
            fixture.deal("Match north", "north").await,
            fixture.deal("Match south", "south").await,
        ];
        let body = json!({"all": true, "filter": {"name": {"starts_with": "match "}}});
        let path = format!("{DEALS}/actions/delete");
        // The number of matching rows must not reveal rows outside of the scope.
        let mut unconfirmed = body.clone();
        unconfirmed["confirm"] = json!(999);
        let counted = caller.client.post(&path, &unconfirmed).await;
        if caller.delete {
            let problem = counted.problem(409, "count_changed");
            assert_eq!(problem["total"], 1 + u64::from(caller.south), "{problem}");
        } else {
            caller.denied(&counted);
        }
        let deleted = caller.client.post(&path, &body).await;
        if caller.delete {
            let count = 1 + u64::from(caller.south);
            assert_eq!(deleted.json()["deleted"], count, "{}", deleted.text);
        } else {
            caller.denied(&deleted);
        }
        for (id, is_kept) in [
            (&ids[0], !caller.delete),
            (&ids[1], !caller.delete || !caller.south),
        ] {
            assert_eq!(fixture.is_stored(id).await, is_kept, "{}", caller.role);
            let path = format!("{DEALS}/{id}");
            let request = fixture.admin.request(Method::DELETE, &path);
            TestResponse::of(request.header("if-match", "*")).await;
        }
        // A filter by a field that the caller may not view would reveal its values.
        let body = json!({"all": true, "filter": {"margin": 10}, "confirm": 999});
        let response = caller.client.post(&path, &body).await;
        match (caller.delete, caller.finance) {
            (false, _) => caller.denied(&response),
            (true, false) => {
                let expected = error("unknown_field", "/filter/margin");
                assert_eq!(field_error(&response), expected);
            }
            (true, true) => drop(response.problem(409, "count_changed")),
        }
    }
    fixture.stop().await;
}

async fn rows_are_exported_within_scope_and_fields(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let get = async |query: &str| {
            let path = format!("{DEALS}/export?{query}");
            caller.client.get(&path).await
        };
        let file = get("format=json").await;
        if !caller.export {
            caller.denied(&file);
            caller.denied(&get("format=nonsense").await);
            continue;
        }
        let rows = file.json();
        let rows = rows.as_array().expect("the file is a list");
        let deals: Vec<&Value> = rows.iter().map(|row| &row["name"]).collect();
        assert_eq!(deals, caller.deals(), "{}", caller.role);
        for row in rows {
            assert_eq!(names(row), caller.fields(), "{}", caller.role);
        }
        let csv = get("format=csv&columns=name,company_id").await.text;
        assert_eq!(csv.contains("Aurora"), caller.companies, "{csv}");
        if !caller.finance {
            let response = get("format=csv&columns=margin").await;
            assert_eq!(field_error(&response), error("unknown_field", "/columns"));
            let response = get("format=csv&filter[margin]=1").await;
            assert_eq!(
                field_error(&response),
                error("unknown_field", "/filter[margin]")
            );
        }
    }
    fixture.stop().await;
}

async fn factory_describes_what_the_caller_may_use(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let response = caller.client.get("/api/admin/models").await;
        if !caller.view {
            caller.denied(&response);
            continue;
        }
        let document = response.json();
        let models = document["models"].as_array().expect("there are models");
        let find = |name: &str| models.iter().find(|model| model["name"] == name);
        assert_eq!(find("company").is_some(), caller.companies);
        assert_eq!(find("plan").is_some(), caller.role == "ADMIN");
        let deal = find("deal").expect("the caller may view the model");
        let permissions = json!({
            "view": true, "create": caller.create, "change": caller.change,
            "delete": caller.delete, "export": caller.export,
        });
        assert_eq!(deal["permissions"], permissions, "{}", caller.role);
        let delete = ("delete", caller.delete);
        let permitted = [delete].into_iter().chain(caller.actions());
        let permitted: Vec<&str> = permitted.filter(|it| it.1).map(|it| it.0).collect();
        let actions = deal["actions"].as_array().expect("there are actions");
        let actions: Vec<&Value> = actions.iter().map(|action| &action["name"]).collect();
        assert_eq!(actions, permitted, "{}", caller.role);
        let fields = deal["fields"].as_array().expect("there are fields");
        let mut shown: Vec<&Value> = fields.iter().map(|field| &field["name"]).collect();
        shown.sort_by_key(|name| name.to_string());
        assert_eq!(shown, caller.fields(), "{}", caller.role);
        let field = |name: &str| fields.iter().find(|field| field["name"] == name).cloned();
        let discount = field("discount").expect("everyone may view the field");
        assert_eq!(discount["read_only"], !caller.finance);
        let company = field("company_id").expect("everyone may view the field");
        let relation = if caller.companies {
            json!("company")
        } else {
            Value::Null
        };
        assert_eq!(company["relation"], relation);
        let schema = &deal["json_schema"];
        assert_eq!(names(&schema["properties"]), caller.fields());
        let is_fixed = schema["properties"]["discount"]["readOnly"] == true;
        assert_eq!(is_fixed, !caller.finance);
    }
    fixture.stop().await;
}

async fn topic_is_open_to_those_who_view_the_model(database: Database) {
    let fixture = Fixture::start(database).await;
    for caller in &fixture.callers {
        let request = caller
            .client
            .request(Method::GET, "/api/live?topics=model:deal");
        // The body is an endless stream, so only the head is read.
        let response = request.send().await.expect("the portal responds");
        let expected = match (caller.is_guest(), caller.view) {
            (true, _) => 401,
            (false, false) => 403,
            (false, true) => 200,
        };
        assert_eq!(response.status(), expected, "{}", caller.role);
    }
    fixture.stop().await;
}
