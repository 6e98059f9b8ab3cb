//! Typed access to the rows of admin models, for application code.

mod column;
mod condition;
mod query;
mod rows;
mod within;

use std::sync::Arc;

use serde_json::Value;

use super::field::AdminField;
use super::model::AdminModel;
use super::registry::ModelRegistry;
use super::repository::ModelTable;
use crate::error::{Error, Result};
use crate::store::{Connection, Store, Transaction};

pub use column::{Column, IntoOperand, OrderBy, TextField};
pub use condition::Condition;
pub use query::ModelQuery;
pub use rows::{QueryRow, RelatedRow, WithRelated};
pub use within::ModelsWithin;
pub(super) use within::{checked, typed};

/// Typed access to the rows of all admin models. Pages, routes and tasks get it as `Data<Models>`.
///
/// ```
/// use portal_core::prelude::*;
///
/// /// A plan
/// #[admin_model]
/// struct Plan { id: i64, #[admin(unique)] name: String, price: i32 }
///
/// /// Raises the prices of all plans that are not free.
/// async fn raise(models: Data<Models>, by: i32) -> Result<()> {
///     let mut transaction = models.begin().await?;
///     let mut rows = models.within(&mut transaction);
///     let plans = rows.query::<Plan>().filter(Plan::PRICE.gt(0)).for_update();
///     for mut plan in plans.all().await? {
///         plan.price += by;
///         rows.update(&plan).await?;
///     }
///     transaction.commit().await?;
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[derive(Debug, Clone)]
pub struct Models {
    store: Store,
    registry: Arc<ModelRegistry>,
}

impl Models {
    pub(crate) fn new(store: Store, registry: ModelRegistry) -> Self {
        Self {
            store,
            registry: Arc::new(registry),
        }
    }

    /// Returns the database of the models.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn registry(&self) -> &ModelRegistry {
        &self.registry
    }

    /// Returns the table of a model by name. Fails with `404 model_unknown` if the model does not
    /// exist.
    pub(crate) fn table(&self, name: &str) -> Result<ModelTable<'_>> {
        let model = self
            .registry
            .find(name)
            .ok_or_else(|| Error::not_found("unknown admin model").with_code("model_unknown"))?;
        Ok(ModelTable::new(&self.store, &self.registry, model))
    }

    /// Starts a transaction, for [`within`](Self::within). It is rolled back if dropped without
    /// [`commit`](Transaction::commit).
    ///
    /// With SQLite, only one transaction runs at a time. Until it ends, every other change waits,
    /// including changes by the same code that do not go through the transaction.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn begin(&self) -> Result<Transaction> {
        Ok(self.store.begin().await?)
    }

    /// Returns access to the rows within a transaction.
    ///
    /// The changes take effect, and pages are notified of them, when the transaction commits. A
    /// change that fails is undone and leaves the transaction usable. The same transaction can be
    /// passed to [`Enqueue::within`](crate::tasks::Enqueue::within) and executes other statements.
    pub fn within<'a>(&'a self, transaction: &'a mut Transaction) -> ModelsWithin<'a> {
        let connection = Connection::Transaction(transaction);
        ModelsWithin::new(&self.store, &self.registry, connection, None)
    }

    fn rows(&self) -> ModelsWithin<'_> {
        ModelsWithin::new(
            &self.store,
            &self.registry,
            Connection::Pool(&self.store),
            None,
        )
    }

    /// Starts a query for the rows of a model.
    ///
    /// ```
    /// use portal_core::prelude::*;
    ///
    /// /// A plan
    /// #[admin_model]
    /// struct Plan { id: i64, name: String, price: i32 }
    ///
    /// async fn cheapest(models: Data<Models>) -> Result<Vec<Plan>> {
    ///     models
    ///         .query::<Plan>()
    ///         .filter(Plan::PRICE.gt(0))
    ///         .order_by(Plan::PRICE.asc())
    ///         .limit(3)
    ///         .all()
    ///         .await
    /// }
    /// # fn main() {}
    /// ```
    pub fn query<M: AdminModel>(&self) -> ModelQuery<'_, M> {
        self.rows().into_query()
    }

    /// Returns all rows, ordered by key.
    ///
    /// # Errors
    ///
    /// Fails if the model is not registered, a stored row does not match the struct, or the
    /// database is unavailable.
    pub async fn all<M: AdminModel>(&self) -> Result<Vec<M>> {
        self.rows().all().await
    }

    /// Returns the row with a key.
    ///
    /// # Errors
    ///
    /// Fails if the model is not registered, the stored row does not match the struct, or the
    /// database is unavailable.
    pub async fn get<M: AdminModel>(&self, key: impl AdminField + Send) -> Result<Option<M>> {
        self.rows().get(key).await
    }

    /// Returns the newest row in which a field has a value.
    ///
    /// # Errors
    ///
    /// Fails if the model is not registered or has no such field, the stored row does not match the
    /// struct, or the database is unavailable.
    pub async fn find_by<M: AdminModel>(
        &self,
        field: &str,
        value: impl Into<Value> + Send,
    ) -> Result<Option<M>> {
        self.rows().find_by(field, value).await
    }

    /// Adds a row and returns it with its key.
    ///
    /// The database generates an integer key that is `None` or 0.
    ///
    /// # Errors
    ///
    /// Fails if the model is not registered, the row is invalid or violates a constraint, a hook
    /// rejects it, or the database is unavailable.
    pub async fn insert<M: AdminModel>(&self, row: &M) -> Result<M> {
        self.rows().insert(row).await
    }

    /// Replaces the row with the same key, regardless of its version.
    ///
    /// To change a row depending on its present values, read it
    /// [`for_update`](ModelQuery::for_update) within a transaction.
    ///
    /// # Errors
    ///
    /// Fails with `row_not_found` if no row has the key, and for the same reasons as
    /// [`insert`](Self::insert).
    pub async fn update<M: AdminModel>(&self, row: &M) -> Result<M> {
        self.rows().update(row).await
    }

    /// Deletes the row with a key; returns `false` if it does not exist.
    ///
    /// Applies the rules of references to the row ([`OnDelete`](super::OnDelete)).
    ///
    /// # Errors
    ///
    /// Fails if the model is not registered, other rows refer to the row, a hook rejects the
    /// deletion, or the database is unavailable.
    pub async fn delete<M: AdminModel>(&self, key: impl AdminField + Send) -> Result<bool> {
        self.rows().delete::<M>(key).await
    }
}
