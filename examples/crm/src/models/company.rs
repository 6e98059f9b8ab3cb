//! Companies.

use garde::Validate;
use portal_core::admin::Related;
use portal_core::prelude::*;

use super::{Industry, Tag};

/// Customers, and companies that may become customers
#[derive(Default, Validate)]
#[garde(allow_unvalidated)]
#[admin_model(
    list(name, industry, tags, country, city, employees),
    search(name, city),
    order_by = name,
    nav(icon = "globe", order = 23, group = "Sales"),
    requires_role = "sales",
    delete = requires_admin,
    validate
)]
pub(crate) struct Company {
    pub(crate) id: i64,
    #[admin(unique)]
    #[garde(length(chars, min = 1, max = 120))]
    pub(crate) name: String,
    pub(crate) industry: Option<Industry>,
    pub(crate) tags: Related<Tag>,
    /// Two-letter code, such as DE
    pub(crate) country: Option<String>,
    pub(crate) city: Option<String>,
    #[admin(widget = Url)]
    pub(crate) website: Option<String>,
    pub(crate) employees: Option<i32>,
    #[admin(widget = Textarea)]
    pub(crate) notes: Option<String>,
}
