//! Recipients of a notification.

use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use uuid::Uuid;

use crate::auth::Role;

/// Recipients of a notification. Roles and `Everyone` include only users who may use the portal.
///
/// ```
/// use portal_core::notifications::Audience;
/// use portal_core::Role;
///
/// let editors = Audience::Role(Role::custom("editor"));
/// assert_ne!(editors, Audience::Everyone);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Audience {
    /// All users.
    Everyone,
    /// Users with a role.
    Role(Role),
    /// One user, even if the account is currently disabled.
    User(Uuid),
}

impl Audience {
    /// Returns the statement that selects the recipients' ids, in order.
    pub(super) fn select(&self) -> SelectStatement {
        let mut select = Query::select()
            .column("id")
            .from("portal_users")
            .and_where(Expr::col("deleted_at").is_null())
            .order_by("id", Order::Asc)
            .take();
        match self {
            Self::User(id) => select.and_where(Expr::col("id").eq(*id)),
            Self::Everyone => able(&mut select),
            Self::Role(role) => {
                able(&mut select).and_where(Expr::col("user_type").eq(role.as_str()))
            }
        };
        select
    }
}

/// Restricts the selection to users who may use the portal.
fn able(select: &mut SelectStatement) -> &mut SelectStatement {
    select
        .and_where(Expr::col("is_active").eq(true))
        .and_where(Expr::col("is_banned").eq(false))
}
