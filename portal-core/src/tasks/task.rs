//! A kind of task: what `#[monitored_background_task]` writes.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::args::{NoArgs, TaskArgs, decode, unstorable};
use super::context::TaskContext;
use super::error::TaskError;
use super::schedule::ScheduleText;
use super::schema::ArgsSchema;
use crate::auth::Access;
use crate::error::Fault;
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
    on_crash: OnCrash,
    timeout: Option<Duration>,
    schedule: ScheduleText,
    requirements: Vec<Requirement>,
}

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
            on_crash: OnCrash::Rerun,
            timeout: None,
            schedule: ScheduleText::default(),
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

    /// Who may start it, checked again when it begins to run.
    pub fn access(mut self, access: Access) -> Self {
        self.parts.access = access;
        self
    }

    /// What becomes of it when its process dies.
    pub fn on_crash(mut self, on_crash: OnCrash) -> Self {
        self.parts.on_crash = on_crash;
        self
    }

    /// How long one attempt may take.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.parts.timeout = Some(limit);
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
        on_crash: parts.on_crash,
        timeout: parts.timeout,
        schedule: parts.schedule,
        requirements: parts.requirements,
        schema: takes_args.then(|| ArgsSchema::new(schemars::schema_for!(A))),
        check: |value| decode::<A>(value).map(drop),
        run: Box::new(move |context, state, value| {
            Box::pin(async move {
                let args = decode::<A>(value).map_err(no_longer_fits)?;
                let result = run(context, state, args).await?;
                serde_json::to_value(result).map_err(|error| {
                    TaskError::new(format!("the result cannot be written as JSON: {error}"))
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

/// Arguments were checked before they were stored; only another version of the program gets here.
fn no_longer_fits(faults: Vec<Fault>) -> TaskError {
    let faults: Vec<_> = faults
        .iter()
        .map(|fault| format!("{} {}", fault.pointer, fault.message))
        .collect();
    TaskError::new(format!(
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
    pub(crate) on_crash: OnCrash,
    pub(crate) timeout: Option<Duration>,
    pub(super) schedule: ScheduleText,
    pub(crate) requirements: Vec<Requirement>,
    schema: Option<ArgsSchema>,
    check: fn(Value) -> Result<(), Vec<Fault>>,
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

    /// Checks arguments and gives every fault: those of shape first, then those of the rules.
    pub(crate) fn check(&self, args: &Value) -> Result<(), Vec<Fault>> {
        let Some(schema) = &self.schema else {
            return Ok(());
        };
        let mut faults = schema.faults(args);
        unstorable(args, "", &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        (self.check)(args.clone())
    }
}

impl std::fmt::Debug for TaskDefinition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TaskDefinition({}/{})", self.state, self.name)
    }
}
