//! Scopes: the rows of a model that a user may see.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use sea_query::{Cond, Expr, ExprTrait};
use serde_json::Value;

use super::field::{AdminField, FieldSpec};
use super::model::AdminModel;
use super::spec::ModelSpec;
use crate::auth::User;
use crate::error::{Error, Result};
use crate::state::{Dependency, PortalState, TaskInput};

/// Rows of a model that a user may see: all rows, no rows, or those that satisfy a condition.
///
/// `#[admin_model(scope = ..)]` names the function that returns it.
///
/// ```
/// use portal_core::admin::{ModelField, Scope};
/// use portal_core::prelude::*;
///
/// /// Deals in the pipeline
/// #[admin_model(requires_role = "sales", scope = visible_deals)]
/// struct Deal {
///     id: i64,
///     owner_id: Uuid,
///     #[admin(default = false)]
///     is_public: bool,
/// }
/// # use uuid::Uuid;
///
/// const OWNER: ModelField<Deal> = ModelField::named("owner_id");
/// const PUBLIC: ModelField<Deal> = ModelField::named("is_public");
///
/// async fn visible_deals(user: &User) -> Result<Scope<Deal>> {
///     Ok(OWNER.is(user.id).or(PUBLIC.is(true)).into())
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Scope<M> {
    rows: Rows,
    model: PhantomData<fn() -> M>,
}

/// Rows in a scope, independent of the type of the model.
#[derive(Debug, Clone)]
pub(super) enum Rows {
    All,
    Nothing,
    Where(RowCondition),
}

/// Condition on the fields of a row.
#[derive(Debug, Clone)]
pub(super) enum RowCondition {
    /// The field has one of these values.
    In(&'static str, Vec<Value>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl<M: AdminModel> Scope<M> {
    const fn of(rows: Rows) -> Self {
        Self {
            rows,
            model: PhantomData,
        }
    }

    /// Returns the scope that contains every row.
    pub const fn everything() -> Self {
        Self::of(Rows::All)
    }

    /// Returns the scope that contains no row.
    pub const fn nothing() -> Self {
        Self::of(Rows::Nothing)
    }
}

/// The rows that satisfy a condition.
impl<M: AdminModel> From<ModelCondition<M>> for Scope<M> {
    fn from(condition: ModelCondition<M>) -> Self {
        Self::of(Rows::Where(condition.condition))
    }
}

/// Condition on the fields of a model's rows; see [`Scope`].
#[derive(Debug, Clone)]
#[must_use]
pub struct ModelCondition<M> {
    condition: RowCondition,
    model: PhantomData<fn() -> M>,
}

impl<M: AdminModel> ModelCondition<M> {
    const fn of(condition: RowCondition) -> Self {
        Self {
            condition,
            model: PhantomData,
        }
    }

    /// Returns the condition that both conditions are satisfied.
    pub fn and(self, other: Self) -> Self {
        Self::of(RowCondition::All(vec![self.condition, other.condition]))
    }

    /// Returns the condition that at least one of the conditions is satisfied.
    pub fn or(self, other: Self) -> Self {
        Self::of(RowCondition::Any(vec![self.condition, other.condition]))
    }
}

/// A field of a model, for conditions; see [`Scope`].
#[derive(Debug)]
#[must_use]
pub struct ModelField<M> {
    name: &'static str,
    model: PhantomData<fn() -> M>,
}

impl<M> Clone for ModelField<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for ModelField<M> {}

impl<M: AdminModel> ModelField<M> {
    /// Returns the field with a name. In a `const`, a wrong name is a compile error.
    ///
    /// # Panics
    ///
    /// Panics if the model has no such field.
    pub const fn named(name: &'static str) -> Self {
        let mut at = 0;
        while at < M::FIELDS.len() {
            if is_same(M::FIELDS[at].name, name) {
                return Self {
                    name,
                    model: PhantomData,
                };
            }
            at += 1;
        }
        panic!("the admin model has no field with this name");
    }

    /// Returns the condition that the field has a value; `None` means an empty field.
    pub fn is(self, value: impl AdminField) -> ModelCondition<M> {
        self.is_in([value])
    }

    /// Returns the condition that the field has one of the values. Without values, no row satisfies
    /// it.
    pub fn is_in(self, values: impl IntoIterator<Item = impl AdminField>) -> ModelCondition<M> {
        let values = values.into_iter().map(|value| value.to_value());
        ModelCondition::of(RowCondition::In(self.name, values.collect()))
    }
}

const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// Rows that a caller may see, as a condition of statements.
#[derive(Debug, Clone)]
pub(crate) enum RowScope {
    All,
    Where(Cond),
}

impl RowScope {
    /// Returns the condition for the `WHERE` clause of a statement.
    pub(super) fn condition(&self) -> Cond {
        match self {
            Self::All => Cond::all(),
            Self::Where(condition) => condition.clone(),
        }
    }
}

impl Rows {
    /// Converts the scope to a condition of statements. Fails if a value does not have the type of
    /// its field.
    pub(super) fn compile(self, model: &ModelSpec) -> Result<RowScope> {
        Ok(match self {
            Self::All => RowScope::All,
            Self::Nothing => RowScope::Where(nothing()),
            Self::Where(condition) => RowScope::Where(compile(model, condition)?),
        })
    }
}

fn nothing() -> Cond {
    Cond::all().add(Expr::val(1).eq(0))
}

fn compile(model: &ModelSpec, condition: RowCondition) -> Result<Cond> {
    let (empty, conditions) = match condition {
        RowCondition::In(name, values) => {
            let field = model.field(name).ok_or_else(|| {
                Error::internal(format!("`{}` has no field `{name}`", model.name))
            })?;
            let mut any = Cond::any();
            for value in &values {
                any = any.add(equals(field, value).ok_or_else(|| {
                    Error::internal(format!(
                        "the scope of `{}` compares `{name}` with a value of another type",
                        model.name
                    ))
                })?);
            }
            return Ok(if values.is_empty() { nothing() } else { any });
        }
        RowCondition::All(conditions) => (Cond::all(), conditions),
        RowCondition::Any(conditions) => (Cond::any(), conditions),
    };
    let mut compiled = conditions.into_iter().map(|it| compile(model, it));
    compiled.try_fold(empty, |all, it| Ok(all.add(it?)))
}

/// Returns the condition that a field has a value; `None` if its type is not that of the field.
fn equals(field: &FieldSpec, value: &Value) -> Option<Expr> {
    let column = Expr::col(field.name);
    Some(match value {
        Value::Null => column.is_null(),
        value => column.eq(field.kind.bind(value)?),
    })
}

type ScopeFuture<'a> = Pin<Box<dyn Future<Output = Result<Rows>> + Send + 'a>>;

/// A function that returns the rows of the model `M` that a user may see.
///
/// Implemented for `async fn(&User) -> Result<Scope<M>>`, also with one or two arguments of the
/// type `Data<_>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a scope",
    label = "expected `async fn(&User) -> Result<Scope<_>>`",
    note = "a scope may have up to two more arguments of the type `Data<_>`"
)]
pub trait ScopeFn<M, Args>: Send + Sync + 'static {
    /// Returns the types that the portal's state must contain.
    #[doc(hidden)]
    fn dependencies() -> Vec<Dependency>;

    /// Returns the rows that the user may see.
    #[doc(hidden)]
    fn scope<'a>(
        &'a self,
        user: &'a User,
        state: &'a PortalState,
    ) -> Pin<Box<dyn Future<Output = Result<Scope<M>>> + Send + 'a>>;
}

macro_rules! scope_fn {
    ($called:ident, $($input:ident)*) => {
        /// A call of the function with a user of the lifetime `'a`.
        #[doc(hidden)]
        pub trait $called<'a, M, $($input),*>: Fn(&'a User, $($input),*) -> Self::Scoped {
            type Scoped: Future<Output = Result<Scope<M>>> + Send + 'a;
        }

        impl<'a, M, F, Fut, $($input),*> $called<'a, M, $($input),*> for F
        where
            F: Fn(&'a User, $($input),*) -> Fut,
            Fut: Future<Output = Result<Scope<M>>> + Send + 'a,
        {
            type Scoped = Fut;
        }

        impl<M, F, $($input),*> ScopeFn<M, ($($input,)*)> for F
        where
            M: AdminModel,
            F: for<'a> $called<'a, M, $($input),*> + Send + Sync + 'static,
            $($input: TaskInput + Send + 'static,)*
        {
            fn dependencies() -> Vec<Dependency> {
                vec![$($input::dependency()),*]
            }

            fn scope<'a>(
                &'a self,
                user: &'a User,
                state: &'a PortalState,
            ) -> Pin<Box<dyn Future<Output = Result<Scope<M>>> + Send + 'a>> {
                let _ = state;
                Box::pin(async move { self(user, $($input::resolve(state)?),*).await })
            }
        }
    };
}

scope_fn!(ScopeFn0,);
scope_fn!(ScopeFn1, A);
scope_fn!(ScopeFn2, A B);

trait AnyScope: Send + Sync {
    fn rows<'a>(&'a self, user: &'a User, state: &'a PortalState) -> ScopeFuture<'a>;
}

struct Typed<M, Args, F>(F, PhantomData<fn() -> (M, Args)>);

impl<M: AdminModel, Args: 'static, F: ScopeFn<M, Args>> AnyScope for Typed<M, Args, F> {
    fn rows<'a>(&'a self, user: &'a User, state: &'a PortalState) -> ScopeFuture<'a> {
        Box::pin(async move { Ok(self.0.scope(user, state).await?.rows) })
    }
}

/// The scope function of a model.
#[derive(Clone)]
pub(super) struct ScopeHandler {
    function: Arc<dyn AnyScope>,
    dependencies: Vec<Dependency>,
}

impl ScopeHandler {
    pub(super) fn new<M: AdminModel, Args: 'static, F: ScopeFn<M, Args>>(function: F) -> Self {
        Self {
            function: Arc::new(Typed(function, PhantomData)),
            dependencies: F::dependencies(),
        }
    }

    pub(super) fn dependencies(&self) -> &[Dependency] {
        &self.dependencies
    }

    pub(super) async fn rows(&self, user: &User, state: &PortalState) -> Result<Rows> {
        self.function.rows(user, state).await
    }
}

impl fmt::Debug for ScopeHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeHandler").finish_non_exhaustive()
    }
}
