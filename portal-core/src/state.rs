//! Shared values by type, which handlers and tasks access through `Data<T>`.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::error::Error;

type TypeMap = HashMap<TypeId, Arc<dyn Any + Send + Sync>, BuildHasherDefault<TypeIdHasher>>;

/// Hasher for `TypeId`, which is already a hash; every request looks up values by `TypeId`.
#[derive(Default)]
struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// State of a portal's router: a cheap handle to values that are looked up by type.
///
/// The framework stores its own handles here in the same way as the application's values.
#[derive(Clone, Default)]
pub struct PortalState {
    values: Arc<TypeMap>,
}

impl PortalState {
    /// Returns the value of a type, if the portal has one.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.values.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }

    /// Returns a reference, for the request path: unlike [`get`](Self::get), it does not increment
    /// the reference count.
    pub(crate) fn borrow<T: Send + Sync + 'static>(&self) -> Result<&T, Error> {
        self.values
            .get(&TypeId::of::<T>())
            .and_then(|value| value.downcast_ref())
            .ok_or_else(|| Error::internal(missing::<T>()))
    }
}

impl std::fmt::Debug for PortalState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PortalState")
            .field("values", &self.values.len())
            .finish()
    }
}

/// Collects the values of a [`PortalState`] while a portal is built.
#[derive(Default)]
pub(crate) struct StateBuilder(TypeMap);

impl StateBuilder {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    pub(crate) fn insert_shared<T: Send + Sync + 'static>(&mut self, value: Arc<T>) {
        self.0.insert(TypeId::of::<T>(), value);
    }

    pub(crate) fn build(self) -> PortalState {
        PortalState {
            values: Arc::new(self.0),
        }
    }
}

/// A value that the application passed to the builder with `.data(value)`.
///
/// `Data` is an extractor for pages and routes, and an argument type of background tasks.
///
/// ```
/// use portal_core::prelude::*;
///
/// struct Greeting(&'static str);
///
/// async fn hello(greeting: Data<Greeting>) -> &'static str {
///     greeting.0
/// }
/// ```
#[derive(Debug)]
pub struct Data<T>(Arc<T>);

impl<T> Clone for Data<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Data<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A value that a task receives from its portal's state before it runs.
///
/// A task written by hand declares it with [`Task::depends_on`](crate::Task::depends_on), so that
/// the portal does not start if the value is missing.
///
/// ```
/// use portal_core::{Error, PortalState, Dependency, TaskInput};
///
/// struct Mailer(String);
/// /// The address of the mail server.
/// struct MailServer(String);
///
/// impl TaskInput for MailServer {
///     fn dependency() -> Dependency {
///         Dependency::of::<Mailer>()
///     }
///
///     fn resolve(state: &PortalState) -> Result<Self, Error> {
///         let mailer = state.get::<Mailer>();
///         let mailer = mailer.ok_or_else(|| Error::internal("no mailer is set"))?;
///         Ok(Self(mailer.0.clone()))
///     }
/// }
/// ```
pub trait TaskInput: Sized {
    /// Returns the type that the portal's state must contain, with its name for start-up errors.
    fn dependency() -> Dependency;

    /// Returns the value.
    ///
    /// # Errors
    ///
    /// Fails if the state does not contain the required type.
    fn resolve(state: &PortalState) -> Result<Self, Error>;
}

/// A type that must be passed to the builder before the portal can start.
#[derive(Debug, Clone, Copy)]
pub struct Dependency {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
}

impl Dependency {
    /// Requires a value of a type, which the application passes to the builder with `.data(value)`.
    #[must_use]
    pub fn of<T: Send + Sync + 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
        }
    }
}

impl<T: Send + Sync + 'static> TaskInput for Data<T> {
    fn dependency() -> Dependency {
        Dependency::of::<T>()
    }

    fn resolve(state: &PortalState) -> Result<Self, Error> {
        state
            .get()
            .map(Data)
            .ok_or_else(|| Error::internal(missing::<T>()))
    }
}

impl<T: Send + Sync + 'static> FromRequestParts<PortalState> for Data<T> {
    type Rejection = Error;

    async fn from_request_parts(_: &mut Parts, state: &PortalState) -> Result<Self, Error> {
        Self::resolve(state)
    }
}

fn missing<T>() -> String {
    format!(
        "no `{}` is set; add `.data(value)` to the builder",
        type_name::<T>()
    )
}
