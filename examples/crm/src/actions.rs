//! Actions on the rows of the models.

use chrono::NaiveDate;
use portal_core::FieldError;
use portal_core::prelude::*;
use portal_core::store::now;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::models::{Deal, Stage};

/// Arguments of [`mark_won`].
#[derive(Deserialize, JsonSchema)]
struct WonArgs {
    /// Day of the signature
    closed_on: NaiveDate,
}

/// Mark as won
///
/// Sets the stage and the closing date. Deals that are already won keep their date.
#[admin_action(Deal, on(one, many, all), confirm = "Mark {count} deals as won?")]
async fn mark_won(rows: Rows<Deal>, args: WonArgs) -> Result<ActionReport> {
    if args.closed_on > now().date_naive() {
        let error = FieldError::new("/closed_on", "in_future", "must not be in the future");
        return Err(Error::invalid(vec![error]));
    }
    rows.for_each(|deal| match deal.stage {
        Stage::Won => Ok(()),
        Stage::Lost => Err(Error::conflict("deal_lost", "the deal is lost")),
        _ => {
            deal.stage = Stage::Won;
            deal.closes_on = args.closed_on;
            Ok(())
        }
    })
    .await
}
