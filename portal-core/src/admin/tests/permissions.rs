//! Permissions that the declaration of a model contains, and the problems with them.

use serde_json::{Value, json};

use super::{NO_OPTIONS, Plan, Source, values};
use crate::admin::model_view::ModelView;
use crate::admin::precondition::Precondition;
use crate::admin::query::ListQuery;
use crate::admin::record::Record;
use crate::admin::registry::ModelRegistry;
use crate::admin::spec::ModelSpec;
use crate::admin::{
    AdminField, AdminModel, Column, ComputedField, FieldSpec, FieldValues, ModelOptions,
    ModelPolicy, Operation, Scope,
};
use crate::auth::{Access, Role, RoleDefinition, Roles, User};
use crate::error::{Error, FieldError, Result};
use crate::state::StateBuilder;

fn user(role: &str) -> User {
    let roles = Roles::new(vec![
        Role::custom("sales").into(),
        RoleDefinition::new("finance").permission("deals:read"),
    ]);
    User::for_tests(role.parse().unwrap(), &roles)
}

fn spec(policy: ModelPolicy) -> ModelSpec {
    ModelSpec {
        policy,
        ..ModelSpec::of::<Plan>()
    }
}

fn code(result: Result<()>) -> String {
    result.map_or_else(|error| error.code().to_owned(), |()| "ok".to_owned())
}

#[test]
fn operation_requires_its_rule_and_the_rule_for_viewing() {
    let policy = ModelPolicy::new(Access::role("sales"))
        .rule(Operation::Delete, Access::Admin)
        .rule(Operation::Create, Access::role("finance"))
        .deny(Operation::Import);
    let codes = |role: &str| {
        let user = user(role);
        [
            Operation::View,
            Operation::Change,
            Operation::Delete,
            Operation::Create,
            Operation::Import,
        ]
        .map(|operation| code(policy.check(operation, &user)))
    };
    let denied = "not_permitted";
    assert_eq!(codes("admin"), ["ok", "ok", "ok", "ok", denied]);
    assert_eq!(codes("sales"), ["ok", "ok", denied, denied, denied]);
    assert_eq!(codes("finance"), ["forbidden"; 5]);
    let read_only = policy.read_only();
    let change = read_only.check(Operation::Change, &user("admin"));
    assert_eq!(code(change), denied);
    assert_eq!(code(read_only.check(Operation::View, &user("sales"))), "ok");
}

#[test]
fn field_rules_narrow_each_other() {
    let policy = ModelPolicy::new(Access::role("sales"))
        .view_field("seats", Access::role("finance"))
        .change_field("tier", Access::permission("deals:read"))
        .change_field("seats", Access::role("sales"));
    let rights = |role: &str| {
        let user = user(role);
        ["name", "tier", "seats"].map(|name| {
            let field = Plan::FIELDS.iter().find(|it| it.name == name).unwrap();
            (policy.shows(field, &user), policy.lets_set(field, &user))
        })
    };
    let (none, view, all) = ((false, false), (true, false), (true, true));
    assert_eq!(rights("sales"), [all, view, none]);
    assert_eq!(rights("finance"), [all, all, view]);
    assert_eq!(rights("admin"), [all, all, all]);
}

#[test]
fn mistakes_in_policies_are_reported() {
    let sales = || ModelPolicy::new(Access::role("sales"));
    for (policy, problem) in [
        (
            sales().view_field("nope", Access::Admin),
            "a rule for `nope`",
        ),
        (
            sales().view_field("id", Access::Admin),
            "the primary key `plan.id`",
        ),
        (
            sales().rule(Operation::Export, Access::User),
            "open to everyone (`user`)",
        ),
        (
            sales().change_field("name", Access::Admin),
            "may set `plan.name`",
        ),
        (
            sales().view_field("name", Access::role("finance")),
            "may set `plan.name`",
        ),
    ] {
        let (_, problems) = ModelRegistry::new([spec(policy)]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(problem), "{problems:?}");
    }
    for policy in [
        sales().change_field("name", Access::role("sales")),
        sales().change_field("tier", Access::Admin),
        sales()
            .rule(Operation::Create, Access::Admin)
            .view_field("name", Access::role("finance")),
        sales().read_only().view_field("name", Access::Admin),
    ] {
        let (_, problems) = ModelRegistry::new([spec(policy)]);
        assert_eq!(problems, Vec::<String>::new());
    }
}

#[test]
fn view_removes_hidden_fields_from_rows_and_errors() {
    let policy = ModelPolicy::new(Access::role("sales")).view_field("seats", Access::Admin);
    let spec = spec(policy);
    let sales = user("sales");
    let view = ModelView::new(&spec, &sales);
    let record = Record {
        values: values(json!({"id": 1, "name": "Basic", "seats": 3, "unknown": 1})),
        version: 1,
    };
    let row = view.show(record.clone());
    assert_eq!(row.values, values(json!({"id": 1, "name": "Basic"})));
    let stale = view.stale(record);
    assert_eq!(stale.code(), "stale");
    let error = |pointer: &str| FieldError::new(pointer, "invalid_value", "must be even");
    let errors = vec![error("/name"), error("/seats/0"), error("/nope"), error("")];
    let redacted = view.redact(Error::invalid(errors));
    let errors = redacted.field_errors();
    let pointers: Vec<_> = errors.iter().map(|it| it.pointer.as_str()).collect();
    assert_eq!(pointers, ["/name", "", "/nope", ""]);
    assert!(!errors[1].message.contains("even"), "{errors:?}");
}

#[test]
fn hidden_field_is_reported_like_an_unknown_one() {
    let policy = ModelPolicy::new(Access::role("sales")).view_field("seats", Access::Admin);
    let spec = spec(policy);
    let view = ModelView::new(&spec, &user("sales"));
    let errors = |name: &str| {
        let given = values(json!({"name": "Basic", name: 1}));
        let errors = view.new_row(given).unwrap_err();
        format!("{errors:?}").replace(name, "?")
    };
    assert_eq!(errors("seats"), errors("nonsense"));
    let present = values(json!({"id": 1, "name": "Basic", "tier": "free", "seats": 3}));
    let errors = |name: &str| {
        let given = values(json!({ name: 3 }));
        let errors = view.changed_row(&present, given, false).unwrap_err();
        format!("{errors:?}").replace(name, "?")
    };
    assert_eq!(errors("seats"), errors("nonsense"));
}

super::model!(Note, "note", {
    id: i64 => FieldSpec::new::<i64>("id").primary_key(),
    name: String => FieldSpec::new::<String>("name"),
    owner: Option<i64> => FieldSpec::new::<Option<i64>>("owner"),
}, NO_OPTIONS);

const OWNER: Column<Note, Option<i64>> = Column::new("owner");
const NAME: Column<Note, String> = Column::new("name");

async fn own(_user: &User) -> Result<Scope<Note>> {
    let own = OWNER.is_in([1_i64, 2]).or(OWNER.is_none());
    Ok(own.and(NAME.eq("a")).into())
}

async fn nothing(_user: &User) -> Result<Scope<Note>> {
    Ok(Scope::nothing())
}

async fn empty(_user: &User) -> Result<Scope<Note>> {
    Ok(OWNER.is_in(Vec::<i64>::new()).into())
}

async fn unstorable(_user: &User) -> Result<Scope<Note>> {
    Ok(NAME.eq("a\0").into())
}

#[tokio::test]
async fn scope_selects_rows() {
    let spec = ModelSpec::of::<Note>();
    let (registry, _) = ModelRegistry::new([spec.clone()]);
    let store = super::Store::connect("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    super::apply_models(&store, &registry, &[]).await.unwrap();
    let models = super::Models::new(store, registry);
    for (name, owner) in [("a", Some(1)), ("a", Some(3)), ("a", None), ("b", Some(2))] {
        let note = Note {
            id: 0,
            name: name.to_owned(),
            owner,
        };
        models.insert(&note).await.unwrap();
    }
    let state = StateBuilder::default().build();
    let keys = async |policy: ModelPolicy, role: &str| {
        let rows = policy.rows(&user(role), &state).await?;
        let table = models.table("note")?.within(rows);
        let page = table
            .list(&ListQuery::first_page(&ModelView::of_admin(&spec)))
            .await?;
        let ids = page
            .records
            .iter()
            .map(|it| it.values["id"].as_i64().unwrap());
        let ids = ids.collect::<Vec<_>>();
        for id in 1..=4 {
            let found = table.get(&id.to_string()).await?;
            assert_eq!(found.is_some(), ids.contains(&id));
        }
        Ok::<_, Error>(ids)
    };
    let policy = || ModelPolicy::new(Access::role("sales"));
    assert_eq!(keys(policy().scope(own), "sales").await.unwrap(), [1, 3]);
    assert_eq!(keys(policy().scope(own), "admin").await.unwrap().len(), 4);
    for scope in [policy().scope(nothing), policy().scope(empty)] {
        assert_eq!(keys(scope, "sales").await.unwrap(), Vec::<i64>::new());
    }
    let error = keys(policy().scope(unstorable), "sales").await.unwrap_err();
    assert_eq!(error.status(), 422);
    // A row outside of the scope is not written.
    let rows = policy().scope(own).rows(&user("sales"), &state).await;
    let table = models.table("note").unwrap();
    let table = table.within(rows.unwrap());
    let outside = values(json!({"name": "c", "owner": 1}));
    let error = table.insert(&outside).await.unwrap_err();
    assert_eq!(error.code(), "not_permitted");
    let error = table.delete("2", &Precondition::Any).await.unwrap_err();
    assert_eq!(error.code(), "row_not_found");
    assert_eq!(table.delete_all(&["2".to_owned()]).await.unwrap(), 0);
    assert_eq!(models.all::<Note>().await.unwrap().len(), 4);
}

struct Offer {
    price: i64,
    cost: i64,
}

impl AdminModel for Offer {
    const SOURCE: Source = crate::source!(Offer);
    const NAME: &'static str = "offer";
    const TITLE: &'static str = "Offer";
    const PLURAL: &'static str = "Offers";
    const DESCRIPTION: &'static str = "";
    const OPTIONS: ModelOptions = NO_OPTIONS;
    const FIELDS: &'static [FieldSpec] = &[
        FieldSpec::new::<i64>("price").primary_key(),
        FieldSpec::new::<i64>("cost"),
    ];

    fn computed() -> Vec<ComputedField<Self>> {
        vec![ComputedField::new("margin", |offer: &Self| {
            offer.price - offer.cost
        })]
    }

    fn to_values(&self) -> Vec<Value> {
        vec![self.price.to_value(), self.cost.to_value()]
    }

    fn from_values(mut values: FieldValues) -> Result<Self, Vec<FieldError>> {
        let (price, cost) = (values.take(&Self::FIELDS[0]), values.take(&Self::FIELDS[1]));
        match (price, cost) {
            (Some(price), Some(cost)) => Ok(Self { price, cost }),
            _ => Err(values.into_errors()),
        }
    }
}

#[test]
fn computed_columns_require_access_to_every_field() {
    let mut spec = ModelSpec::of::<Offer>();
    spec.policy = ModelPolicy::new(Access::role("sales")).view_field("cost", Access::Admin);
    let record = Record {
        values: values(json!({"price": 5, "cost": 3})),
        version: 1,
    };
    let admin = ModelView::of_admin(&spec).show(record.clone());
    assert_eq!(admin.values["margin"], 2);
    let sales = user("sales");
    let row = ModelView::new(&spec, &sales).show(record);
    assert_eq!(row.values, values(json!({"price": 5})));
}
