//! What an administrator does with the rows of a model, whoever keeps them.

use super::models::Models;
use super::query::ListQuery;
use super::record::{Expected, Record, row_not_found, stale};
use super::repository::{RowPage, Table};
use super::spec::{ModelSpec, Values};
use super::users::UserRows;
use crate::auth::{Actor, Auth, Roles};
use crate::error::{Error, Result};
use crate::state::PortalState;

/// The rows of a model: those of its own table, or the portal's users.
pub(crate) enum Rows<'a> {
    Table(Table<'a>),
    Users(UserRows<'a>),
}

impl<'a> Rows<'a> {
    /// The rows of the model of a name, for somebody whose changes are written down:
    /// `404 model_unknown` if there is none.
    pub(crate) fn find(state: &'a PortalState, model: &str, actor: &'a Actor) -> Result<Self> {
        let table = state.borrow::<Models>()?.table(model)?.changed_by(actor);
        Ok(if table.model.name == super::users::MODEL {
            let (auth, roles) = (state.borrow::<Auth>()?, state.borrow::<Roles>()?);
            Self::Users(UserRows::new(table, auth, roles))
        } else {
            Self::Table(table)
        })
    }

    pub(crate) fn model(&self) -> &'a ModelSpec {
        self.table().model
    }

    fn table(&self) -> Table<'a> {
        match self {
            Self::Table(table) => *table,
            Self::Users(users) => users.table(),
        }
    }

    /// One page.
    pub(crate) async fn list(&self, query: &ListQuery) -> Result<RowPage> {
        self.table().list(query).await
    }

    /// The row of a key: `404 row_not_found` if there is none.
    pub(crate) async fn get(&self, key: &str) -> Result<Record> {
        self.table().get(key).await?.ok_or_else(row_not_found)
    }

    /// Adds a row of what was given.
    pub(crate) async fn create(&self, given: Values) -> Result<Record> {
        permit(self.model().permissions.create, "added")?;
        let row = self.model().new_row(given).map_err(Error::invalid)?;
        self.table().insert(&row).await
    }

    /// Changes a row; with `full`, what is not given goes back to its default.
    pub(crate) async fn change(
        &self,
        key: &str,
        expected: &Expected,
        given: Values,
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
                // What changes nothing does not make the row stale for others.
                if row == present.values {
                    return Ok(present);
                }
                table.update(key, &present, &row).await
            }
        }
    }

    /// Removes a row.
    pub(crate) async fn delete(&self, key: &str, expected: &Expected) -> Result<()> {
        permit(self.model().permissions.delete, "deleted")?;
        self.table().delete(key, expected).await
    }

    /// Removes rows, all or none, and gives their number.
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
