//! Scopes: the rows of a model that a user may see.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use sea_query::Cond;

use super::model::AdminModel;
use super::models::Condition;
use crate::auth::User;
use crate::error::Result;
use crate::state::{Dependency, PortalState, TaskInput};

/// Rows of a model that a user may see: all rows, no rows, or those that match a condition.
///
/// `#[admin_model(scope = ..)]` names the function that returns it.
///
/// ```
/// use portal_core::admin::Scope;
/// use portal_core::prelude::*;
/// use uuid::Uuid;
///
/// /// Deals in the pipeline
/// #[admin_model(requires_role = "sales", scope = visible_deals)]
/// struct Deal {
///     id: i64,
///     owner_id: Uuid,
///     #[admin(default = false)]
///     is_public: bool,
/// }
///
/// async fn visible_deals(user: &User) -> Result<Scope<Deal>> {
///     Ok(Deal::OWNER_ID.eq(user.id).or(Deal::IS_PUBLIC.eq(true)).into())
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
#[must_use]
pub struct Scope<M> {
    /// An invalid value in a condition is reported when the scope is used.
    rows: Result<RowScope>,
    model: PhantomData<fn() -> M>,
}

impl<M: AdminModel> Scope<M> {
    const fn of(rows: Result<RowScope>) -> Self {
        Self {
            rows,
            model: PhantomData,
        }
    }

    /// Returns the scope that contains every row.
    pub const fn everything() -> Self {
        Self::of(Ok(RowScope::All))
    }

    /// Returns the scope that contains no row.
    pub fn nothing() -> Self {
        Condition::any([]).into()
    }
}

/// The rows that match a condition.
impl<M: AdminModel> From<Condition<M>> for Scope<M> {
    fn from(condition: Condition<M>) -> Self {
        let condition = condition.into_expr();
        Self::of(condition.map(|condition| RowScope::Where(Cond::all().add(condition))))
    }
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

type ScopeFuture<'a> = Pin<Box<dyn Future<Output = Result<RowScope>> + Send + 'a>>;

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
        Box::pin(async move { self.0.scope(user, state).await?.rows })
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

    pub(super) async fn rows(&self, user: &User, state: &PortalState) -> Result<RowScope> {
        self.function.rows(user, state).await
    }
}

impl fmt::Debug for ScopeHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeHandler").finish_non_exhaustive()
    }
}
