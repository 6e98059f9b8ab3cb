//! `/sales/won`: won deals by month, and the best customers.

use portal_core::live;
use portal_core::pages::components::{
    Card, Chart, ChartCard, Column, EmptyState, PageHead, Row, StatCard, Table, Tone, Unit,
};
use portal_core::prelude::*;
use portal_core::store::{Store, now};

use super::count;
use crate::links;
use crate::models::{Amount, Company};
use crate::queries::won::{Customer, MonthTotals, best_customers, by_month};

/// Won deals
#[page(
    "/sales/won",
    requires_role = "sales",
    nav(icon = "circle-check", order = 21, group = "Sales")
)]
pub(crate) async fn won(store: Data<Store>) -> Result<Markup> {
    let today = now().date_naive();
    let months = by_month(&store, today).await?;
    let customers = best_customers(&store, today).await?;
    Ok(html! {
        (PageHead::new("Won deals").description("The last twelve months, including the current one"))
        (live::region("model:deal", html! {
            div class="pt-stack" {
                (figure_cards(&months))
                div class="pt-charts" { (amount_chart(&months)) (count_chart(&months)) }
                (Card::new().title("Best customers").flush().body(customer_table(&customers)))
            }
        }))
    })
}

fn figure_cards(months: &[MonthTotals]) -> Markup {
    let amounts: Vec<f64> = months.iter().map(|month| month.amount.as_f64()).collect();
    let won: i64 = months.iter().map(|month| month.won).sum();
    let lost: i64 = months.iter().map(|month| month.lost).sum();
    let amount: Amount = months.iter().map(|month| month.amount).sum();
    let rate = match won + lost {
        0 => "–".to_owned(),
        closed => Unit::Percent.full(won as f64 * 100.0 / closed as f64),
    };
    html! {
        div class="pt-grid" {
            (this_month(months))
            (StatCard::new("Won in twelve months", amount.to_string()).icon("circle-check")
                .note(count(won, "deal", "deals")).trend(&amounts))
            (StatCard::new("Win rate", rate).icon("activity")
                .note(format!("{} lost", count(lost, "deal", "deals"))))
            (StatCard::new("Average deal", amount.divided_by(won).to_string()).icon("box")
                .note("Mean amount of a won deal"))
        }
    }
}

/// Renders the amount of the current month, compared with the whole previous month.
fn this_month(months: &[MonthTotals]) -> StatCard {
    let [.., previous, current] = months else {
        return StatCard::new("Won this month", Amount::default().to_string());
    };
    let comparison = format!("{} in {}", previous.amount, previous.month.format("%B"));
    StatCard::new("Won this month", current.amount.to_string())
        .icon("calendar")
        .note(comparison)
}

fn amount_chart(months: &[MonthTotals]) -> ChartCard {
    let chart = Chart::bar("Won by month")
        .labels(labels(months))
        .series_with_tone(
            "Won",
            Tone::Success,
            months.iter().map(|month| month.amount.as_f64()),
        )
        .empty_text("No deals were won in these months");
    ChartCard::new(chart).description("In euros")
}

fn count_chart(months: &[MonthTotals]) -> ChartCard {
    let chart = Chart::bar("Closed deals by month")
        .labels(labels(months))
        .series_with_tone(
            "Won",
            Tone::Success,
            months.iter().map(|month| month.won as f64),
        )
        .series_with_tone(
            "Lost",
            Tone::Danger,
            months.iter().map(|month| month.lost as f64),
        )
        .empty_text("No deals were closed in these months");
    ChartCard::new(chart).description("Number of deals")
}

fn labels(months: &[MonthTotals]) -> impl Iterator<Item = String> {
    months
        .iter()
        .map(|month| month.month.format("%b").to_string())
}

fn customer_table(customers: &[Customer]) -> Table {
    let empty = EmptyState::new("globe", "No customers yet")
        .text("Companies appear here when you win a deal with them.");
    Table::new("Best customers")
        .column(Column::new("Company"))
        .column(Column::new("Won deals").numeric())
        .column(Column::new("Amount").numeric())
        .empty(empty)
        .rows(customers.iter().map(|customer| {
            let cells = vec![
                html! { (customer.name) },
                html! { (customer.deals) },
                html! { (customer.amount) },
            ];
            Row::new(customer.id.to_string(), cells).href(links::row::<Company>(customer.id))
        }))
}
