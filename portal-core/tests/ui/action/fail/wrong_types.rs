use portal_core::admin::{ActionReport, Rows};
use portal_core::{Result, admin_action, admin_model};

#[admin_model]
struct Deal {
    id: i64,
    name: String,
}

struct Plain;

/// Not a model
#[admin_action(Plain)]
async fn on_plain(rows: Rows<Plain>) -> Result<ActionReport> {
    Ok(rows.into_report())
}

#[admin_model]
struct Contact {
    id: i64,
    name: String,
}

#[admin_action(Deal)]
async fn on_other(rows: Rows<Contact>) -> Result<ActionReport> {
    Ok(rows.into_report())
}

#[admin_action(Deal)]
async fn wrong_return(rows: Rows<Deal>) -> u64 {
    rows.into_report().changed()
}

fn main() {
    let _ = (on_plain(), on_other(), wrong_return());
}
