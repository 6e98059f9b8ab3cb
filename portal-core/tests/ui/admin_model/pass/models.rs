//! Every key of a model and of its fields.
#![deny(warnings)]

use garde::Validate;
use portal_core::admin::{Column, HookContext, ModelHooks};
use portal_core::{AdminModel, Result, admin_model};

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

#[admin_model(order_by(-plan, id), requires_role = "editor", crate = portal_core)]
struct BlogCategory {
    id: i64,
    #[admin(references = Plan)]
    plan: i64,
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
    assert_eq!(Plan::access(), portal_core::Access::Admin);
    assert_eq!(BlogCategory::access(), portal_core::Access::role("editor"));
    let _ = APIKey { key: String::new() }.key;
    let category = BlogCategory {
        id: 1,
        plan: plan.id,
    };
    let _ = (category.id, category.plan);
}
