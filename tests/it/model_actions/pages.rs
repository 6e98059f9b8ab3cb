//! Actions in lists and drawers, without scripts.

use serde_json::json;

use super::{audit, invoice, numbered, sign_in, stored};
use crate::support::{CookieClient, Database, TestServer, on_both};

on_both!(
    list_offers_permitted_actions,
    form_shows_arguments_confirmation_and_errors,
    result_is_a_message_or_a_report,
    all_rows_that_match_are_confirmed_by_number,
    action_on_a_record_returns_to_its_page,
);

const LIST: &str = "/admin/settings/invoice";

fn confirm(action: &str) -> String {
    format!("{LIST}/actions/{action}/confirm")
}

/// Asserts that a page contains a text if and only if `expected` is `true`.
#[track_caller]
fn shows(page: &str, text: &str, expected: bool) {
    let main = page.split("<main").last().unwrap_or_default();
    assert_eq!(page.contains(text), expected, "{text}: {main}");
}

async fn list_offers_permitted_actions(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let id = numbered(&admin, "1").await;
    for (role, pays, approves, cleans) in [
        ("ADMIN", true, true, true),
        ("SALES", true, false, false),
        ("FINANCE", false, true, false),
    ] {
        let client = sign_in(&server, &admin, role).await;
        let page = client.page(LIST).await.text;
        let row = format!("name=\"id\" value=\"{id}\"");
        shows(&page, &row, pays || approves);
        shows(&page, "mark_paid/confirm", pays);
        shows(&page, "approve/confirm", approves);
        shows(&page, "clean_up/confirm", cleans);
        shows(&page, "Actions on all rows that match", pays || cleans);
        shows(&page, "data-select-all", pays || cleans);
        shows(&page, "actions/delete/confirm", role == "ADMIN");
        let drawer = client.page(&format!("{LIST}?edit={id}")).await.text;
        shows(&drawer, "id=\"record-actions\"", true);
    }
    let plans = admin.page("/admin/settings/plan").await.text;
    shows(&plans, "start-action", false);
    server.stop().await;
}

async fn form_shows_arguments_confirmation_and_errors(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let (first, second) = (numbered(&admin, "A1").await, numbered(&admin, "A2").await);
    let (first, second) = (first.to_string(), second.to_string());
    let mut browser = CookieClient::of(&server.url, &admin);
    let ids = [("id", first.as_str()), ("id", second.as_str())];
    let page = browser.submit(&confirm("mark_paid"), &ids).await;
    assert_eq!(page.status, 200, "{}", page.text);
    for text in [
        "Mark 2 invoices as paid?",
        "Credit notes cannot be paid.",
        "name=\"args.paid_on\"",
        "Day of the payment",
        "<li>A1</li>",
    ] {
        shows(&page.text, text, true);
    }
    let run = format!("{LIST}/actions/mark_paid");
    let fields = [
        ids[0],
        ids[1],
        ("args.paid_on", "yesterday"),
        ("args.least", "0"),
    ];
    let page = browser.submit(&run, &fields).await;
    assert_eq!(page.status, 422, "{}", page.text);
    shows(&page.text, "value=\"yesterday\"", true);
    shows(&page.text, "ust be a date", true);
    shows(&page.text, "Mark 2 invoices as paid?", true);
    let fields = [ids[0], ("args.paid_on", "1999-12-31"), ("args.least", "1")];
    let page = browser.submit(&run, &fields).await;
    assert_eq!(page.status, 422, "{}", page.text);
    shows(&page.text, "ust be after 1999", true);
    let none = browser.submit(&confirm("mark_paid"), &[]).await;
    assert_eq!((none.status.as_u16(), none.location()), (303, LIST));
    let unknown = browser.submit(&confirm("nothing"), &ids).await;
    assert_eq!(unknown.status, 404);
    let sales = sign_in(&server, &admin, "SALES").await;
    let mut sales = CookieClient::of(&server.url, &sales);
    for path in [confirm("clean_up"), format!("{LIST}/actions/clean_up")] {
        assert_eq!(sales.submit(&path, &ids).await.status, 403, "{path}");
    }
    assert!(audit(&admin, "mark_paid").await.is_empty());
    server.stop().await;
}

async fn result_is_a_message_or_a_report(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let id = numbered(&admin, "A1").await;
    let small = invoice(&admin, json!({"number": "<small>", "amount": 0})).await;
    let (id_text, small) = (id.to_string(), small.to_string());
    let mut browser = CookieClient::of(&server.url, &admin);
    let run = format!("{LIST}/actions/mark_paid?search=A");
    let day = ("args.paid_on", "2026-05-01");
    let done = browser.submit(&run, &[("id", &id_text), day]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert_eq!(done.location(), format!("{LIST}?search=A"));
    let page = browser.page(LIST).await;
    shows(&page.text, "Mark as paid: 1 invoice changed", true);
    assert_eq!(stored(&admin, id).await["state"], "paid");

    let fields = [("id", id_text.as_str()), ("id", &small), ("id", "999"), day];
    let report = browser.submit(&run, &fields).await;
    assert_eq!(report.status, 200, "{}", report.text);
    for text in [
        "No invoice changed, 1 unchanged, 2 failed.",
        "&lt;small&gt;</a><p class=\"pt-hint\">the amount is too small",
        "<li>999<p class=\"pt-hint\">the row does not exist",
    ] {
        shows(&report.text, text, true);
    }
    // An action without arguments and confirmation runs directly, here with an error.
    let broken = numbered(&admin, "broken").await.to_string();
    let ids = [("id", id_text.as_str()), ("id", &broken)];
    let report = browser.submit(&confirm("clean_up"), &ids).await;
    assert_eq!(report.status, 409, "{}", report.text);
    shows(
        &report.text,
        "The action stopped early: the action failed half-way.",
        true,
    );
    shows(&report.text, "1 invoice changed, 1 unchanged.", true);
    server.stop().await;
}

async fn all_rows_that_match_are_confirmed_by_number(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    for number in 0..30 {
        numbered(&admin, &format!("A{number}")).await;
    }
    let kept = numbered(&admin, "B").await;
    let mut browser = CookieClient::of(&server.url, &admin);
    let query = "?filter%5Bnumber%5D%5Bcontains%5D=A";
    let all = ("select", "all");
    let page = browser
        .submit(&format!("{}{query}", confirm("mark_paid")), &[all])
        .await;
    shows(&page.text, "Mark 30 invoices as paid?", true);
    shows(&page.text, "name=\"confirm\" value=\"30\"", true);
    shows(&page.text, "and 10 more", true);
    numbered(&admin, "A30").await;
    let run = format!("{LIST}/actions/mark_paid{query}");
    let fields = |count: &'static str| [all, ("confirm", count), ("args.paid_on", "2026-05-01")];
    let changed = browser.submit(&run, &fields("30")).await;
    assert_eq!(changed.status, 409, "{}", changed.text);
    shows(&changed.text, "The number of rows has changed.", true);
    shows(&changed.text, "value=\"2026-05-01\"", true);
    shows(&changed.text, "Mark 31 invoices as paid?", true);
    let done = browser.submit(&run, &fields("31")).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let open = admin
        .get("/api/admin/models/invoice?filter[state]=open")
        .await
        .json();
    assert_eq!(
        (&open["total"], &open["items"][0]["id"]),
        (&json!(1), &json!(kept))
    );
    // The action is offered only for one row.
    let wrong = browser.submit(&confirm("approve"), &[all]).await;
    assert_eq!(wrong.status, 303);
    let page = browser.page(LIST).await;
    shows(
        &page.text,
        "Not started: the action runs only on one row",
        true,
    );
    server.stop().await;
}

async fn action_on_a_record_returns_to_its_page(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let id = numbered(&admin, "A1").await;
    let record = format!("{LIST}/rows/{id}");
    let mut browser = CookieClient::of(&server.url, &admin);
    let page = browser.page(&record).await.text;
    shows(&page, "mark_paid/confirm?at=record", true);
    shows(&page, "clean_up/confirm", false);
    let id_text = id.to_string();
    let fields = [("id", id_text.as_str()), ("args.paid_on", "2026-05-01")];
    let query = "?at=record&list=search%3DA";
    let form = browser
        .submit(&format!("{}{query}", confirm("mark_paid")), &fields)
        .await;
    shows(&form.text, "Parts of the record", true);
    shows(&form.text, "/actions/mark_paid?at=record", true);
    let run = format!("{LIST}/actions/mark_paid{query}");
    let done = browser.submit(&run, &fields).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert_eq!(done.location(), format!("{record}?list=search%3DA"));
    let history = browser.page(&format!("{record}?tab=history")).await.text;
    shows(&history, "Mark as paid", true);
    shows(&history, "invoice.mark_paid", false);
    let deleted = format!("{LIST}/actions/clean_up{query}");
    let deleted = browser.submit(&deleted, &fields[..1]).await;
    assert_eq!(
        deleted.location(),
        format!("{LIST}?search=A"),
        "{}",
        deleted.status
    );
    server.stop().await;
}
