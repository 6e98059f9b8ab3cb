//! Constraint violations as field errors.

use sea_query::{Expr, Query};

use super::super::spec::RowValues;
use super::{ModelTable, equals, reference_unknown};
use crate::error::{Error, FieldError, Result};
use crate::store::{Connection, StoreError};

impl ModelTable<'_> {
    /// Converts a constraint violation into field errors.
    pub(super) async fn explain(
        &self,
        connection: Connection<'_>,
        error: StoreError,
        values: &RowValues,
    ) -> Error {
        match error {
            StoreError::UniqueViolation { .. } => self.not_unique(error).await,
            StoreError::ForeignKeyViolation => match self.dangling(connection, values).await {
                Ok(errors) if !errors.is_empty() => Error::invalid(errors),
                _ => error.into(),
            },
            error => error.into(),
        }
    }

    /// Returns the errors of references that point to missing rows.
    async fn dangling(
        &self,
        mut connection: Connection<'_>,
        values: &RowValues,
    ) -> Result<Vec<FieldError>> {
        let mut errors = Vec::new();
        errors.extend(self.dangling_keys(&mut connection, values).await?);
        for field in self.model.fields {
            let (Some(target), Some(value)) = (field.references, values.get(field.name)) else {
                continue;
            };
            let Some(target) = self.registry.find(target).filter(|_| !value.is_null()) else {
                continue;
            };
            let select = Query::select()
                .expr(Expr::val(1))
                .from(target.table)
                .and_where(equals(target.key(), value)?)
                .take();
            if connection.fetch_optional(&select).await?.is_none() {
                errors.push(reference_unknown(field));
            }
        }
        Ok(errors)
    }

    /// Returns the `409` error with the pointers of the fields whose values already exist.
    async fn not_unique(&self, error: StoreError) -> Error {
        let columns = self
            .store
            .violated_columns(&error)
            .await
            .unwrap_or_default();
        let message = if columns.len() > 1 {
            "another row already has this combination of values"
        } else {
            "another row already has this value"
        };
        let fields = columns.iter().filter_map(|column| self.model.field(column));
        let errors = fields.map(|field| FieldError::new(field.pointer(), "not_unique", message));
        Error::from(error).with_field_errors(errors.collect())
    }
}
