use portal_core::admin::{ActionReport, Rows};
use portal_core::{Result, admin_action, admin_model};

#[admin_model]
struct Deal {
    id: i64,
    name: String,
}

#[admin_action(Deal)]
async fn with_user(rows: Rows<Deal>, user: portal_core::CurrentUser) -> Result<ActionReport> {
    let _ = user;
    Ok(rows.into_report())
}

fn main() {
    let _ = with_user();
}
