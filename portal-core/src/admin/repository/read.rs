//! Reading rows: pages of a list, and single rows.

use sea_query::{Expr, Func, Order, Query};
use serde_json::Value;

use super::super::field::FieldSpec;
use super::super::query::ListQuery;
use super::super::record::Record;
use super::{ModelTable, equals, nulls_last, read_record};
use crate::error::Result;
use crate::store::Connection;

/// One page of rows, and the total number of rows.
#[derive(Debug)]
pub(crate) struct RowPage {
    pub(crate) records: Vec<Record>,
    pub(crate) total: u64,
}

impl ModelTable<'_> {
    /// Returns the page of rows selected by a query.
    pub(crate) async fn list(&self, query: &ListQuery) -> Result<RowPage> {
        let condition = self.condition(query)?;
        let count = Query::select()
            .expr(Func::count(Expr::col(self.model.key().name)))
            .from(self.model.table)
            .and_where_option(self.not_deleted())
            .cond_where(self.scope.condition())
            .cond_where(condition.clone())
            .take();
        let mut select = self.select().cond_where(condition).take();
        for sort in &query.sort {
            let is_nullable = self.model.field(sort.field).is_none_or(|it| it.nullable);
            nulls_last(
                &mut select,
                Expr::col(sort.field),
                is_nullable,
                sort.descending,
            );
        }
        select
            .order_by(self.model.key().name, Order::Asc)
            .limit(query.per_page)
            .offset(query.offset());
        let total = self.store.fetch_count(&count).await?.unsigned_abs();
        let rows = self.store.fetch_all(&select).await?;
        Ok(RowPage {
            records: rows
                .iter()
                .map(|row| read_record(self.model, row))
                .collect::<Result<_>>()?,
            total,
        })
    }

    /// Returns the row with a key; `None` if it does not exist or the text is not a valid key.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Record>> {
        self.get_on(Connection::Pool(self.store), key).await
    }

    /// Does the same as [`get`](Self::get) on a connection.
    pub(crate) async fn get_on(
        &self,
        connection: Connection<'_>,
        key: &str,
    ) -> Result<Option<Record>> {
        match self.parse_key(key) {
            Some(key) => self.find(connection, self.model.key(), &key).await,
            None => Ok(None),
        }
    }

    /// Returns the newest row in which a field has a value.
    pub(in super::super) async fn find(
        &self,
        mut connection: Connection<'_>,
        field: &FieldSpec,
        value: &Value,
    ) -> Result<Option<Record>> {
        let select = self
            .select()
            .and_where(equals(field, value)?)
            .order_by(self.model.key().name, Order::Desc)
            .limit(1)
            .take();
        let row = connection.fetch_optional(&select).await?;
        row.map(|row| read_record(self.model, &row)).transpose()
    }
}
