//! `/admin/tasks/statistics`: throughput, failures, durations and queue depth.

use maud::{Markup, html};

use super::scope::{AdminScope, PageScope};
use super::{STATISTICS, compact_select, head, styles};
use crate::error::Result;
use crate::fields::QueryFields;
use crate::live::Region;
use crate::pages::Href;
use crate::pages::components::{
    Button, Card, ChartCard, EmptyState, StatCard, Tone, Unit, time_range_links, with_comparison,
};
use crate::store::TimeRange;
use crate::tasks::engine::queue_depth::{self, QueueDepth};
use crate::tasks::{TaskScope, TaskStatus};

pub(super) async fn show(
    AdminScope(scope): AdminScope,
    QueryFields(choice): QueryFields,
) -> Result<Markup> {
    let range = TimeRange::from_query(choice.get("range"));
    let task_type = choice
        .get("kind")
        .and_then(|task_type| task_type.split_once('/'))
        .and_then(|(group, name)| scope.tasks.registry().get(group, name))
        .filter(|task_type| !task_type.internal)
        .map(|task_type| (task_type.group.as_str(), task_type.name));
    render(&scope, range, task_type).await
}

async fn render(
    scope: &PageScope,
    range: TimeRange,
    task_type: Option<(&str, &str)>,
) -> Result<Markup> {
    let tasks = &scope.tasks;
    let filter = TaskScope {
        group: task_type.map(|(group, _)| group.to_owned()),
        name: task_type.map(|(_, name)| name.to_owned()),
        ..TaskScope::default()
    };
    let ended = tasks.counts(range, &filter).await?;
    let durations = tasks.durations(range, &filter).await?;
    let today = if range == TimeRange::Day {
        ended.clone()
    } else {
        tasks.counts(TimeRange::Day, &filter).await?
    };
    let store = &tasks.0.store;
    let waiting = queue_depth::by_type(store, TaskStatus::Pending).await?;
    let running = queue_depth::by_type(store, TaskStatus::Processing).await?;
    let sum = |backlog: &[QueueDepth]| {
        let lines = backlog.iter().filter(|line| is_of(line, task_type));
        lines.map(|line| line.tasks).sum::<u64>().to_string()
    };
    let median = durations
        .overall_median
        .map_or_else(|| "–".to_owned(), |median| Unit::Seconds.full(median));
    let failed = &today.failed;
    let failures = StatCard::new("Failed in 24 hours", failed.total.to_string()).icon("circle-x");
    let course: Vec<f64> = failed.values.iter().map(|count| *count as f64).collect();
    let (all, before) = (failed.total as f64, failed.previous as f64);
    Ok(html! {
        (head(scope, STATISTICS).actions(chooser(scope, range, task_type)))
        (Region::new("tasks").id("task-statistics").render(html! {
            div class="pt-stack" {
                (styles())
                div class="pt-grid" {
                    (StatCard::new("Running", sum(&running)).icon("activity").note("right now"))
                    (StatCard::new("Queued", sum(&waiting)).icon("clock").note("right now"))
                    (with_comparison(failures, all, before, TimeRange::Day, Tone::Danger).trend(&course))
                    (StatCard::new("Median duration", median.as_str()).icon("zap").note(range.label()))
                }
                div class="pt-charts" {
                    (ChartCard::new(ended.chart()).description("Finished tasks by result")
                        .value(Unit::Count.short(ended.finished().total as f64)))
                    (ChartCard::new(durations.chart()).description("Run time").value(median))
                }
                (depth(scope, task_type, &waiting, &running))
            }
        }))
    })
}

fn is_of(line: &QueueDepth, task_type: Option<(&str, &str)>) -> bool {
    task_type.is_none_or(|(group, name)| line.group == group && line.name == name)
}

/// Renders the fields for choosing a task type and a time range.
fn chooser(scope: &PageScope, range: TimeRange, task_type: Option<(&str, &str)>) -> Markup {
    let query = task_type.map(|(group, name)| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("kind", &format!("{group}/{name}"));
        query.finish()
    });
    let here = match query {
        Some(query) => format!("{STATISTICS}?{query}"),
        None => STATISTICS.to_owned(),
    };
    html! {
        form class="pt-row" method="get" action=(Href::from(STATISTICS)) data-autosubmit {
            input type="hidden" name="range" value=(range.as_str());
            (compact_select("kind", "Task type", html! {
                option value="" { "All types" }
                @for one in scope.tasks.registry().startable() {
                    option value={ (one.group) "/" (one.name) } selected[task_type == Some((&one.group, one.name))] { (one.title) }
                }
            }))
            span class="pt-no-js" { (Button::new("Show").size(1).submit()) }
        }
        (time_range_links("Range", &here, range))
    }
}

/// Renders, as bars, the number of waiting and running tasks of each type.
fn depth(
    scope: &PageScope,
    task_type: Option<(&str, &str)>,
    waiting: &[QueueDepth],
    running: &[QueueDepth],
) -> Markup {
    let of = |backlog: &[QueueDepth], group: &str, name: &str| {
        let mut lines = backlog.iter();
        let line = lines.find(|line| line.group == group && line.name == name);
        line.map_or(0, |line| line.tasks)
    };
    let mut task_types: Vec<(String, u64, u64)> = Vec::new();
    for one in scope.tasks.registry().all() {
        if task_type.is_some_and(|task_type| task_type != (&one.group, one.name)) {
            continue;
        }
        let (waits, runs) = (
            of(waiting, &one.group, one.name),
            of(running, &one.group, one.name),
        );
        if waits + runs > 0 {
            task_types.push((one.title.to_string(), waits, runs));
        }
    }
    task_types.sort_by_key(|(_, waits, runs)| std::cmp::Reverse(waits + runs));
    task_types.truncate(12);
    if task_types.is_empty() {
        let empty = EmptyState::new("inbox", "The queue is empty")
            .text("Queued and running tasks appear here.");
        return html! { (Card::new().title("Queue by type").body(empty)) };
    }
    let most = task_types.iter().map(|(_, waits, runs)| waits + runs).max();
    let body = html! {
        div class="pt-ahead" {
            @for (title, waits, runs) in &task_types {
                div class="pt-ahead-row" {
                    span class="pt-truncate" { (title) }
                    progress max=[most] value=(waits + runs) aria-label={ (title) ": tasks in the queue" } {}
                    span class="pt-muted pt-tabular" { (runs) " running, " (waits) " waiting" }
                }
            }
        }
    };
    html! { (Card::new().title("Queue by type").description("Right now").body(body)) }
}
