use portal_core::admin::{ActionReport, Rows};
use portal_core::{Data, Result, admin_action, admin_model};
use schemars::JsonSchema;
use serde::Deserialize;

#[admin_model]
struct Deal {
    id: i64,
    name: String,
}

#[derive(Deserialize, JsonSchema)]
struct Args {
    name: String,
}

#[admin_action(Deal)]
async fn arguments_first(args: Args, rows: Rows<Deal>) -> Result<ActionReport> {
    let _ = args.name;
    Ok(rows.into_report())
}

#[admin_action(Deal)]
async fn two_arguments(rows: Rows<Deal>, _first: Args, _second: Args) -> Result<ActionReport> {
    Ok(rows.into_report())
}

#[admin_action(Deal)]
async fn borrowed(rows: Rows<Deal>, _data: Data<u8>, _args: &Args) -> Result<ActionReport> {
    Ok(rows.into_report())
}

#[admin_action(Deal)]
async fn nothing() -> Result<ActionReport> {
    Ok(ActionReport::default())
}

fn main() {
    let _ = (arguments_first(), two_arguments(), borrowed(), nothing());
}
