//! Pages of the application, one module each, and the parts that they share.

mod activities;
mod home;
mod pipeline;
mod won;

use chrono::NaiveDate;
use portal_core::pages::components::{Column, EmptyState, Row, Table, badge};
use portal_core::prelude::*;

use crate::links;
use crate::models::Deal;
use crate::queries::DealLine;

/// Formats a day, such as `3 Mar 2026`.
fn day(day: NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

/// Returns a number with its noun, such as `3 deals`.
fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Renders a table of deals that link to their forms.
fn deal_table(caption: &str, deals: &[DealLine], empty: EmptyState) -> Table {
    Table::new(caption)
        .column(Column::new("Deal"))
        .column(Column::new("Company"))
        .column(Column::new("Stage"))
        .column(Column::new("Amount").numeric())
        .column(Column::new("Closes on"))
        .empty(empty)
        .rows(deals.iter().map(|deal| {
            let cells = vec![
                html! { (deal.name) },
                html! { (deal.company) },
                badge(deal.stage.label(), deal.stage.tone()),
                html! { (deal.amount) },
                html! { (day(deal.closes_on)) },
            ];
            Row::new(deal.id.to_string(), cells).href(links::row::<Deal>(deal.id))
        }))
}
