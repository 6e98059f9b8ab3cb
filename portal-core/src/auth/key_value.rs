//! Key-value storage for identity providers, in the portal's database.

use sea_query::{Expr, ExprTrait, OnConflict, Query};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::store::Store;

/// Named JSON values in the portal's database, such as signing keys.
#[derive(Debug, Clone)]
pub struct KeyValueStore {
    store: Store,
}

impl KeyValueStore {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Returns the value stored under a name, or `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the value does not deserialize as `T`, or the database is unavailable.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let select = Query::select()
            .column("value")
            .from("portal_values")
            .and_where(Expr::col("name").eq(name))
            .take();
        match self.store.fetch_optional(&select).await? {
            Some(row) => serde_json::from_value(row.get("value")?)
                .map(Some)
                .map_err(Error::internal),
            None => Ok(None),
        }
    }

    /// Stores a value under a name, replacing any previous value.
    ///
    /// # Errors
    ///
    /// Fails if the value does not serialize, or the database is unavailable.
    pub async fn put<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        let mut insert = Self::insert(name, value)?;
        insert.on_conflict(OnConflict::column("name").update_column("value").to_owned());
        self.store.execute(&insert).await?;
        Ok(())
    }

    /// Stores a value unless one is already stored under the name, and returns the stored value.
    ///
    /// Replicas that start at the same time agree on one value.
    ///
    /// # Errors
    ///
    /// Fails if a value does not serialize or deserialize, or the database is unavailable.
    pub async fn get_or_put<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        value: T,
    ) -> Result<T> {
        let mut insert = Self::insert(name, &value)?;
        insert.on_conflict(OnConflict::column("name").do_nothing().to_owned());
        self.store.execute(&insert).await?;
        Ok(self.get(name).await?.unwrap_or(value))
    }

    fn insert<T: Serialize>(name: &str, value: &T) -> Result<sea_query::InsertStatement> {
        let value: Value = serde_json::to_value(value).map_err(Error::internal)?;
        Ok(Query::insert()
            .into_table("portal_values")
            .columns(["name", "value"])
            .values_panic([name.into(), value.into()])
            .take())
    }
}
