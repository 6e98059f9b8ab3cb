//! The mistakes in a task's schedule, found before the portal starts.

use serde_json::json;

use super::cron::{Schedule, Unusable};
use crate::source::Source;
use crate::tasks::task::TaskDefinition;

/// Everything that is wrong with the schedule of a task.
pub(crate) fn problems(definition: &TaskDefinition) -> Vec<String> {
    let TaskDefinition {
        source, schedule, ..
    } = definition;
    let Source { file, line, .. } = source;
    let problem = |what: String, way_out: &str| {
        format!("task `{source}` {what}\n       {file}:{line}\n     {way_out}")
    };
    let Some(cron) = schedule.cron.as_deref() else {
        return match schedule.time_zone {
            Some(_) => vec![problem(
                "has a time zone, but no schedule".to_owned(),
                "add `schedule = \"..\"`, or drop the time zone",
            )],
            None => Vec::new(),
        };
    };
    let mut problems: Vec<_> = Schedule::parse(cron, schedule.time_zone())
        .err()
        .into_iter()
        .flatten()
        .map(|fault| match fault {
            Unusable::Cron(error) => problem(
                format!("has the schedule `{cron}`, which is no cron expression: {error}"),
                "write minute, hour, day, month and weekday, as in `0 3 * * *`; six fields begin with seconds",
            ),
            Unusable::NeverFires => problem(
                format!("has the schedule `{cron}`, a time that never comes"),
                "write a day that some month has",
            ),
            Unusable::TimeZone => problem(
                format!("has the time zone `{}`, which is unknown", schedule.time_zone()),
                "write a name of the IANA database, as in `Europe/Berlin`",
            ),
        })
        .collect();
    if let Err(faults) = definition.check(&json!({})) {
        let faults: Vec<_> = faults
            .iter()
            .map(|fault| format!("`{}` {}", fault.pointer, fault.message))
            .collect();
        problems.push(problem(
            format!(
                "has a schedule, which starts it with the arguments `{{}}`, and these do not fit: {}",
                faults.join("; ")
            ),
            "give each of its arguments a default with `#[serde(default)]`",
        ));
    }
    problems
}
