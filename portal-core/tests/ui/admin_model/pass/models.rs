//! Every key of a model and of its fields.
#![deny(warnings)]

use garde::Validate;
use portal_core::admin::{
    AdminChoice, Column, HookContext, ModelHooks, ModelPolicy, Models, Operation, Scope,
};
use portal_core::{Access, AdminModel, Data, Result, User, admin_model};

/// What a customer pays for
#[admin_model(list(name, price), search(name), order_by = -price, validate)]
#[derive(Debug, Clone, PartialEq, Validate)]
#[garde(allow_unvalidated)]
pub struct Plan {
    id: i64,
    #[admin(unique, searchable, label = "Called", help = "As in the contract")]
    name: String,
    /// In cents
    #[admin(default = -1)]
    price: i64,
    #[admin(choices("free", "pro"), default = "free")]
    kind: String,
    #[admin(widget = Textarea)]
    values: Option<String>,
    #[admin(readonly)]
    r#type: bool,
    #[admin(skip)]
    cache: Vec<std::sync::Arc<u8>>,
}

#[derive(Debug)]
#[admin_model(name = "key", title = "Key", plural = "All keys", readonly)]
struct APIKey {
    #[admin(primary_key)]
    #[admin(readonly)]
    key: String,
}

#[admin_model(
    order_by(-plan, id),
    requires_role = "editor",
    change("role:editor", "permission:blog:write"),
    delete = requires_admin,
    export = "permission:blog:write",
    scope = visible_categories,
    list(plan, has_plan),
    computed(has_plan, r#type),
    crate = portal_core
)]
struct BlogCategory {
    id: i64,
    #[admin(references = Plan)]
    plan: i64,
    #[admin(view = "role:owner", change = requires_admin)]
    note: Option<String>,
}

async fn visible_categories(user: &User, models: Data<Models>) -> Result<Scope<BlogCategory>> {
    if user.is_admin() {
        return Ok(Scope::everything());
    }
    let plans = models.all::<Plan>().await?;
    let visible = BlogCategory::PLAN.is_in(plans.into_iter().map(|plan| plan.id));
    Ok(visible.or(BlogCategory::NOTE.is_none()).into())
}

impl BlogCategory {
    fn has_plan(&self) -> bool {
        self.plan > 0
    }

    fn r#type(&self) -> Option<Stage> {
        self.has_plan().then_some(Stage::r#New)
    }
}

#[derive(Debug, PartialEq, AdminChoice)]
#[admin(crate = portal_core)]
enum Stage {
    r#New,
    #[admin(value = "ok", label = "Accepted")]
    #[allow(dead_code)]
    Done,
}

#[admin_model(
    unique(plan, name),
    unique(name, since),
    index(since, plan),
    renamed_from = "signup"
)]
struct Subscription {
    id: i64,
    #[admin(references = Plan, renamed_from = "plan_id")]
    plan: i64,
    #[admin(index)]
    name: String,
    since: i64,
}

#[admin_model(managed = false, version = "changed")]
struct Customer {
    id: i64,
    #[admin(readonly, default = 1)]
    changed: i64,
}

/// Fields whose columns have the names of the trait's constants
#[admin_model(hooks)]
#[derive(Debug)]
pub struct Article {
    id: i64,
    pub(crate) name: String,
    fields: Option<String>,
    options: i32,
    source: bool,
    #[admin(references = Plan)]
    pub(crate) plan_id: Option<i64>,
}

impl ModelHooks for Article {
    async fn before_save(&mut self, _: Option<&Self>, context: &mut HookContext<'_>) -> Result<()> {
        self.source = context.actor().is_none();
        Ok(())
    }
}

#[test]
fn columns_have_the_types_of_the_fields() {
    let plan: Column<Article, Option<i64>, Option<Plan>> = Article::PLAN_ID;
    let _ = plan.refers_to(Plan::NAME.eq("Basic").and(Plan::TYPE.eq(true)));
    let _ = Article::FIELDS.eq("a").or(Article::OPTIONS.le(5));
    assert_eq!(Article::NAME.name(), "name");
    assert_eq!(<Article as AdminModel>::FIELDS.len(), 6);
}

#[cfg(any())]
#[admin_model]
struct Gone {
    id: Missing,
}

#[test]
fn models_say_what_was_written() {
    let plan = Plan {
        id: 1,
        name: "Basic".into(),
        price: 500,
        kind: "free".into(),
        values: None,
        r#type: true,
        cache: vec![],
    };
    assert_eq!(plan.to_values().len(), 6);
    assert_eq!(
        (<Plan as AdminModel>::NAME, Plan::TITLE, Plan::PLURAL),
        ("plan", "Plan", "Plans")
    );
    assert_eq!(Plan::DESCRIPTION, "What a customer pays for");
    assert_eq!(Plan::OPTIONS.order_by, [("price", true)]);
    assert_eq!(
        (APIKey::NAME, APIKey::TITLE, APIKey::PLURAL),
        ("key", "Key", "All keys")
    );
    assert_eq!(
        (BlogCategory::NAME, BlogCategory::PLURAL),
        ("blog_category", "Blog categories")
    );
    assert_eq!(
        BlogCategory::OPTIONS.order_by,
        [("plan", true), ("id", false)]
    );
    let access = |policy: &ModelPolicy, operation| policy.access(operation).cloned();
    let plan_view = access(&Plan::policy(), Operation::View);
    assert_eq!(plan_view, Some(Access::Admin));
    let category = BlogCategory::policy();
    for (operation, expected) in [
        (Operation::View, Access::role("editor")),
        (Operation::Create, Access::role("editor")),
        (Operation::Delete, Access::Admin),
        (
            Operation::Change,
            Access::AnyOf(vec![
                Access::role("editor"),
                Access::permission("blog:write"),
            ]),
        ),
    ] {
        assert_eq!(access(&category, operation), Some(expected));
    }
    let _ = APIKey { key: String::new() }.key;
    let category = BlogCategory {
        id: 1,
        plan: plan.id,
        note: None,
    };
    let _ = (category.id, category.plan, category.note);
    let computed = BlogCategory::computed();
    let names: Vec<_> = computed.iter().map(|field| field.name()).collect();
    assert_eq!(names, ["has_plan", "type"]);
    assert_eq!(
        (Stage::CHOICES, Stage::LABELS),
        (&["new", "ok"][..], &["New", "Accepted"][..])
    );
    assert_eq!(Stage::from_choice("new"), Some(Stage::New));
}
