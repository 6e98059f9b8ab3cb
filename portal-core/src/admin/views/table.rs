//! Table of saved views.

use sea_query::{Cond, Expr, ExprTrait, Func, Order, Query};
use uuid::Uuid;

use super::{EVERYONE, MAX_PER_USER, SavedView};
use crate::auth::User;
use crate::error::{Error, FieldError, Result};
use crate::store::{Store, StoreError, now};

const TABLE: &str = "portal_views";

/// Maximum number of views in a list.
const MAX_LISTED: u64 = 200;

/// Returns the views that a user may see, optionally of one model or with an id.
pub(super) async fn visible(
    store: &Store,
    user: &User,
    model: Option<&str>,
    id: Option<Uuid>,
) -> Result<Vec<SavedView>> {
    let shared = || Expr::col("shared_with");
    let mut audience = Cond::any()
        .add(Expr::col("owner_id").eq(user.id))
        .add(shared().eq(EVERYONE))
        .add(shared().eq(user.role.as_str()));
    if user.is_admin() {
        audience = audience.add(shared().is_not_null());
    }
    let select = Query::select()
        .columns(["id", "owner_id", "model", "name", "query", "shared_with"])
        .from(TABLE)
        .cond_where(audience)
        .and_where_option(model.map(|model| Expr::col("model").eq(model)))
        .and_where_option(id.map(|id| Expr::col("id").eq(id)))
        .order_by_expr(shared().is_null(), Order::Asc)
        .order_by("name", Order::Asc)
        .order_by("id", Order::Asc)
        .limit(MAX_LISTED)
        .take();
    let rows = store.fetch_all(&select).await?;
    rows.iter()
        .map(|row| {
            let owner_id: Uuid = row.get("owner_id")?;
            let shared_with: Option<String> = row.get("shared_with")?;
            let may_manage = shared_with.is_some() && user.is_admin();
            Ok(SavedView {
                id: row.get("id")?,
                owner_id,
                model: row.get("model")?,
                name: row.get("name")?,
                query: row.get("query")?,
                shared_with,
                may_change: owner_id == user.id || may_manage,
            })
        })
        .collect()
}

/// Stores a new view, unless its owner has too many.
pub(super) async fn insert(store: &Store, view: &SavedView) -> Result<()> {
    let now = now();
    let count = Query::select()
        .expr(Func::count(Expr::col("id")))
        .from(TABLE)
        .and_where(Expr::col("owner_id").eq(view.owner_id))
        .and_where(Expr::col("model").eq(&view.model))
        .take();
    if store.fetch_count(&count).await?.unsigned_abs() >= MAX_PER_USER {
        let detail = format!("you have {MAX_PER_USER} views of this list; delete one first");
        return Err(Error::conflict("too_many_views", detail));
    }
    let insert = Query::insert()
        .into_table(TABLE)
        .columns([
            "id",
            "owner_id",
            "model",
            "name",
            "query",
            "shared_with",
            "created_at",
            "updated_at",
        ])
        .values([
            view.id.into(),
            view.owner_id.into(),
            view.model.as_str().into(),
            view.name.as_str().into(),
            view.query.as_str().into(),
            view.shared_with.clone().into(),
            now.into(),
            now.into(),
        ])
        .map_err(Error::internal)?
        .take();
    store.execute(&insert).await.map_err(explain)?;
    Ok(())
}

pub(super) async fn update(store: &Store, view: &SavedView) -> Result<()> {
    let update = Query::update()
        .table(TABLE)
        .value("name", view.name.as_str())
        .value("query", view.query.as_str())
        .value("shared_with", view.shared_with.clone())
        .value("updated_at", now())
        .and_where(Expr::col("id").eq(view.id))
        .take();
    store.execute(&update).await.map_err(explain)?;
    Ok(())
}

pub(super) async fn delete(store: &Store, id: Uuid) -> Result<()> {
    let delete = Query::delete()
        .from_table(TABLE)
        .and_where(Expr::col("id").eq(id))
        .take();
    store.execute(&delete).await?;
    Ok(())
}

/// Names the field of a view whose name exists.
fn explain(error: StoreError) -> Error {
    let is_name = matches!(error, StoreError::UniqueViolation { .. });
    let error = Error::from(error);
    match is_name {
        true => error.with_field_errors(vec![FieldError::new(
            "/name",
            "not_unique",
            "is the name of another view of yours",
        )]),
        false => error,
    }
}
