//! Hooks of models: application code that runs with each change of a row, in its transaction.

use std::fmt;
use std::pin::Pin;

use super::model::{AdminModel, mismatch};
use super::models::ModelsWithin;
use super::registry::ModelRegistry;
use super::spec::{ModelSpec, RowValues};
use super::values::FieldValues;
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::store::{Connection, Store, Transaction};

/// Code that runs with each change of a model's rows, in the transaction of the change.
///
/// `#[admin_model(hooks)]` on the struct makes forms, the REST API, actions, default rows and
/// [`Models`](super::Models) run the hooks. An error or a panic rolls the change back. An
/// administrator sees the field errors of [`Error::invalid`] in the form.
///
/// A hook may run more than once for a change that is repeated because of a concurrent one, and its
/// transaction may still fail. Effects outside of the database therefore belong in a task that the
/// hook enqueues in the transaction.
///
/// ```
/// use portal_core::admin::{HookContext, ModelHooks};
/// use portal_core::prelude::*;
/// use portal_core::FieldError;
///
/// /// Stock of an article
/// #[admin_model(hooks)]
/// struct Article {
///     id: i64,
///     name: String,
///     stock: i32,
///     reserved: i32,
/// }
///
/// impl ModelHooks for Article {
///     async fn before_save(&mut self, _old: Option<&Self>, _: &mut HookContext<'_>) -> Result<()> {
///         self.name = self.name.trim().to_owned();
///         if self.reserved > self.stock {
///             let error = FieldError::new("/reserved", "invalid_value", "must not exceed the stock");
///             return Err(Error::invalid(vec![error]));
///         }
///         Ok(())
///     }
///
///     async fn before_delete(&self, _: &mut HookContext<'_>) -> Result<()> {
///         if self.reserved > 0 {
///             return Err(Error::conflict("reserved", "the article is reserved"));
///         }
///         Ok(())
///     }
/// }
/// # fn main() {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` declares `hooks`, but does not implement `ModelHooks`",
    label = "add `impl ModelHooks for {Self}`"
)]
pub trait ModelHooks: AdminModel {
    /// Runs before a row is added (`old` is `None`) or changed. It can change all fields except
    /// the key.
    ///
    /// # Errors
    ///
    /// An error rejects the change.
    fn before_save(
        &mut self,
        _old: Option<&Self>,
        _context: &mut HookContext<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Runs after a row was added (`old` is `None`) or changed.
    ///
    /// # Errors
    ///
    /// An error rolls the change back.
    fn after_save(
        &self,
        _old: Option<&Self>,
        _context: &mut HookContext<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Runs before a row is deleted.
    ///
    /// # Errors
    ///
    /// An error rejects the deletion.
    fn before_delete(
        &self,
        _context: &mut HookContext<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Runs after a row was deleted.
    ///
    /// # Errors
    ///
    /// An error rolls the deletion back.
    fn after_delete(
        &self,
        _context: &mut HookContext<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// The change during which a hook runs.
#[derive(Debug)]
pub struct HookContext<'a> {
    pub(super) transaction: &'a mut Transaction,
    pub(super) registry: &'a ModelRegistry,
    pub(super) store: &'a Store,
    pub(super) actor: Option<&'a Actor>,
}

impl HookContext<'_> {
    /// Returns the actor whose change the audit log records, such as an administrator; `None` for
    /// the application's own code.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        self.actor
    }

    /// Returns the transaction of the change.
    pub fn transaction(&mut self) -> &mut Transaction {
        self.transaction
    }

    /// Returns access to the rows of all models within the transaction.
    ///
    /// The audit log records changes to these rows for the actor of the change.
    pub fn models(&mut self) -> ModelsWithin<'_> {
        let connection = Connection::Transaction(self.transaction);
        ModelsWithin::new(self.store, self.registry, connection, self.actor)
    }
}

type HookFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;
type BeforeSaveHook =
    for<'a> fn(Option<&'a RowValues>, &'a RowValues, HookContext<'a>) -> HookFuture<'a, RowValues>;
type AfterSaveHook =
    for<'a> fn(Option<&'a RowValues>, &'a RowValues, HookContext<'a>) -> HookFuture<'a, ()>;
type DeleteHook = for<'a> fn(&'a RowValues, HookContext<'a>) -> HookFuture<'a, ()>;

/// The hooks of a model, for [`AdminModel::hooks`].
#[derive(Clone, Copy)]
pub struct HookTable {
    before_save: BeforeSaveHook,
    after_save: AfterSaveHook,
    before_delete: DeleteHook,
    after_delete: DeleteHook,
}

impl fmt::Debug for HookTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookTable")
    }
}

impl HookTable {
    /// Returns the hooks of a model.
    #[must_use]
    pub fn of<M: ModelHooks>() -> Self {
        Self {
            before_save: |old, new, mut context| {
                Box::pin(async move {
                    let (old, mut new) = (optional::<M>(old)?, typed::<M>(new)?);
                    new.before_save(old.as_ref(), &mut context).await?;
                    let names = M::FIELDS.iter().map(|field| field.name.to_owned());
                    Ok(names.zip(new.to_values()).collect())
                })
            },
            after_save: |old, new, mut context| {
                Box::pin(async move {
                    let (old, row) = (optional::<M>(old)?, typed::<M>(new)?);
                    row.after_save(old.as_ref(), &mut context).await
                })
            },
            before_delete: |row, mut context| {
                Box::pin(async move { typed::<M>(row)?.before_delete(&mut context).await })
            },
            after_delete: |row, mut context| {
                Box::pin(async move { typed::<M>(row)?.after_delete(&mut context).await })
            },
        }
    }

    /// Runs `before_save` on a checked row and returns the row to write, checked again.
    pub(super) async fn before_save(
        &self,
        model: &ModelSpec,
        old: Option<&RowValues>,
        new: &RowValues,
        context: HookContext<'_>,
    ) -> Result<RowValues> {
        let key = model.key();
        let mut given = new.clone();
        // A key that the database generates is still missing.
        given
            .entry(key.name)
            .or_insert_with(|| if key.nullable { None::<i64> } else { Some(0) }.into());
        let mut row = (self.before_save)(old, &given, context).await?;
        row.insert(key.name.to_owned(), given[key.name].clone());
        model.checked(row).map_err(Error::invalid)
    }

    pub(super) async fn after_save(
        &self,
        old: Option<&RowValues>,
        new: &RowValues,
        context: HookContext<'_>,
    ) -> Result<()> {
        (self.after_save)(old, new, context).await
    }

    pub(super) async fn before_delete(
        &self,
        row: &RowValues,
        context: HookContext<'_>,
    ) -> Result<()> {
        (self.before_delete)(row, context).await
    }

    pub(super) async fn after_delete(
        &self,
        row: &RowValues,
        context: HookContext<'_>,
    ) -> Result<()> {
        (self.after_delete)(row, context).await
    }
}

fn optional<M: AdminModel>(row: Option<&RowValues>) -> Result<Option<M>> {
    row.map(typed).transpose()
}

fn typed<M: AdminModel>(row: &RowValues) -> Result<M> {
    M::from_values(FieldValues::new(row.clone())).map_err(|errors| mismatch::<M>(&errors))
}
