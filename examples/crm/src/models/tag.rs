//! Tags.

use portal_core::prelude::*;

/// Words that group companies, such as “Key account”
#[admin_model(
    order_by = name,
    nav(icon = "box", order = 27, group = "Sales"),
    requires_role = "sales",
    delete = requires_admin
)]
pub(crate) struct Tag {
    pub(crate) id: i64,
    #[admin(unique)]
    pub(crate) name: String,
}
