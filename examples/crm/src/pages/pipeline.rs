//! `/sales/pipeline`: open deals by stage, and the forecast by month.

use chrono::NaiveDate;
use portal_core::live;
use portal_core::pages::components::{
    Button, Card, Chart, ChartCard, Column, Donut, EmptyState, PageHead, Row, StatCard, Table,
    badge,
};
use portal_core::prelude::*;
use portal_core::store::now;

use super::{count, deal_table};
use crate::links;
use crate::models::{Amount, Deal};
use crate::queries::pipeline::{StageTotals, by_stage, forecast, largest};

/// Pipeline
#[page(
    "/sales/pipeline",
    requires_role = "sales",
    nav(icon = "columns-3", order = 20, group = "Sales")
)]
pub(crate) async fn pipeline(models: Data<Models>) -> Result<Markup> {
    let today = now().date_naive();
    let stages = by_stage(models.store()).await?;
    let forecast = forecast(models.store(), today).await?;
    let deals = largest(&models).await?;
    Ok(html! {
        (PageHead::new("Pipeline").description("Open deals by stage")
            .actions(Button::new("New deal").solid().icon("plus").href(links::new::<Deal>())))
        (live::region("model:deal", html! {
            div class="pt-stack" {
                (figure_cards(&stages))
                div class="pt-charts" { (amount_chart(&stages)) (forecast_chart(&forecast)) }
                (Card::new().title("Stages").flush().body(stage_table(&stages)))
                (Card::new().title("Largest open deals").flush()
                    .body(deal_table("Largest open deals", &deals, today, no_deals())))
            }
        }))
    })
}

fn no_deals() -> EmptyState {
    EmptyState::new("zap", "No open deals").text("Deals appear here until they are won or lost.")
}

fn figure_cards(stages: &[StageTotals]) -> Markup {
    let deals: i64 = stages.iter().map(|totals| totals.deals).sum();
    let amount: Amount = stages.iter().map(|totals| totals.amount).sum();
    let weighted: Amount = stages.iter().map(StageTotals::weighted).sum();
    html! {
        div class="pt-grid" {
            (StatCard::new("Open deals", amount.to_string()).icon("zap").note(count(deals, "deal", "deals")))
            (StatCard::new("Forecast", weighted.to_string()).icon("activity")
                .note("Amounts weighted by the probability of their stage"))
            (StatCard::new("Average deal", amount.divided_by(deals).to_string()).icon("box")
                .note("Mean amount of an open deal"))
        }
    }
}

fn amount_chart(stages: &[StageTotals]) -> ChartCard {
    let donut = stages.iter().fold(
        Donut::new("Amount by stage").empty_text("No open deals"),
        |donut, totals| {
            let stage = totals.stage;
            donut.slice(stage.label(), stage.tone(), totals.amount.as_f64())
        },
    );
    ChartCard::new(donut).description("In euros")
}

fn forecast_chart(forecast: &[(NaiveDate, Amount)]) -> ChartCard {
    let chart = Chart::bar("Forecast by month")
        .labels(
            forecast
                .iter()
                .map(|(month, _)| month.format("%b").to_string()),
        )
        .series(
            "Forecast",
            forecast.iter().map(|(_, amount)| amount.as_f64()),
        )
        .empty_text("No open deals");
    ChartCard::new(chart).description("In euros, weighted by probability")
}

fn stage_table(stages: &[StageTotals]) -> Table {
    Table::new("Stages")
        .column(Column::new("Stage"))
        .column(Column::new("Deals").numeric())
        .column(Column::new("Amount").numeric())
        .column(Column::new("Probability").numeric())
        .column(Column::new("Forecast").numeric())
        .rows(stages.iter().map(|totals| {
            let stage = totals.stage;
            let cells = vec![
                badge(stage.label(), stage.tone()),
                html! { (totals.deals) },
                html! { (totals.amount) },
                html! { (stage.probability()) "%" },
                html! { (totals.weighted()) },
            ];
            Row::new(stage.label(), cells).href(links::stage(stage))
        }))
}
