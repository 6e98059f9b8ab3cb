//! A kind of task: what `#[monitored_background_task]` writes.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::args::{AcceptedArgs, NoArgs, TaskArgs, accept, decode};
use super::context::TaskContext;
use super::end_message::TaskNotify;
use super::error::TaskError;
use super::insert::NewTask;
use super::retry::RetryPolicy;
use super::schedule::ScheduleText;
use super::schema::ArgsSchema;
use crate::auth::Access;
use crate::error::{Error, Fault};
use crate::json;
use crate::source::Source;
use crate::state::{PortalState, Requirement, TaskInput};

pub(crate) type TaskFuture<R> = Pin<Box<dyn Future<Output = Result<R, TaskError>> + Send>>;

/// What becomes of a task whose process died while it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCrash {
    /// It is run again.
    #[default]
    Rerun,
    /// It ends as `ERROR` with the code `crashed`: for what must not happen twice.
    Fail,
}

/// A kind of task with arguments `A` and result `R`.
///
/// ```
/// use portal_core::{NoArgs, Task, source};
///
/// fn ping() -> Task<NoArgs, String> {
///     Task::new(source!(ping), "probes", "ping", |_task, _state, _args| {
///         Box::pin(async { Ok("pong".to_owned()) })
///     })
///     .title("Ping")
/// }
/// # let _ = ping();
/// ```
#[must_use]
pub struct Task<A, R> {
    parts: Parts,
    run: Run<A, R>,
    /// Keeps what [`Task::new`] knows of the types, so that no other method has to ask for it.
    erase: fn(Parts, Run<A, R>) -> TaskDefinition,
}

type Run<A, R> = fn(TaskContext, PortalState, A) -> TaskFuture<R>;

struct Parts {
    source: Source,
    state: String,
    name: &'static str,
    title: Cow<'static, str>,
    description: Cow<'static, str>,
    access: Access,
    internal: bool,
    on_crash: OnCrash,
    notify: Option<TaskNotify>,
    timeout: Option<Duration>,
    retry: RetryPolicy,
    priority: i32,
    concurrency: Option<u32>,
    unique: bool,
    schedule: ScheduleText,
    max_args: usize,
    requirements: Vec<Requirement>,
}

/// Bytes that arguments have as JSON at most, unless their task type sets another limit.
const MAX_ARGS: usize = 64 * 1024;

impl<A, R> Task<A, R> {
    /// A task of a state and a name; both are stored and stand in URLs.
    pub fn new(
        source: Source,
        state: impl Into<String>,
        name: &'static str,
        run: fn(TaskContext, PortalState, A) -> TaskFuture<R>,
    ) -> Self
    where
        A: TaskArgs,
        R: Serialize + Send + 'static,
    {
        let parts = Parts {
            source,
            state: state.into(),
            name,
            title: Cow::Borrowed(name),
            description: Cow::Borrowed(""),
            access: Access::Public,
            internal: false,
            on_crash: OnCrash::Rerun,
            notify: None,
            timeout: None,
            retry: RetryPolicy::default(),
            priority: 0,
            concurrency: None,
            unique: false,
            schedule: ScheduleText::default(),
            max_args: MAX_ARGS,
            requirements: Vec::new(),
        };
        Self {
            parts,
            run,
            erase: erase::<A, R>,
        }
    }

    /// Its name for people.
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.parts.title = title.into();
        self
    }

    /// What it does.
    pub fn description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.parts.description = description.into();
        self
    }

    /// Access rule for starting it, checked again when it starts to run. Default: anyone with a
    /// client token.
    pub fn access(mut self, access: Access) -> Self {
        self.parts.access = access;
        self
    }

    /// Hides it from everyone outside of the application's code: neither the REST API nor a page
    /// lists or starts it.
    pub fn internal(mut self) -> Self {
        self.parts.internal = true;
        self
    }

    /// What becomes of it when its process dies.
    pub fn on_crash(mut self, on_crash: OnCrash) -> Self {
        self.parts.on_crash = on_crash;
        self
    }

    /// Of which of its ends the user is told for whom it was started.
    pub fn notify(mut self, notify: TaskNotify) -> Self {
        self.parts.notify = Some(notify);
        self
    }

    /// How long one attempt may take.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.parts.timeout = Some(limit);
        self
    }

    /// How often it is tried again after a failure, a panic or a timeout; not at all by default.
    /// A crash of its process is not counted.
    pub fn retries(mut self, retries: u32) -> Self {
        self.parts.retry.max_attempts = retries.saturating_add(1);
        self
    }

    /// The pause before it is tried again, one second by default; each later pause is twice as
    /// long, up to an hour, and shortened by chance by up to a half.
    pub fn backoff(mut self, first: Duration) -> Self {
        self.parts.retry.backoff = first;
        self
    }

    /// Tasks of a greater priority are begun first; 0 by default.
    pub fn priority(mut self, priority: i32) -> Self {
        self.parts.priority = priority;
        self
    }

    /// How many tasks of this kind run at once, over all replicas; no limit by default.
    pub fn concurrency(mut self, tasks: u32) -> Self {
        self.parts.concurrency = Some(tasks);
        self
    }

    /// At most one task with the same arguments is active: starting another gives that one.
    pub fn unique(mut self) -> Self {
        self.parts.unique = true;
        self
    }

    /// Starts it at the times of a cron expression: five fields, or six that begin with seconds.
    ///
    /// Each time starts one task over all replicas, with the arguments `{}`.
    pub fn schedule(mut self, cron: impl Into<Cow<'static, str>>) -> Self {
        self.parts.schedule.cron = Some(cron.into());
        self
    }

    /// The time zone of its schedule, such as `Europe/Berlin`; without one it is `UTC`.
    pub fn time_zone(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.parts.schedule.time_zone = Some(name.into());
        self
    }

    /// Sets the maximum size of its arguments as JSON, in bytes. Default: 64 KiB.
    ///
    /// A larger request body is rejected with `413 args_too_large` before it is parsed, and so are
    /// larger arguments from code.
    pub fn max_args(mut self, bytes: usize) -> Self {
        self.parts.max_args = bytes;
        self
    }

    /// Says that it takes a value out of the portal's state, so that start-up can check for it.
    pub fn needs<I: TaskInput>(mut self) -> Self {
        self.parts.requirements.push(I::requirement());
        self
    }

    /// The same without its types.
    #[must_use]
    pub fn into_definition(self) -> TaskDefinition {
        (self.erase)(self.parts, self.run)
    }
}

fn erase<A: TaskArgs, R: Serialize + Send + 'static>(
    parts: Parts,
    run: Run<A, R>,
) -> TaskDefinition {
    let takes_args = std::any::TypeId::of::<A>() != std::any::TypeId::of::<NoArgs>();
    TaskDefinition {
        source: parts.source,
        state: parts.state,
        name: parts.name,
        title: Arc::from(&*parts.title),
        description: parts.description,
        access: parts.access,
        internal: parts.internal,
        on_crash: parts.on_crash,
        notify: parts.notify,
        timeout: parts.timeout,
        retry: parts.retry,
        priority: parts.priority,
        concurrency: parts.concurrency,
        unique: parts.unique,
        schedule: parts.schedule,
        max_args: parts.max_args,
        requirements: parts.requirements,
        schema: takes_args.then(|| ArgsSchema::new(schemars::schema_for!(A))),
        check: accept::<A>,
        run: Box::new(move |context, state, value| {
            Box::pin(async move {
                if json::is_cut(&value) {
                    let message = "the stored arguments are nested too deeply";
                    return Err(TaskError::permanent(message).with_code("invalid_parameters"));
                }
                let args = decode::<A>(value).map_err(no_longer_fits)?;
                let result = run(context, state, args).await?;
                json::to_storable(&result).map_err(|error| {
                    TaskError::permanent(format!("the result cannot be stored: {error}"))
                        .with_code("result_invalid")
                })
            })
        }),
    }
}

impl<A, R> std::fmt::Debug for Task<A, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Task({}/{})", self.parts.state, self.parts.name)
    }
}

/// What stands for the arguments of a kind of task, whatever the order of their members.
fn unique_key(state: &str, name: &str, args: &Value) -> String {
    let mut text = String::new();
    write_sorted(args, &mut text);
    let digest = Sha256::digest(text.as_bytes());
    let digest = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, digest);
    format!("{state}/{name}/{digest}")
}

fn write_sorted(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in members {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_sorted(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_sorted(item, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

/// Arguments were checked before they were stored; only another version of the program gets here.
fn no_longer_fits(faults: Vec<Fault>) -> TaskError {
    let faults: Vec<_> = faults
        .iter()
        .map(|fault| format!("{} {}", fault.pointer, fault.message))
        .collect();
    TaskError::permanent(format!(
        "the stored arguments no longer fit the task: {}",
        faults.join("; ")
    ))
    .with_code("invalid_parameters")
}

/// A kind of task without its types, as the registry keeps it.
pub struct TaskDefinition {
    pub(crate) source: Source,
    pub(crate) state: String,
    pub(crate) name: &'static str,
    pub(crate) title: Arc<str>,
    pub(crate) description: Cow<'static, str>,
    pub(crate) access: Access,
    /// It is started from code only.
    pub(crate) internal: bool,
    pub(crate) on_crash: OnCrash,
    pub(crate) notify: Option<TaskNotify>,
    pub(crate) timeout: Option<Duration>,
    pub(super) retry: RetryPolicy,
    pub(super) priority: i32,
    pub(super) concurrency: Option<u32>,
    pub(super) unique: bool,
    pub(super) schedule: ScheduleText,
    /// Maximum size of its arguments as JSON, in bytes.
    pub(super) max_args: usize,
    pub(crate) requirements: Vec<Requirement>,
    schema: Option<ArgsSchema>,
    check: fn(&Value) -> Result<Value, Vec<Fault>>,
    pub(super) run: Box<dyn Fn(TaskContext, PortalState, Value) -> TaskFuture<Value> + Send + Sync>,
}

impl TaskDefinition {
    /// The JSON Schema of its arguments, if it takes any.
    pub(crate) fn args_schema(&self) -> Option<&Value> {
        self.schema.as_ref().map(|schema| &schema.document)
    }

    /// Arguments that fit, if it takes any.
    pub(crate) fn example(&self) -> Option<&Value> {
        self.schema.as_ref().map(|schema| &schema.example)
    }

    /// A task of this type that is to be stored.
    pub(super) fn new_task(&self, args: AcceptedArgs) -> NewTask {
        let unique_key = self
            .unique
            .then(|| unique_key(&self.state, self.name, &args.value));
        let mut task = NewTask::new(self.state.as_str(), self.name, args);
        task.priority = self.priority;
        task.max_attempts = i32::try_from(self.retry.max_attempts).unwrap_or(i32::MAX);
        task.unique_key = unique_key;
        task
    }

    /// Checks arguments and their size, and returns them as they are stored.
    pub(super) fn accept(&self, args: &Value) -> Result<AcceptedArgs, Error> {
        let args = self.check(args).map_err(Error::invalid)?;
        if args.bytes > self.max_args {
            return Err(self.args_too_large());
        }
        Ok(args)
    }

    pub(super) fn args_too_large(&self) -> Error {
        Error::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "args_too_large",
            format!(
                "the arguments of `{}` have at most {} bytes",
                self.name, self.max_args
            ),
        )
    }

    /// Checks arguments and returns every fault: those of shape first, then those of the rules.
    pub(super) fn check(&self, args: &Value) -> Result<AcceptedArgs, Vec<Fault>> {
        let Some(schema) = &self.schema else {
            return Ok(AcceptedArgs::none());
        };
        let mut faults = schema.faults(args);
        faults.extend(json::faults(args, ""));
        if !faults.is_empty() {
            return Err(faults);
        }
        (self.check)(args).map(AcceptedArgs::new)
    }
}

impl std::fmt::Debug for TaskDefinition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TaskDefinition({}/{})", self.state, self.name)
    }
}
