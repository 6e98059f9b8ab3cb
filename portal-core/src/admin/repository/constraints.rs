//! Constraint violations as field errors.

use sea_query::{Expr, Query};

use super::super::spec::{ModelSpec, RowValues};
use super::{ModelTable, equals};
use crate::error::{Error, FieldError, Result};
use crate::store::schema::unique_index;
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
            StoreError::UniqueViolation { .. } => not_unique(self.model, error),
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
                errors.push(FieldError::new(
                    field.pointer(),
                    "reference_unknown",
                    "must be the key of an existing row",
                ));
            }
        }
        Ok(errors)
    }
}

/// Returns the `409` error with the pointer of the field whose value already exists.
fn not_unique(model: &ModelSpec, error: StoreError) -> Error {
    let StoreError::UniqueViolation { constraint } = &error else {
        return error.into();
    };
    let field = model.fields.iter().find(|field| {
        (field.unique && *constraint == unique_index(model.table, field.name))
            || (field.primary_key && *constraint == format!("{}_pkey", model.table))
            || ((field.unique || field.primary_key) && error.violates(field.name))
    });
    let errors = field.map(|field| {
        FieldError::new(
            field.pointer(),
            "not_unique",
            "another row already has this value",
        )
    });
    Error::from(error).with_field_errors(errors.into_iter().collect())
}
