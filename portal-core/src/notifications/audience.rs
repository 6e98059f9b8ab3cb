//! Whom a message is for.

use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use uuid::Uuid;

use crate::auth::Role;

/// Whom a message is for; of roles and of everybody those who may use the portal.
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
    /// Every user.
    Everyone,
    /// The users of a role.
    Role(Role),
    /// One user, also one who is shut out at the moment.
    User(Uuid),
}

impl Audience {
    /// The ids of those it is made of, in their order.
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

/// Only those who may use the portal.
fn able(select: &mut SelectStatement) -> &mut SelectStatement {
    select
        .and_where(Expr::col("is_active").eq(true))
        .and_where(Expr::col("is_banned").eq(false))
}
