use portal_core::admin::{ActionReport, Rows};
use portal_core::{Result, admin_action, admin_model};

#[admin_model]
struct Deal {
    id: i64,
    name: String,
}

#[admin_action(on(one))]
async fn without_model(rows: Rows<Deal>) -> Result<ActionReport> {
    Ok(rows.into_report())
}

#[admin_action(Deal, target(one), dangerous)]
async fn unknown_key(rows: Rows<Deal>) -> Result<ActionReport> {
    Ok(rows.into_report())
}

#[admin_action(Deal, on = "one")]
async fn on_text(rows: Rows<Deal>) -> Result<ActionReport> {
    Ok(rows.into_report())
}

#[admin_action(Deal, on(one, al), name = "Mark-won")]
async fn unknown_target(rows: Rows<Deal>) -> Result<ActionReport> {
    Ok(rows.into_report())
}

#[admin_action(Deal, confirm = "Mark {n} deals?")]
async fn unknown_placeholder(rows: Rows<Deal>) -> Result<ActionReport> {
    Ok(rows.into_report())
}

#[admin_action(Deal, requires_admin, requires_role = "sales")]
async fn two_rules(rows: Rows<Deal>) -> Result<ActionReport> {
    Ok(rows.into_report())
}

#[admin_action(Deal)]
fn not_async(rows: Rows<Deal>) -> Result<ActionReport> {
    Ok(rows.into_report())
}

fn main() {
    let _ = (without_model(), unknown_key(), on_text(), unknown_target());
    let _ = (unknown_placeholder(), two_rules(), not_async());
}
