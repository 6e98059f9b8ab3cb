//! Exports: content of the files, the current view, permissions, and many rows.

use serde_json::{Value, json};

use super::{API, PAGE, with_measurements};
use crate::support::{CookieClient, Database, on_both};

on_both!(
    export_contains_the_rows_and_columns_of_the_view,
    export_of_many_rows_contains_each_once,
    invalid_export_names_its_cause,
    export_link_downloads_the_file_and_is_recorded,
);

async fn export_contains_the_rows_and_columns_of_the_view(database: Database) {
    let (server, admin) = with_measurements(database, 2).await;
    let note = "two\nlines, \"quoted\"";
    for row in [
        json!({"station": "=HYPERLINK(1)", "level": -7, "value": 5, "note": note, "outcome": "failed"}),
        json!({"station": "Überlingen ☃", "level": 8, "taken_on": "2026-05-01"}),
    ] {
        assert_eq!(admin.post(API, &row).await.status, 201);
    }
    let csv = admin.get(&format!("{API}/export?format=csv&sort=id")).await;
    assert_eq!(csv.status, 200, "{}", csv.text);
    assert_eq!(
        csv.header("content-type"),
        "text/csv; charset=utf-8; header=present"
    );
    let name = csv.header("content-disposition");
    assert!(
        name.starts_with("attachment; filename=\"measurement-2") && name.ends_with(".csv\""),
        "{name}"
    );
    assert_eq!(
        csv.text,
        "id,station,outcome,level,value,taken_on,note\r\n\
         1,S1,passed,1,,,\r\n\
         2,S2,passed,2,,,\r\n\
         3,'=HYPERLINK(1),failed,-7,5,,\"two\nlines, \"\"quoted\"\"\"\r\n\
         4,Überlingen ☃,passed,8,,2026-05-01,\r\n"
    );
    let view = "sort=-level&filter[outcome]=passed&columns=level,station&per_page=10&page=3";
    let csv = admin.get(&format!("{API}/export?format=csv&{view}")).await;
    let expected = "id,station,level\r\n4,Überlingen ☃,8\r\n2,S2,2\r\n1,S1,1\r\n";
    assert_eq!(csv.text, expected);

    let rows = json!([
        {"id": 3, "station": "=HYPERLINK(1)", "note": note},
        {"id": 4, "station": "Überlingen ☃", "note": null},
    ]);
    let view = "sort=id&filter[id][gt]=2&columns=station,note";
    let file = admin.get(&format!("{API}/export?format=json&{view}")).await;
    assert_eq!(file.header("content-type"), "application/json");
    assert_eq!(file.json(), rows);
    let file = admin.get(&format!("{API}/export?format=yaml&{view}")).await;
    assert_eq!(file.header("content-type"), "application/yaml");
    let parsed: Value = serde_saphyr::from_str(&file.text).expect("the file is YAML");
    assert_eq!(parsed, rows, "{}", file.text);

    let none = "filter[level]=12345";
    let empty = admin.get(&format!("{API}/export?format=json&{none}")).await;
    assert_eq!(empty.json(), json!([]));
    let empty = admin.get(&format!("{API}/export?format=yaml&{none}")).await;
    assert_eq!(empty.text, "[]\n");
    drop(server);
}

async fn export_of_many_rows_contains_each_once(database: Database) {
    let (server, admin) = with_measurements(database, 1_234).await;
    for format in ["csv", "json"] {
        let file = admin
            .get(&format!("{API}/export?format={format}&sort=-level"))
            .await;
        let levels: Vec<String> = match format {
            "csv" => file
                .text
                .lines()
                .skip(1)
                .map(|line| {
                    line.split(',')
                        .nth(3)
                        .expect("there are columns")
                        .to_owned()
                })
                .collect(),
            _ => {
                let rows = file.json();
                let rows = rows.as_array().expect("the file is a list").clone();
                rows.iter().map(|row| row["level"].to_string()).collect()
            }
        };
        let expected: Vec<String> = (1..=1_234).rev().map(|level| level.to_string()).collect();
        assert_eq!(levels, expected, "{format}");
    }
    drop(server);
}

async fn invalid_export_names_its_cause(database: Database) {
    let (server, admin) = with_measurements(database, 1).await;
    for (query, pointer) in [
        ("", "/format"),
        ("format=xlsx", "/format"),
        ("format=csv&columns=id,nope", "/columns"),
        ("format=csv&filter[nope]=1", "/filter[nope]"),
        ("format=csv&sort=nope", "/sort"),
    ] {
        let response = admin.get(&format!("{API}/export?{query}")).await;
        let problem = response.problem(422, "invalid_parameters");
        assert_eq!(
            problem["errors"][0]["pointer"], pointer,
            "{query} {problem}"
        );
    }
    drop(server);
}

async fn export_link_downloads_the_file_and_is_recorded(database: Database) {
    let (server, admin) = with_measurements(database, 3).await;
    let page = admin
        .page(&format!("{PAGE}?search=S2&sort=-level&page=1"))
        .await;
    let links = crate::support::attributes(&page.text, "#rows-export a", "href");
    assert_eq!(links.len(), 3, "{links:?}");
    let mut client = CookieClient::of(&server.url, &admin);
    let file = client.page(&links[0]).await;
    assert_eq!(file.status, 200, "{}", file.text);
    assert!(file.text.ends_with("2,S2,passed,2,,,\r\n"), "{}", file.text);
    assert_eq!(file.text.lines().count(), 2);
    let audit = admin
        .get("/api/admin/audit?target=measurement")
        .await
        .json();
    let entry = &audit["items"][0];
    assert_eq!(entry["action"], "measurement.export", "{audit}");
    assert_eq!(entry["details"]["format"], "csv", "{audit}");
    drop(server);
}
