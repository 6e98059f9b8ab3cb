//! Administrators' operations on the rows of a model, regardless of the service that stores them.

use super::models::Models;
use super::precondition::{Precondition, stale};
use super::query::ListQuery;
use super::record::{Record, row_not_found};
use super::repository::{ModelTable, RowPage};
use super::spec::{ModelSpec, RowValues};
use super::users::UserRowService;
use crate::auth::{Actor, Auth, Roles};
use crate::error::{Error, Result};
use crate::state::PortalState;

/// Rows of a model: the rows of a table, or the portal's users.
pub(crate) enum RowService<'a> {
    Table(ModelTable<'a>),
    Users(UserRowService<'a>),
}

impl<'a> RowService<'a> {
    /// Returns the rows of a model by name, for an actor whose changes are recorded. Fails with
    /// `404 model_unknown` if the model does not exist.
    pub(crate) fn find(state: &'a PortalState, model: &str, actor: &'a Actor) -> Result<Self> {
        let table = state.borrow::<Models>()?.table(model)?.changed_by(actor);
        Ok(if table.model.name == super::users::MODEL {
            let (auth, roles) = (state.borrow::<Auth>()?, state.borrow::<Roles>()?);
            Self::Users(UserRowService::new(table, auth, roles))
        } else {
            Self::Table(table)
        })
    }

    pub(crate) fn model(&self) -> &'a ModelSpec {
        self.table().model
    }

    fn table(&self) -> ModelTable<'a> {
        match self {
            Self::Table(table) => *table,
            Self::Users(users) => users.table(),
        }
    }

    /// Returns one page of rows.
    pub(crate) async fn list(&self, query: &ListQuery) -> Result<RowPage> {
        self.table().list(query).await
    }

    /// Returns the row with a key. Fails with `404 row_not_found` if it does not exist.
    pub(crate) async fn get(&self, key: &str) -> Result<Record> {
        self.table().get(key).await?.ok_or_else(row_not_found)
    }

    /// Adds a row with the given values.
    pub(crate) async fn create(&self, given: RowValues) -> Result<Record> {
        permit(self.model().permissions.create, "added")?;
        let row = self.model().new_row(given).map_err(Error::invalid)?;
        self.table().insert(&row).await
    }

    /// Changes a row; with `full`, omitted values are reset to their defaults.
    pub(crate) async fn change(
        &self,
        key: &str,
        expected: &Precondition,
        given: RowValues,
        full: bool,
    ) -> Result<Record> {
        permit(self.model().permissions.change, "changed")?;
        let present = self.get(key).await?;
        if !expected.is_met_by(&present) {
            return Err(stale(self.model(), &present));
        }
        match self {
            Self::Users(users) => users.change(&present, given, full).await,
            Self::Table(table) => {
                let row = table
                    .model
                    .changed_row(&present.values, given, full)
                    .map_err(Error::invalid)?;
                // A write that changes nothing must not make the row stale for other writers.
                if row == present.values {
                    return Ok(present);
                }
                table.update(key, &present, &row).await
            }
        }
    }

    /// Deletes a row.
    pub(crate) async fn delete(&self, key: &str, expected: &Precondition) -> Result<()> {
        permit(self.model().permissions.delete, "deleted")?;
        self.table().delete(key, expected).await
    }

    /// Deletes all of the rows or none, and returns the number of deleted rows.
    pub(crate) async fn delete_all(&self, keys: &[String]) -> Result<u64> {
        permit(self.model().permissions.delete, "deleted")?;
        self.table().delete_all(keys).await
    }
}

fn permit(is_allowed: bool, what: &str) -> Result<()> {
    if is_allowed {
        return Ok(());
    }
    Err(
        Error::forbidden(format!("rows of this model cannot be {what} here"))
            .with_code("not_permitted"),
    )
}
