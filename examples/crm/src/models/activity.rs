//! Activities.

use chrono::NaiveDate;
use garde::Validate;
use portal_core::prelude::*;

use super::{ActivityKind, Deal};

/// Calls, e-mails, meetings and offers
#[derive(Validate)]
#[garde(allow_unvalidated)]
#[admin_model(
    list(subject, kind, deal_id, owner, due_on, done),
    search(subject, owner),
    order_by(done, due_on),
    nav(
        label = "All activities",
        icon = "calendar",
        order = 26,
        group = "Sales"
    ),
    requires_role = "sales",
    validate
)]
pub(crate) struct Activity {
    pub(crate) id: i64,
    #[garde(length(chars, min = 1, max = 120))]
    pub(crate) subject: String,
    #[admin(default = "call")]
    pub(crate) kind: ActivityKind,
    #[admin(label = "Deal", references = Deal, on_delete = cascade)]
    pub(crate) deal_id: Option<i64>,
    /// E-mail address of the user who is responsible; leave empty to offer it to everyone
    #[admin(widget = Email)]
    pub(crate) owner: Option<String>,
    pub(crate) due_on: NaiveDate,
    #[admin(default = false)]
    pub(crate) done: bool,
    #[admin(widget = Textarea)]
    pub(crate) notes: Option<String>,
}
