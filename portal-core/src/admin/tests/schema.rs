//! Tables of models, and problems with models.

use serde_json::Value;

use super::{NO_OPTIONS, Plan, Subscription, model, models};
use crate::admin::field::{AdminField, FieldSpec};
use crate::admin::model::{AdminModel, ModelOptions};
use crate::admin::models::Models;
use crate::admin::registry::ModelRegistry;
use crate::admin::spec::ModelSpec;
use crate::admin::tables::{apply_models, model_drift};
use crate::admin::values::FieldValues;
use crate::error::FieldError;
use crate::source::Source;

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
    apply_models(&store, &before, &[]).await.unwrap();
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
        apply_models(&store, &after, &[]).await.unwrap();
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
    assert!(problems[5].contains("a different type"), "{problems:#?}");
}
