//! Tests of the schema, the repository and [`RowService`] with an in-memory database.

mod defaults;
mod lists;
mod permissions;
mod rows;
mod schema;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::field::{AdminField, FieldSpec};
use super::model::{AdminModel, ModelOptions};
use super::models::Models;
use super::query::ListQuery;
use super::registry::ModelRegistry;
use super::row_service::RowService;
use super::spec::{ModelSpec, RowValues};
use super::tables::apply_models;
use super::values::FieldValues;
use crate::auth::{Actor, Role, Roles, User};
use crate::error::FieldError;
use crate::source::Source;
use crate::state::StateBuilder;
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
use model;

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
    // If a PostgreSQL server is set, the same tests run on it, each in a separate schema.
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
    apply_models(&store, &registry, &[]).await.unwrap();
    Models::new(store, registry)
}

/// Returns the rows of a model as an administrator sees them.
async fn rows<'a>(models: &Models, model: &str) -> RowService<'a> {
    let mut state = StateBuilder::default();
    state.insert(models.clone());
    // Tests need values that outlive the service, and there are few of them.
    let state = Box::leak(Box::new(state.build()));
    let admin = Box::leak(Box::new(User::for_tests(Role::Admin, &Roles::default())));
    let actor = Box::leak(Box::new(Actor::program("test")));
    RowService::open(state, model, admin, actor).await.unwrap()
}

fn values(value: Value) -> RowValues {
    match value {
        Value::Object(values) => values,
        other => panic!("{other} is not an object"),
    }
}

async fn names(models: &Models, query: &str) -> Vec<String> {
    let rows = rows(models, "plan").await;
    let query = ListQuery::parse(rows.model(), query).unwrap();
    let page = rows.list(&query).await.unwrap();
    let name = |values: &RowValues| values["name"].as_str().unwrap().to_owned();
    page.rows.iter().map(|it| name(&it.values)).collect()
}

async fn with_plans() -> Models {
    let models = models().await;
    let rows = rows(&models, "plan").await;
    for plan in [
        json!({"name": "Basic", "seats": 1}),
        json!({"name": "ÉTOILE", "tier": "pro", "seats": 10}),
        json!({"name": "100%", "tier": "pro", "settings": {"colour": "red"}}),
    ] {
        rows.create(values(plan)).await.unwrap();
    }
    models
}
