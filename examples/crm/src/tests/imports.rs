//! The import of contacts.

use portal_core::prelude::*;

use super::start;
use crate::models::{Company, Contact};
use crate::tasks::imports::{ImportArgs, ImportReport, import_contacts};

async fn import(portal: &Portal, csv: &str) -> Result<ImportReport, TaskError> {
    let tasks = portal.state().get::<Tasks>().unwrap();
    let args = ImportArgs {
        csv: csv.to_owned(),
    };
    let handle = tasks.enqueue(import_contacts, args).await.unwrap();
    handle.result().await
}

#[tokio::test]
async fn import_rejects_invalid_rows_with_reasons() {
    let portal = start().await;
    let csv = "email,name,company,phone\n\
        ann@example.com, Ann ,Kraus Logistik,\n\
        nobody,Bob,Kraus Logistik,\n\
        ANN@example.com,Ann Two,Kraus Logistik,\n\
        cleo@example.com,,Kraus Logistik,\n\
        too,few\n";
    let report = import(&portal, csv).await.unwrap();
    assert_eq!((report.added, report.updated, report.unchanged), (1, 0, 0));
    let rejected: Vec<_> = report
        .rejected
        .iter()
        .map(|row| (row.line, row.reason.as_str()))
        .collect();
    let expected = [
        (3, "email: "),
        (4, "line 2 has"),
        (5, "name: "),
        (6, "the number of values"),
    ];
    assert_eq!(rejected.len(), expected.len(), "{rejected:?}");
    for ((line, reason), (expected_line, start)) in rejected.iter().zip(expected) {
        assert_eq!(*line, expected_line);
        assert!(reason.starts_with(start), "{reason}");
    }
    portal.shutdown().await;
}

#[tokio::test]
async fn import_changes_only_what_differs() {
    let portal = start().await;
    let csv = "name,email,company,phone\nAnn,ann@example.com,Kraus Logistik,1\n";
    assert_eq!(import(&portal, csv).await.unwrap().added, 1);
    assert_eq!(import(&portal, csv).await.unwrap().unchanged, 1);
    let changed = "name,email,company\nAnn Berg,ann@example.com,Nordvind\n";
    assert_eq!(import(&portal, changed).await.unwrap().updated, 1);

    let models = portal.state().get::<Models>().unwrap();
    let contacts = models.all::<Contact>().await.unwrap();
    let companies = models.all::<Company>().await.unwrap();
    assert_eq!((contacts.len(), companies.len()), (1, 2));
    assert_eq!(contacts[0].name, "Ann Berg");
    assert_eq!(contacts[0].company_id, companies[1].id);
    assert_eq!(
        contacts[0].phone.as_deref(),
        Some("1"),
        "an empty value keeps the stored one"
    );
    portal.shutdown().await;
}

#[tokio::test]
async fn file_without_a_required_column_is_rejected() {
    let portal = start().await;
    let error = import(&portal, "name,company\nAnn,Kraus\n")
        .await
        .unwrap_err();
    assert_eq!(error.message(), "the column `email` is missing");
    assert!(
        import(&portal, "").await.unwrap().added > 0,
        "the sample is imported"
    );
    portal.shutdown().await;
}
