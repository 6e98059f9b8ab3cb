//! Every kind of task.
#![deny(warnings)]

use garde::Validate;
use portal_core::{Data, NoArgs, Task, TaskContext, TaskError, monitored_background_task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct DigestArgs {
    #[garde(range(max = 50))]
    count: u8,
}

struct Mailer;

#[derive(Debug)]
struct MailError;

impl std::fmt::Display for MailError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no mail")
    }
}

impl std::error::Error for MailError {}

/// Send the weekly digest
#[monitored_background_task(timeout = "1h30m", on_crash = fail, requires_admin)]
async fn send_digest(
    _task: TaskContext,
    mailer: Data<Mailer>,
    task_args: DigestArgs,
) -> Result<u8, MailError> {
    let Mailer = *mailer;
    if task_args.count == 0 {
        Err(MailError)
    } else {
        Ok(task_args.count)
    }
}

#[monitored_background_task(group = "mail", name = "clean-up", title = "Clean up")]
async fn clean_up(_task: TaskContext) {}

#[monitored_background_task]
async fn count(_task: TaskContext, DigestArgs { count }: DigestArgs) -> u8 {
    count
}

#[monitored_background_task]
async fn fail(_task: TaskContext) -> portal_core::Result<Vec<u8>, TaskError> {
    Ok(vec![])
}

#[monitored_background_task(schedule = "0 3 * * *", time_zone = "Europe/Berlin")]
async fn nightly(_task: TaskContext) {}

#[monitored_background_task(schedule = "*/10 * * * * *")]
async fn often(_task: TaskContext) {}

#[test]
fn every_kind_of_task_is_one() {
    let _: Task<DigestArgs, u8> = send_digest();
    let _: Task<NoArgs, ()> = clean_up();
    let _: Task<DigestArgs, u8> = count();
    let _: Task<NoArgs, Vec<u8>> = fail();
    let _: [Task<NoArgs, ()>; 2] = [nightly(), often()];
}
