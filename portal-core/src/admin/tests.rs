//! Schema and repository on an in-memory database, with REST-like steps through [`Rows`].

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::defaults::DefaultRows;
use super::field::{AdminField, FieldSpec};
use super::model::{AdminModel, ModelOptions};
use super::models::Models;
use super::precondition::Precondition;
use super::query::ListQuery;
use super::registry::ModelRegistry;
use super::row_service::RowService;
use super::spec::{ModelSpec, RowValues};
use super::tables::{apply_models, model_drift};
use super::values::FieldValues;
use crate::auth::Actor;
use crate::error::{Error, FieldError};
use crate::source::Source;
use crate::store::Store;

macro_rules! model {
    ($name:ident, $table:literal, { $($field:ident: $type:ty => $spec:expr),* $(,)? }, $options:expr) => {
        #[derive(Debug, Clone, PartialEq)]
        struct $name { $($field: $type),* }

        impl AdminModel for $name {
            const SOURCE: Source = crate::source!($name);
            const NAME: &'static str = $table;
            const TITLE: &'static str = stringify!($name);
            const PLURAL: &'static str = stringify!($name);
            const DESCRIPTION: &'static str = "";
            const OPTIONS: ModelOptions = $options;
            const FIELDS: &'static [FieldSpec] = &[$($spec),*];

            fn to_values(&self) -> Vec<Value> {
                vec![$(self.$field.to_value()),*]
            }

            fn from_values(mut values: FieldValues) -> Result<Self, Vec<FieldError>> {
                let mut fields = Self::FIELDS.iter();
                $(let $field = fields.next().and_then(|field| values.take::<$type>(field));)*
                match ($($field,)*) {
                    ($(Some($field),)*) => Ok(Self { $($field),* }),
                    _ => Err(values.into_errors()),
                }
            }
        }
    };
}

const NO_OPTIONS: ModelOptions = ModelOptions {
    list: &[],
    search: &[],
    order_by: &[("name", false)],
    read_only: false,
};

model!(Plan, "plan", {
    id: Option<i64> => FieldSpec::new::<Option<i64>>("id").primary_key(),
    name: String => FieldSpec::new::<String>("name").unique(),
    tier: String => FieldSpec::new::<String>("tier").choices(&["free", "pro"]).default_text("free"),
    seats: Option<i16> => FieldSpec::new::<Option<i16>>("seats"),
    settings: Map<String, Value> => FieldSpec::new::<Map<String, Value>>("settings"),
    created_at: chrono::DateTime<chrono::Utc> => FieldSpec::new::<chrono::DateTime<chrono::Utc>>("created_at").read_only(),
}, NO_OPTIONS);

model!(Subscription, "subscription", {
    id: Uuid => FieldSpec::new::<Uuid>("id").primary_key(),
    name: String => FieldSpec::new::<String>("name"),
    plan_id: i64 => FieldSpec::new::<i64>("plan_id").references("plan"),
}, NO_OPTIONS);

async fn models() -> Models {
    // A server can be set to run the same tests on PostgreSQL, each in a separate schema.
    let store = match std::env::var("PORTAL_ADMIN_TEST_POSTGRES") {
        Ok(uri) => {
            let schema = format!("t{}", Uuid::new_v4().simple());
            let store = Store::connect(&uri).await.unwrap();
            store
                .run_script(&format!("CREATE SCHEMA {schema}"))
                .await
                .unwrap();
            Store::connect(&format!("{uri}?options=-csearch_path%3D{schema}"))
                .await
                .unwrap()
        }
        Err(_) => Store::connect("sqlite::memory:").await.unwrap(),
    };
    let (registry, problems) =
        ModelRegistry::new([ModelSpec::of::<Subscription>(), ModelSpec::of::<Plan>()]);
    assert_eq!(problems, Vec::<String>::new());
    store.migrate().await.unwrap();
    apply_models(&store, &registry).await.unwrap();
    Models::new(store, registry)
}

fn rows<'a>(models: &'a Models, model: &str) -> RowService<'a> {
    RowService::Table(models.table(model).unwrap())
}

fn values(value: Value) -> RowValues {
    match value {
        Value::Object(values) => values,
        other => panic!("{other} is not an object"),
    }
}

fn pointers(error: &Error) -> Vec<&str> {
    error
        .field_errors()
        .iter()
        .map(|error| error.pointer.as_str())
        .collect()
}

async fn names(models: &Models, query: &str) -> Vec<String> {
    let rows = rows(models, "plan");
    let query = ListQuery::parse(rows.model(), query).unwrap();
    let page = rows.list(&query).await.unwrap();
    let name = |values: &RowValues| values["name"].as_str().unwrap().to_owned();
    page.records.iter().map(|it| name(&it.values)).collect()
}

async fn with_plans() -> Models {
    let models = models().await;
    let rows = rows(&models, "plan");
    for plan in [
        json!({"name": "Basic", "seats": 1}),
        json!({"name": "ÉTOILE", "tier": "pro", "seats": 10}),
        json!({"name": "100%", "tier": "pro", "settings": {"colour": "red"}}),
    ] {
        rows.create(values(plan)).await.unwrap();
    }
    models
}

#[tokio::test]
async fn new_row_gets_key_defaults_and_version() {
    let models = models().await;
    let record = rows(&models, "plan")
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
        .create(values(json!({"name": "Basic"})))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "not_unique");
    assert_eq!(pointers(&error), ["/name"]);
    let expected = Precondition::OneOf(vec![1]);
    let change = values(json!({"name": "Basic"}));
    let error = rows(&models, "plan")
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
    let rows = rows(&models, "plan");
    let expected = Precondition::OneOf(vec![1]);
    let changed = rows
        .change("1", &expected, values(json!({"seats": 2})), false)
        .await
        .unwrap();
    assert_eq!(
        (changed.etag().as_str(), &changed.values["seats"]),
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
    assert_eq!(same.etag(), "\"2\"", "nothing was changed");
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
    let rows = rows(&models, "plan");
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
    let subscriptions = rows(&models, "subscription");
    let body = values(json!({"name": "Ann", "plan_id": 1}));
    let subscription = subscriptions.create(body).await.unwrap();
    let error = rows(&models, "plan")
        .delete("1", &Precondition::Any)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "referenced");
    let keys = ["2".to_owned(), "1".to_owned()];
    let error = rows(&models, "plan").delete_all(&keys).await.unwrap_err();
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
            .delete_all(&[key, Uuid::nil().to_string()])
            .await
            .unwrap(),
        1
    );
    assert_eq!(rows(&models, "plan").delete_all(&keys).await.unwrap(), 2);
}

#[tokio::test]
async fn lists_are_searched_sorted_and_filtered() {
    let models = with_plans().await;
    assert_eq!(names(&models, "search=bas").await, ["Basic"]);
    assert_eq!(names(&models, "search=Étoile").await, ["ÉTOILE"]);
    assert_eq!(
        names(&models, "search=%25").await,
        ["100%"],
        "not a wildcard"
    );
    assert_eq!(names(&models, "search=_").await, Vec::<String>::new());
    assert_eq!(
        names(&models, "sort=-seats,name").await,
        ["ÉTOILE", "Basic", "100%"]
    );
    assert_eq!(
        names(&models, "sort=seats").await,
        ["Basic", "ÉTOILE", "100%"]
    );
    assert_eq!(names(&models, "filter[seats][gte]=2").await, ["ÉTOILE"]);
    assert_eq!(names(&models, "filter[seats]=").await, ["100%"]);
    assert_eq!(
        names(&models, "sort=id&filter[seats][ne]=1").await,
        ["ÉTOILE", "100%"]
    );
    assert_eq!(
        names(
            &models,
            "sort=id&filter[tier][in]=pro,free&filter[id][lt]=3"
        )
        .await,
        ["Basic", "ÉTOILE"]
    );
    assert_eq!(
        names(&models, "filter[settings][contains]=RED").await,
        ["100%"]
    );
    assert_eq!(
        names(
            &models,
            "filter[created_at][gt]=2020-01-01T00:00:00Z&per_page=100"
        )
        .await
        .len(),
        3
    );
    assert_eq!(
        names(&models, "filter%5Bname%5D=Basic&page=1").await,
        ["Basic"]
    );
    assert_eq!(names(&models, "page=2").await, Vec::<String>::new());
}

#[tokio::test]
async fn all_errors_of_a_query_are_reported() {
    let models = models().await;
    let rows = rows(&models, "plan");
    let query = "page=0&per_page=30&sort=colour,settings&filter[colour]=red&filter[seats]=many&filter[name][like]=a&limit=5&page=1&filter[id][contains]=1";
    let error = ListQuery::parse(rows.model(), query).unwrap_err();
    let codes: Vec<&str> = error
        .field_errors()
        .iter()
        .map(|error| error.code.as_str())
        .collect();
    assert_eq!(
        codes,
        [
            "invalid_value",
            "not_allowed",
            "unknown_field",
            "unknown_field",
            "unknown_field",
            "invalid_type",
            "unknown_operator",
            "unknown_parameter",
            "duplicate",
            "not_allowed"
        ]
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

#[tokio::test]
async fn defaults_are_added_once() {
    let models = models().await;
    let defaults =
        DefaultRows::parse("plan:\n  - name: Basic\n    seats: 1\n  - {name: Pro, tier: pro}\n")
            .unwrap();
    assert_eq!(defaults.problems(models.registry()), Vec::<String>::new());
    let added = defaults
        .apply(models.store(), models.registry(), &Actor::command_line())
        .await
        .unwrap();
    assert_eq!(added["plan"], 2);
    let change = values(json!({"seats": 5}));
    rows(&models, "plan")
        .change("1", &Precondition::Any, change, false)
        .await
        .unwrap();
    let added = defaults
        .apply(models.store(), models.registry(), &Actor::command_line())
        .await
        .unwrap();
    assert_eq!(added["plan"], 0);
    assert_eq!(
        rows(&models, "plan").get("1").await.unwrap().values["seats"],
        5
    );
}

#[tokio::test]
async fn invalid_defaults_are_reported_with_model_and_row() {
    let models = models().await;
    let text = "plan:\n  - {name: A}\n  - {tier: gold}\nplans: []\nsubscription:\n  - {name: B, plan_id: 1}\n";
    let problems = DefaultRows::parse(text)
        .unwrap()
        .problems(models.registry());
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert_eq!(
        problems[0],
        "row 2 of `plan` in the defaults: /name must not be empty"
    );
    assert!(problems[2].contains("`plans`"), "{problems:#?}");
    assert!(
        problems[3].contains("no value in a unique field"),
        "{problems:#?}"
    );
    assert!(
        DefaultRows::parse("plan: 5")
            .unwrap_err()
            .contains("`plan`")
    );
    assert!(DefaultRows::parse("plan: [").unwrap_err().contains("line "));
}

model!(PlanBefore, "plan", {
    id: Option<i64> => FieldSpec::new::<Option<i64>>("id").primary_key(),
    name: Option<String> => FieldSpec::new::<Option<String>>("name"),
}, NO_OPTIONS);

model!(PlanAfter, "plan", {
    id: Option<i64> => FieldSpec::new::<Option<i64>>("id").primary_key(),
    name: String => FieldSpec::new::<String>("name"),
    tier: String => FieldSpec::new::<String>("tier").default_text("it's free").unique(),
    at: chrono::DateTime<chrono::Utc> => FieldSpec::new::<chrono::DateTime<chrono::Utc>>("at").default_text("now"),
    note: Option<f64> => FieldSpec::new::<Option<f64>>("note"),
    needed: i64 => FieldSpec::new::<i64>("needed"),
    on: bool => FieldSpec::new::<bool>("on").default_text("true"),
}, NO_OPTIONS);

#[tokio::test]
async fn columns_are_added_and_other_drift_is_reported() {
    let models = models().await;
    let store = models.store().clone();
    store.run_script("DROP TABLE subscription").await.unwrap();
    store.run_script("DROP TABLE plan").await.unwrap();
    let (before, _) = ModelRegistry::new([ModelSpec::of::<PlanBefore>()]);
    assert_eq!(
        model_drift(&store, &before).await.unwrap(),
        ["the table `plan` is missing"]
    );
    apply_models(&store, &before).await.unwrap();
    assert_eq!(
        model_drift(&store, &before).await.unwrap(),
        Vec::<String>::new()
    );
    let models = Models::new(store.clone(), before);
    models
        .insert(&PlanBefore {
            id: None,
            name: Some("A".to_owned()),
        })
        .await
        .unwrap();
    let (after, _) = ModelRegistry::new([ModelSpec::of::<PlanAfter>()]);
    for _ in 0..2 {
        apply_models(&store, &after).await.unwrap();
    }
    let drift = model_drift(&store, &after).await.unwrap();
    assert_eq!(drift.len(), 2, "{drift:#?}");
    assert!(drift[0].contains("`plan.name` is nullable"), "{drift:#?}");
    assert!(drift[1].contains("`plan.needed` is missing"), "{drift:#?}");
    store
        .run_script("ALTER TABLE plan ADD COLUMN needed bigint NOT NULL DEFAULT 4")
        .await
        .unwrap();
    let models = Models::new(store, after);
    let row = models.get::<PlanAfter>(1_i64).await.unwrap().unwrap();
    assert_eq!(
        (row.tier.as_str(), row.on, row.needed),
        ("it's free", true, 4)
    );
}

#[test]
fn registry_reports_all_problems() {
    model!(NoKey, "portal_x", {
        name: String => FieldSpec::new::<String>("name").default_text("a").read_only(),
        row_version: i64 => FieldSpec::new::<i64>("row_version").default_text("many"),
        plan: String => FieldSpec::new::<String>("plan").references("plan"),
    }, NO_OPTIONS);
    let (_, problems) = ModelRegistry::new([
        ModelSpec::of::<Plan>(),
        ModelSpec::of::<Plan>(),
        ModelSpec::of::<PlanBefore>(),
        ModelSpec::of::<NoKey>(),
        ModelSpec::of::<Subscription>(),
    ]);
    assert_eq!(problems.len(), 6, "{problems:#?}");
    assert!(
        problems[0].starts_with("two admin models are named `plan`"),
        "{problems:#?}"
    );
    assert!(problems[1].contains("reserved"), "{problems:#?}");
    assert!(problems[2].contains("no primary key"), "{problems:#?}");
    assert!(
        problems[3].contains("`portal_x.row_version`"),
        "{problems:#?}"
    );
    assert!(
        problems[4].contains("default of `portal_x.row_version`"),
        "{problems:#?}"
    );
    assert!(problems[5].contains("another type"), "{problems:#?}");
}
