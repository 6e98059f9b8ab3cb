//! Adding, changing and deleting rows, as through REST and from code.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Plan, Subscription, models, names, rows, values, with_plans};
use crate::admin::precondition::Precondition;
use crate::admin::selection::RowSelection;
use crate::admin::spec::RowValues;
use crate::error::Error;

fn pointers(error: &Error) -> Vec<&str> {
    error
        .field_errors()
        .iter()
        .map(|error| error.pointer.as_str())
        .collect()
}

#[tokio::test]
async fn new_row_gets_key_defaults_and_version() {
    let models = models().await;
    let record = rows(&models, "plan")
        .await
        .create(values(json!({"name": "Basic"})))
        .await
        .unwrap();
    assert_eq!(record.values["id"], 1);
    assert_eq!(record.values["tier"], "free");
    assert_eq!(record.values["seats"], Value::Null);
    assert_eq!(record.values["settings"], json!({}));
    assert!(record.values["created_at"].is_string());
    assert_eq!(record.etag(), "\"1\"");
}

#[tokio::test]
async fn all_errors_of_a_row_are_reported_at_once() {
    let models = models().await;
    let body = json!({"tier": "gold", "seats": 70_000, "settings": [], "created_at": "2020-01-01T00:00:00Z", "colour": "red"});
    let error = rows(&models, "plan")
        .await
        .create(values(body))
        .await
        .unwrap_err();
    assert_eq!(error.status(), 422);
    assert_eq!(
        pointers(&error),
        [
            "/created_at",
            "/colour",
            "/name",
            "/tier",
            "/seats",
            "/settings"
        ]
    );
}

#[tokio::test]
async fn unique_violation_names_the_field() {
    let models = with_plans().await;
    let error = rows(&models, "plan")
        .await
        .create(values(json!({"name": "Basic"})))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "not_unique");
    assert_eq!(pointers(&error), ["/name"]);
    let expected = Precondition::OneOf(vec![1]);
    let change = values(json!({"name": "Basic"}));
    let error = rows(&models, "plan")
        .await
        .change("2", &expected, change, false)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), pointers(&error)),
        ("not_unique", vec!["/name"])
    );
}

#[tokio::test]
async fn change_requires_the_current_version() {
    let models = with_plans().await;
    let rows = rows(&models, "plan").await;
    let expected = Precondition::OneOf(vec![1]);
    let changed = rows
        .change("1", &expected, values(json!({"seats": 2})), false)
        .await
        .unwrap();
    assert_eq!(
        (changed.row.etag().as_str(), &changed.row.values["seats"]),
        ("\"2\"", &json!(2))
    );
    let error = rows
        .change("1", &expected, values(json!({"seats": 3})), false)
        .await
        .unwrap_err();
    assert_eq!((error.status().as_u16(), error.code()), (412, "stale"));
    let same = rows
        .change("1", &Precondition::Any, values(json!({"seats": 2})), false)
        .await
        .unwrap();
    assert_eq!(same.row.etag(), "\"2\"", "nothing was changed");
    let error = rows.delete("1", &expected).await.unwrap_err();
    assert_eq!(error.code(), "stale");
    let error = rows
        .change("99", &expected, RowValues::new(), false)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "row_not_found");
    assert_eq!(
        rows.get("no number").await.unwrap_err().code(),
        "row_not_found"
    );
    rows.delete("1", &Precondition::OneOf(vec![2]))
        .await
        .unwrap();
    assert_eq!(rows.get("1").await.unwrap_err().code(), "row_not_found");
}

#[tokio::test]
async fn full_change_resets_omitted_and_keeps_read_only_values() {
    let models = with_plans().await;
    let rows = rows(&models, "plan").await;
    let before = rows.get("2").await.unwrap().values;
    let after = rows
        .change(
            "2",
            &Precondition::Any,
            values(json!({"name": "Star", "id": 2})),
            true,
        )
        .await
        .unwrap()
        .row
        .values;
    assert_eq!(after["tier"], "free");
    assert_eq!(after["seats"], Value::Null);
    assert_eq!(after["created_at"], before["created_at"]);
    let error = rows
        .change(
            "2",
            &Precondition::Any,
            values(json!({"id": 3, "created_at": null})),
            true,
        )
        .await
        .unwrap_err();
    assert_eq!(pointers(&error), ["/id", "/created_at", "/name"]);
}

#[tokio::test]
async fn referenced_row_is_not_deleted() {
    let models = with_plans().await;
    let subscriptions = rows(&models, "subscription").await;
    let body = values(json!({"name": "Ann", "plan_id": 1}));
    let subscription = subscriptions.create(body).await.unwrap();
    let error = rows(&models, "plan")
        .await
        .delete("1", &Precondition::Any)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "referenced");
    let keys = ["2".to_owned(), "1".to_owned()];
    let error = rows(&models, "plan")
        .await
        .delete_all(&RowSelection::Keys(keys.to_vec()))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "referenced");
    assert_eq!(names(&models, "").await.len(), 3, "all or none");
    let error = subscriptions
        .create(values(json!({"name": "Bob", "plan_id": 9})))
        .await
        .unwrap_err();
    assert_eq!(
        (error.status().as_u16(), pointers(&error)),
        (422, vec!["/plan_id"])
    );
    let key = subscription.values["id"].as_str().unwrap().to_owned();
    assert_eq!(
        subscriptions
            .delete_all(&RowSelection::Keys(vec![key, Uuid::nil().to_string()]))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        rows(&models, "plan")
            .await
            .delete_all(&RowSelection::Keys(keys.to_vec()))
            .await
            .unwrap(),
        2
    );
}

#[tokio::test]
async fn code_reads_and_writes_rows_by_type() {
    let models = models().await;
    let plan = Plan {
        id: None,
        name: "Basic".to_owned(),
        tier: "pro".to_owned(),
        seats: Some(3),
        settings: values(json!({"a": [1, {"b": null}]})),
        created_at: crate::store::now(),
    };
    let stored = models.insert(&plan).await.unwrap();
    assert_eq!(
        stored,
        Plan {
            id: Some(1),
            ..plan.clone()
        }
    );
    assert_eq!(
        models.get::<Plan>(1_i64).await.unwrap(),
        Some(stored.clone())
    );
    let changed = Plan {
        seats: None,
        ..stored
    };
    models.update(&changed).await.unwrap();
    assert_eq!(
        models.find_by::<Plan>("name", "Basic").await.unwrap(),
        Some(changed.clone())
    );
    assert_eq!(models.all::<Plan>().await.unwrap(), [changed]);
    let subscription = Subscription {
        id: Uuid::nil(),
        name: "Ann".to_owned(),
        plan_id: 1,
    };
    assert!(!models.insert(&subscription).await.unwrap().id.is_nil());
    let given = Plan {
        id: Some(7),
        name: "Seven".to_owned(),
        ..plan
    };
    models.insert(&given).await.unwrap();
    let next = models
        .insert(&Plan {
            id: None,
            name: "Next".to_owned(),
            ..given
        })
        .await
        .unwrap();
    assert_eq!(next.id, Some(8), "keys continue after an assigned one");
    assert!(models.delete::<Plan>(8_i64).await.unwrap());
    assert!(!models.delete::<Plan>(8_i64).await.unwrap());
}
