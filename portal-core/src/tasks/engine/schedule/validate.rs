//! Validation of a task's schedule before the portal starts.

use serde_json::json;

use super::cron::{Schedule, ScheduleError};
use crate::source::Source;
use crate::tasks::definition::task::TaskDefinition;

/// Returns all problems with a task's schedule.
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
                "has a time zone but no schedule".to_owned(),
                "add `schedule = \"..\"`, or remove the time zone",
            )],
            None => Vec::new(),
        };
    };
    let mut problems: Vec<_> = Schedule::parse(cron, schedule.time_zone())
        .err()
        .into_iter()
        .flatten()
        .map(|error| match error {
            ScheduleError::Cron(error) => problem(
                format!("has the schedule `{cron}`, which is not a cron expression: {error}"),
                "use minute, hour, day, month and weekday, as in `0 3 * * *`; an expression with six fields starts with seconds",
            ),
            ScheduleError::NeverFires => problem(
                format!("has the schedule `{cron}`, which never fires"),
                "use a day that occurs in at least one of the months in the expression",
            ),
            ScheduleError::TimeZone => problem(
                format!("has the unknown time zone `{}`", schedule.time_zone()),
                "use a name from the IANA time zone database, such as `Europe/Berlin`",
            ),
        })
        .collect();
    if let Err(errors) = definition.check(&json!({})) {
        let errors: Vec<_> = errors
            .iter()
            .map(|error| format!("`{}` {}", error.pointer, error.message))
            .collect();
        problems.push(problem(
            format!(
                "has a schedule, which enqueues it with the arguments `{{}}`, but these are invalid: {}",
                errors.join("; ")
            ),
            "add a default to each argument with `#[serde(default)]`",
        ));
    }
    problems
}
