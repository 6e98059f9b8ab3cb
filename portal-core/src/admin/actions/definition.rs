//! Actions as declared in code, without the types of their rows and arguments.

use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::model::AdminModel;
use super::super::policy::Operation;
use super::report::ActionReport;
use super::row_cursor::RowCursor;
use super::rows::Rows;
use crate::auth::Access;
use crate::error::{Error, FieldError, Result};
use crate::json;
use crate::request::{from_value, garde_errors};
use crate::source::Source;
use crate::state::{Dependency, PortalState, TaskInput};
use crate::tasks::{ArgsSchema, NoArgs};

/// Future of a running action.
pub type ActionFuture = Pin<Box<dyn Future<Output = Result<ActionReport>> + Send>>;

/// Arguments of an action. Deriving the two traits below implements this trait.
///
/// If the type also derives `garde::Validate`, `#[admin_action]` applies its rules.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `ActionArgs`",
    label = "invalid arguments of an action",
    note = "add `#[derive(serde::Deserialize, schemars::JsonSchema)]`"
)]
pub trait ActionArgs: DeserializeOwned + JsonSchema + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<A: DeserializeOwned + JsonSchema + Send + 'static> ActionArgs for A {}

/// Rows for which an action is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum ActionTarget {
    One,
    Many,
    All,
}

impl ActionTarget {
    pub(in super::super) fn as_str(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Many => "many",
            Self::All => "all",
        }
    }
}

type Run = Arc<dyn Fn(RowCursor, PortalState, Value) -> Result<ActionFuture> + Send + Sync>;
type Check = Arc<dyn Fn(&Value) -> Result<(), Vec<FieldError>> + Send + Sync>;

/// An action on rows of a model, usually declared with `#[admin_action]`.
///
/// ```
/// use portal_core::admin::AdminAction;
/// use portal_core::prelude::*;
/// use portal_core::source;
///
/// /// A plan
/// #[admin_model]
/// struct Plan { id: i64, name: String, is_public: bool }
///
/// fn publish() -> AdminAction {
///     AdminAction::new::<Plan, NoArgs>(source!(publish), "publish", |rows, _state, _args| {
///         Box::pin(rows.for_each(|plan| {
///             plan.is_public = true;
///             Ok(())
///         }))
///     })
///     .title("Publish")
/// }
/// # fn main() { let _ = publish(); }
/// ```
#[derive(Clone)]
#[must_use]
pub struct AdminAction {
    pub(crate) source: Source,
    /// Name of the model.
    pub(crate) model: &'static str,
    pub(crate) name: &'static str,
    pub(crate) title: Cow<'static, str>,
    pub(crate) description: Cow<'static, str>,
    pub(in super::super) targets: Vec<ActionTarget>,
    pub(in super::super) confirm: Option<Cow<'static, str>>,
    pub(in super::super) is_danger: bool,
    /// `true` if the action runs as a background task.
    pub(in super::super) is_background: bool,
    /// Rule; `None` for that of changes.
    pub(in super::super) access: Option<Access>,
    pub(crate) dependencies: Vec<Dependency>,
    schema: Option<Arc<ArgsSchema>>,
    check: Check,
    run: Run,
}

impl fmt::Debug for AdminAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdminAction({}/{})", self.model, self.name)
    }
}

impl AdminAction {
    /// Creates an action on rows of the model `M` with arguments `A`, which is
    /// [`NoArgs`] for an action without arguments.
    ///
    /// The name is part of URLs and of audit entries.
    pub fn new<M: AdminModel, A: ActionArgs>(
        source: Source,
        name: &'static str,
        run: fn(Rows<M>, PortalState, A) -> ActionFuture,
    ) -> Self {
        Self::checked(source, name, run, |_| Vec::new())
    }

    /// Creates an action whose arguments satisfy the rules of `garde`.
    pub fn validated<M: AdminModel, A: ActionArgs + garde::Validate<Context = ()>>(
        source: Source,
        name: &'static str,
        run: fn(Rows<M>, PortalState, A) -> ActionFuture,
    ) -> Self {
        Self::checked(source, name, run, garde_errors::<A>)
    }

    #[doc(hidden)]
    pub fn checked<M: AdminModel, A: ActionArgs>(
        source: Source,
        name: &'static str,
        run: fn(Rows<M>, PortalState, A) -> ActionFuture,
        rules: fn(&A) -> Vec<FieldError>,
    ) -> Self {
        let takes_args = TypeId::of::<A>() != TypeId::of::<NoArgs>();
        Self {
            source,
            model: M::NAME,
            name,
            title: Cow::Borrowed(name),
            description: Cow::Borrowed(""),
            targets: vec![ActionTarget::One, ActionTarget::Many],
            confirm: None,
            is_danger: false,
            is_background: false,
            access: None,
            dependencies: Vec::new(),
            schema: takes_args.then(|| Arc::new(ArgsSchema::new(schemars::schema_for!(A)))),
            check: Arc::new(move |value| {
                let args: A = from_value(value.clone()).map_err(|error| vec![error])?;
                match rules(&args) {
                    errors if errors.is_empty() => Ok(()),
                    errors => Err(errors),
                }
            }),
            run: Arc::new(move |cursor, state, value| {
                let args: A = from_value(value).map_err(|error| Error::invalid(vec![error]))?;
                Ok(run(Rows::new(cursor), state, args))
            }),
        }
    }

    /// Sets the title. Default: the name.
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the description, which is shown with the arguments and the confirmation. Default:
    /// empty.
    pub fn description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = description.into();
        self
    }

    /// Offers the action for one row, for selected rows, and for all rows that match the list's
    /// filter. Default: for one row and for selected rows.
    pub fn on(mut self, one: bool, many: bool, all: bool) -> Self {
        let targets = [
            (one, ActionTarget::One),
            (many, ActionTarget::Many),
            (all, ActionTarget::All),
        ];
        let offered = targets.into_iter().filter(|(is_offered, _)| *is_offered);
        self.targets = offered.map(|(_, target)| target).collect();
        self
    }

    /// Sets the question that the user must confirm; `{count}` is replaced by the number of rows.
    /// Default: only an action on all rows that match must be confirmed.
    pub fn confirm(mut self, question: impl Into<Cow<'static, str>>) -> Self {
        self.confirm = Some(question.into());
        self
    }

    /// Marks the action as destructive.
    pub fn danger(mut self) -> Self {
        self.is_danger = true;
        self
    }

    /// Runs the action as a background task, which belongs to the user and which they can monitor.
    ///
    /// The task has the name of the model as its group and the name of the action as its name. It
    /// continues after a restart of the portal; rows of the last batch may then be processed again.
    pub fn background(mut self) -> Self {
        self.is_background = true;
        self
    }

    /// Sets the access rule. Default: the rule for changing rows.
    ///
    /// Only users who may view the model can run the action, and only on rows in their scope.
    pub fn access(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// Declares a value that the action reads from the portal's state; start-up fails without it.
    pub fn depends_on<I: TaskInput>(mut self) -> Self {
        self.dependencies.push(I::dependency());
        self
    }

    /// Returns the operation of the action, for the model's policy.
    pub(in super::super) fn operation(&self) -> Operation {
        Operation::Action(self.name)
    }

    pub(in super::super) fn is_offered_for(&self, target: ActionTarget) -> bool {
        self.targets.contains(&target)
    }

    /// Returns `true` if the action runs on selected rows without a form.
    pub(in super::super) fn runs_directly(&self) -> bool {
        self.schema.is_none() && self.confirm.is_none()
    }

    /// Returns the JSON Schema of the arguments, if the action takes any.
    pub(in super::super) fn args_schema(&self) -> Option<&Value> {
        self.schema.as_ref().map(|schema| &schema.document)
    }

    /// Returns every error in the arguments: structural ones first, then violated rules.
    pub(in super::super) fn check(&self, args: &Value) -> Result<(), Vec<FieldError>> {
        let Some(schema) = &self.schema else {
            let is_empty = args.is_null() || args.as_object().is_some_and(|it| it.is_empty());
            return match is_empty {
                true => Ok(()),
                false => {
                    let message = "must be empty; the action takes no arguments";
                    Err(vec![FieldError::new("", "not_allowed", message)])
                }
            };
        };
        let mut errors = schema.validate(args);
        errors.extend(json::validate(args, ""));
        if !errors.is_empty() {
            return Err(errors);
        }
        (self.check)(args)
    }

    /// Starts the action on rows, with checked arguments.
    pub(super) fn start(
        &self,
        rows: RowCursor,
        state: PortalState,
        args: Value,
    ) -> Result<ActionFuture> {
        let args = match self.schema {
            Some(_) => args,
            None => Value::Object(serde_json::Map::new()),
        };
        (self.run)(rows, state, args)
    }
}

/// An action found by `discover()`.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ActionEntry(fn() -> AdminAction);

impl ActionEntry {
    /// Creates the entry for an action.
    #[must_use]
    pub const fn new(action: fn() -> AdminAction) -> Self {
        Self(action)
    }

    pub(crate) fn action(&self) -> AdminAction {
        (self.0)()
    }
}

inventory::collect!(ActionEntry);
