//! Deals.

use chrono::NaiveDate;
use garde::Validate;
use portal_core::admin::{HookContext, ModelHooks};
use portal_core::prelude::*;
use portal_core::store::now;

use super::{Activity, Amount, Company, Contact, Stage};

/// Sales from the first contact to the signature
#[derive(Validate)]
#[garde(allow_unvalidated)]
#[admin_model(
    list(name, company_id, stage, amount, closes_on, owner),
    search(name, owner),
    order_by = -closes_on,
    nav(icon = "zap", order = 25, group = "Sales"),
    requires_role = "sales",
    children(Activity, by = deal_id),
    delete = requires_admin,
    hooks,
    validate
)]
pub(crate) struct Deal {
    pub(crate) id: i64,
    #[garde(length(chars, min = 1, max = 120))]
    pub(crate) name: String,
    #[admin(label = "Company", references = Company)]
    pub(crate) company_id: i64,
    #[admin(label = "Contact", references = Contact, on_delete = set_null)]
    pub(crate) contact_id: Option<i64>,
    #[admin(default = "lead")]
    pub(crate) stage: Stage,
    /// In euros
    pub(crate) amount: Amount,
    /// Expected closing date; for a won or lost deal, the day on which it was closed
    pub(crate) closes_on: NaiveDate,
    /// E-mail address of the user who is responsible
    #[admin(widget = Email)]
    pub(crate) owner: Option<String>,
    #[admin(widget = Textarea)]
    pub(crate) notes: Option<String>,
}

impl ModelHooks for Deal {
    /// Sets the day on which the deal was closed, unless the user has chosen an earlier one.
    async fn before_save(&mut self, old: Option<&Self>, _: &mut HookContext<'_>) -> Result<()> {
        let was_open = old.is_none_or(|old| Stage::OPEN.contains(&old.stage));
        let is_open = Stage::OPEN.contains(&self.stage);
        let today = now().date_naive();
        if was_open && !is_open && self.closes_on > today {
            self.closes_on = today;
        }
        Ok(())
    }
}
