use portal_core::admin::{ActionReport, Rows};
use portal_core::{Result, admin_action, admin_model};

#[admin_model]
struct Deal {
    id: i64,
    name: String,
}

struct Args {
    name: String,
}

#[admin_action(Deal)]
async fn rename(rows: Rows<Deal>, args: Args) -> Result<ActionReport> {
    let _ = args.name;
    Ok(rows.into_report())
}

fn main() {
    let _ = rename();
}
