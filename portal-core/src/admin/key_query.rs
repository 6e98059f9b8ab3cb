//! The statement that reads a row of a model by its key, rendered once.

use std::sync::OnceLock;

use sea_query::{Expr, ExprTrait, Query};

use super::field::FieldSpec;
use crate::store::{Dialect, RawSql, Statement};

/// Text of the statement in each dialect, once it has been used.
///
/// With SQLite, rendering it takes a third as long as running it.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyQuery {
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

impl KeyQuery {
    /// Returns the statement that reads the fields of the row in a table whose field `key` has a
    /// value.
    pub(super) fn statement(
        &self,
        dialect: Dialect,
        (table, fields): (&'static str, &[FieldSpec]),
        key: &FieldSpec,
        value: sea_query::Value,
    ) -> RawSql<false> {
        let text = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        };
        let text = text.get_or_init(|| {
            let columns = fields.iter().map(|field| (table, field.name));
            let select = Query::select()
                .columns(columns)
                .from(table)
                .and_where(Expr::col(key.name).eq(value.clone()))
                .take();
            select.render(dialect).0
        });
        RawSql {
            sql: text.clone().into(),
            values: vec![value],
        }
    }
}
