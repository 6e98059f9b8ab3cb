//! Page of a record: tabs, links, forms and redirects.

use serde_json::json;

use super::{add, add_office, add_region, submit};
use crate::support::{Database, TestServer, on_both};

on_both!(
    page_shows_the_form_and_leads_back_to_the_list,
    tabs_show_the_rows_that_refer_to_the_record,
    history_shows_titles_and_labels,
    form_on_the_page_returns_to_the_page,
    new_row_of_a_tab_returns_to_the_tab,
    keys_do_not_collide_with_actions,
);

const REGION: &str = "/admin/settings/region";
const OFFICE: &str = "/admin/settings/office";

async fn page_shows_the_form_and_leads_back_to_the_list(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    add_region(&admin, "n/1", "North <one>").await;
    let list = admin
        .page(&format!("{REGION}?search=north&edit=n%2F1"))
        .await;
    let record = format!("{REGION}/rows/n%2F1?list=search%3Dnorth");
    assert!(
        list.text.contains(&format!("href=\"{record}\"")),
        "{}",
        list.text
    );
    let page = admin.page(&record).await;
    assert_eq!(page.status, 200, "{}", page.text);
    for part in [
        "<h1>North &lt;one&gt;</h1>",
        "<title>North &lt;one&gt;",
        "href=\"/admin/settings/region?search=north\"",
        "name=\"name\"",
        "data-guard",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let missing = admin.page(&format!("{REGION}/rows/none")).await;
    assert_eq!(missing.status, 404);
    let user = server.user().await;
    assert_eq!(user.page(&record).await.status, 403);
    assert_eq!(server.guest().page(&record).await.status, 303);
    server.stop().await;
}

async fn tabs_show_the_rows_that_refer_to_the_record(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    add_region(&admin, "north", "North").await;
    add_region(&admin, "south", "South").await;
    for number in 0..21 {
        add_office(&admin, &format!("Office {number:02}"), "north").await;
    }
    let backup = json!({"name": "Both", "region": "south", "backup": "north"});
    let both = add(&admin, "office", backup).await;
    let record = format!("{REGION}/rows/north");
    let page = admin.page(&record).await.text;
    for part in ["Offices (Region)", "Offices (Backup)", ">History<"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let tab = format!("{record}?tab=office.region");
    let page = admin.page(&tab).await.text;
    assert!(
        page.contains("Office 00") && page.contains("Office 19"),
        "{page}"
    );
    assert!(
        !page.contains("Office 20") && !page.contains("Both"),
        "{page}"
    );
    let filtered = "/admin/settings/office?filter%5Bregion%5D=north";
    assert!(page.contains(&format!("href=\"{filtered}\"")), "{page}");
    let page = admin.page(&format!("{tab}&page=2")).await.text;
    assert!(
        page.contains("Office 20") && !page.contains("Office 00"),
        "{page}"
    );
    let page = admin.page(&format!("{tab}&page=900")).await.text;
    assert!(page.contains("Office 20"), "{page}");
    let page = admin
        .page(&format!("{record}?tab=office.backup"))
        .await
        .text;
    assert!(
        page.contains("Both") && !page.contains("Office 00"),
        "{page}"
    );
    // The label of the other region leads to its page.
    let south = format!("href=\"{REGION}/rows/south\">South</a>");
    assert!(page.contains(&south), "{page}");
    assert!(
        page.contains(&format!("href=\"{OFFICE}/rows/{both}?")),
        "{page}"
    );
    let unknown = admin.page(&format!("{record}?tab=plan.name&page=x")).await;
    assert_eq!(unknown.status, 200);
    assert!(unknown.text.contains("name=\"name\""));
    server.stop().await;
}

async fn history_shows_titles_and_labels(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    add_region(&admin, "north", "North").await;
    add_region(&admin, "south", "South").await;
    let id = add_office(&admin, "Harbor", "north").await;
    let update = format!("{OFFICE}/rows/{id}/update?at=record");
    let fields = [
        ("_version", "1"),
        ("name", "Harbor"),
        ("region", "south"),
        ("size", "large"),
    ];
    let saved = submit(&admin, &update, &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let history = admin
        .page(&format!("{OFFICE}/rows/{id}?tab=history"))
        .await
        .text;
    let row = history.split("Changed").nth(1).unwrap_or_default();
    for part in ["Region:", ">North</a>", " → ", ">South</a>", "Size:"] {
        assert!(row.contains(part), "{part}: {history}");
    }
    assert!(
        history.contains("Created") && history.contains("Test Person"),
        "{history}"
    );
    let audit = admin.page("/admin/audit").await.text;
    assert!(audit.contains(">South</a>"), "{audit}");
    assert!(
        audit.contains(&format!("href=\"{OFFICE}/rows/{id}\"")),
        "{audit}"
    );
    server.stop().await;
}

async fn form_on_the_page_returns_to_the_page(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    add_region(&admin, "north", "North").await;
    let record = format!("{REGION}/rows/north?list=page%3D2");
    let action = |name: &str| format!("{REGION}/rows/north/{name}?at=record&list=page%3D2");
    let page = admin.page(&record).await.text;
    let form = page.split("data-record").next().unwrap_or_default();
    assert!(
        form.contains(&action("update").replace('&', "&amp;")),
        "{page}"
    );
    let saved = submit(
        &admin,
        &action("update"),
        &[("_version", "1"), ("name", "N")],
    )
    .await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    assert_eq!(saved.location(), record.as_str());

    let stale = [("_version", "1"), ("_was.name", "x"), ("name", "Mine")];
    let conflict = submit(&admin, &action("update"), &stale).await;
    assert_eq!(conflict.status, 412);
    for part in ["<h1>N</h1>", "pt-conflict", "data-record", "Mine"] {
        assert!(conflict.text.contains(part), "{part}: {}", conflict.text);
    }
    assert!(!conflict.text.contains("id=\"row\""), "{}", conflict.text);

    // Signing in again leads to the page.
    let opened = admin.page(&action("update")).await;
    assert_eq!(opened.status, 303, "{}", opened.text);
    assert_eq!(opened.location(), record.as_str());

    add_office(&admin, "Harbor", "north").await;
    let refused = submit(&admin, &action("delete"), &[("_version", "2")]).await;
    assert_eq!(refused.status, 303, "{}", refused.text);
    assert_eq!(refused.location(), record.as_str());
    add_region(&admin, "south", "South").await;
    let delete = format!("{REGION}/rows/south/delete?at=record&list=page%3D2");
    let deleted = submit(&admin, &delete, &[("_version", "1")]).await;
    let list = format!("{REGION}?page=2");
    assert_eq!(deleted.status, 303, "{}", deleted.text);
    assert_eq!(deleted.location(), list.as_str());
    // Input is kept if the record was deleted.
    let lost = format!("{REGION}/rows/south/update?at=record");
    let lost = submit(&admin, &lost, &[("_version", "1"), ("name", "Kept")]).await;
    assert_eq!(lost.status, 404);
    assert!(lost.text.contains("Kept") && lost.text.contains("was deleted"));
    server.stop().await;
}

async fn new_row_of_a_tab_returns_to_the_tab(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    add_region(&admin, "north", "North").await;
    let tab = format!("{REGION}/rows/north?list=page%3D2&tab=office.region");
    let page = admin.page(&format!("{tab}&new=1")).await.text;
    assert!(
        page.contains("<h1>North</h1>") && page.contains("id=\"row\""),
        "{page}"
    );
    assert!(page.contains("<option value=\"north\" selected"), "{page}");
    let create = format!("{OFFICE}/create?at=region%3Anorth&list=page%3D2");
    assert!(page.contains(&create.replace('&', "&amp;")), "{page}");
    let invalid = submit(&admin, &create, &[("name", "A"), ("region", "nowhere")]).await;
    assert_eq!(invalid.status, 422);
    for part in ["<h1>North</h1>", "id=\"row\"", "must be the key"] {
        assert!(invalid.text.contains(part), "{part}: {}", invalid.text);
    }
    let added = submit(&admin, &create, &[("name", "Harbor"), ("region", "north")]).await;
    assert_eq!(added.status, 303, "{}", added.text);
    assert!(
        added.location().starts_with(&format!("{tab}#")),
        "{}",
        added.location()
    );
    // An unknown place leads to the list.
    let create = format!("{OFFICE}/create?at=name%3Anorth");
    let added = submit(&admin, &create, &[("name", "Pier"), ("region", "north")]).await;
    assert!(
        added.location().starts_with(&format!("{OFFICE}?")),
        "{}",
        added.location()
    );
    server.stop().await;
}

async fn keys_do_not_collide_with_actions(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    for key in ["create", "rows", "a b/c?d", "ü"] {
        add_region(&admin, key, &format!("Named {}", key.len())).await;
    }
    for (key, len) in [
        ("create", 6),
        ("rows", 4),
        ("a%20b%2Fc%3Fd", 7),
        ("%C3%BC", 2),
    ] {
        let page = admin.page(&format!("{REGION}/rows/{key}")).await;
        assert_eq!(page.status, 200, "{key}");
        assert!(
            page.text.contains(&format!("<h1>Named {len}</h1>")),
            "{}",
            page.text
        );
    }
    let short = admin.page(&format!("{REGION}/%C3%BC")).await;
    let record = format!("{REGION}/rows/%C3%BC");
    assert_eq!(short.status, 303, "{}", short.text);
    assert_eq!(short.location(), record.as_str());
    server.stop().await;
}
