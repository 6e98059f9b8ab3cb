//! Pages of the application, one module each, and the parts that they share.

mod activities;
mod home;
mod pipeline;
mod won;

use chrono::NaiveDate;
use portal_core::pages::components::{Column, EmptyState, Row, Table, Tone, badge};
use portal_core::prelude::*;

use crate::links;
use crate::models::Deal;
use crate::queries::DealLine;

/// Renders a due date, with a badge if it is today or has passed.
fn due(due_on: NaiveDate, today: NaiveDate) -> Markup {
    html! {
        span class="pt-row" {
            (due_on.format("%-d %b %Y"))
            @if due_on < today { (badge("Overdue", Tone::Danger)) }
            @else if due_on == today { (badge("Today", Tone::Warning)) }
        }
    }
}

/// Returns a number with its noun, such as `3 deals`.
fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Renders a table of open deals that link to their forms.
fn deal_table(caption: &str, deals: &[DealLine], today: NaiveDate, empty: EmptyState) -> Table {
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
                due(deal.closes_on, today),
            ];
            Row::new(deal.id.to_string(), cells).href(links::row::<Deal>(deal.id))
        }))
}
