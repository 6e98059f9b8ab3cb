//! Contacts.

use garde::Validate;
use portal_core::prelude::*;

use super::Company;

/// People who work for the companies
#[derive(PartialEq, Eq, Validate)]
#[garde(allow_unvalidated)]
#[admin_model(
    list(name, email, company_id, position, phone),
    search(name, email, position),
    order_by = name,
    nav(icon = "users", order = 24, group = "Sales"),
    requires_role = "sales",
    delete = requires_admin,
    validate
)]
pub(crate) struct Contact {
    pub(crate) id: i64,
    #[garde(length(chars, min = 1, max = 120))]
    pub(crate) name: String,
    /// Identifies the contact in imports
    #[admin(label = "E-mail", unique, widget = Email)]
    #[garde(email)]
    pub(crate) email: String,
    #[admin(label = "Company", references = Company, on_delete = cascade)]
    pub(crate) company_id: i64,
    pub(crate) position: Option<String>,
    pub(crate) phone: Option<String>,
}
