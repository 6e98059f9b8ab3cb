//! Every kind of action.
#![deny(warnings)]

use garde::Validate;
use portal_core::admin::{ActionReport, AdminAction, Rows};
use portal_core::{Data, Error, Result, admin_action, admin_model};
use schemars::JsonSchema;
use serde::Deserialize;

/// A deal
#[admin_model(name = "ui_deal")]
pub struct Deal {
    id: i64,
    name: String,
}

#[derive(Deserialize, JsonSchema, Validate)]
struct CheckedArgs {
    #[garde(length(min = 2))]
    name: String,
}

/// Arguments without rules.
#[derive(Deserialize, JsonSchema)]
struct Args {
    name: String,
}

struct Mailer;

/// Rename
///
/// Sets the name.
#[admin_action(
    Deal,
    on(one, many, all),
    confirm = "Rename {count}?",
    danger,
    requires_role = "sales"
)]
async fn rename(rows: Rows<Deal>, args: CheckedArgs, mailer: Data<Mailer>) -> Result<ActionReport> {
    let _ = mailer;
    rows.for_each(|deal| {
        deal.name.clone_from(&args.name);
        Ok(())
    })
    .await
}

#[admin_action(Deal, on(all), name = "suffix", title = "Add suffix", requires_admin)]
pub(crate) async fn add_suffix(
    mut rows: Rows<Deal>,
    _: Data<Mailer>,
    args: Args,
) -> Result<ActionReport, Error> {
    while let Some(mut deal) = rows.next().await? {
        deal.name.push_str(&args.name);
        rows.save(deal).await?;
    }
    Ok(rows.into_report())
}

#[admin_action(Deal)]
async fn nothing(rows: Rows<Deal>) -> Result<ActionReport> {
    Ok(rows.into_report())
}

#[test]
fn constructors_return_actions() {
    let actions: [fn() -> AdminAction; 3] = [rename, add_suffix, nothing];
    let names = actions.map(|action| format!("{:?}", action()));
    assert_eq!(
        names,
        [
            "AdminAction(ui_deal/rename)",
            "AdminAction(ui_deal/suffix)",
            "AdminAction(ui_deal/nothing)"
        ]
    );
}
