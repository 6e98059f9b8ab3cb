//! Reading rows: pages of a list, and single rows.

use sea_query::{Expr, ExprTrait, Func, Order, Query, SelectStatement};
use serde_json::Value;

use super::super::field::FieldSpec;
use super::super::query::ListQuery;
use super::super::record::Record;
use super::{ModelTable, bind, equals, nulls_last, read_record};
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
        let count = Query::select()
            .expr(Func::count(Expr::col(self.model.key().name)))
            .from(self.model.table)
            .and_where_option(self.not_deleted())
            .cond_where(self.scope.condition())
            .cond_where(self.condition(query)?)
            .take();
        let total = self.store.fetch_count(&count).await?.unsigned_abs();
        let records = self.list_without_total(query).await?;
        Ok(RowPage { records, total })
    }

    /// Returns the rows selected by a query, without counting all of them.
    pub(crate) async fn list_without_total(&self, query: &ListQuery) -> Result<Vec<Record>> {
        let mut select = self.select().cond_where(self.condition(query)?).take();
        for sort in &query.sort {
            let is_nullable = self.model.field(sort.field).is_none_or(|it| it.nullable);
            nulls_last(
                &mut select,
                Expr::col(sort.field),
                is_nullable,
                sort.descending,
            );
        }
        // An index on the last column also serves the order of equal values.
        let key_order = match query.sort.last() {
            Some(sort) if sort.descending => Order::Desc,
            _ => Order::Asc,
        };
        select
            .order_by(self.model.key().name, key_order)
            .limit(query.per_page)
            .offset(query.offset());
        self.read_all(&select).await
    }

    /// Returns the rows with one of the keys, in any order.
    pub(crate) async fn get_all(&self, keys: &[&Value]) -> Result<Vec<Record>> {
        let key = self.model.key();
        let keys = keys.iter().map(|value| bind(key, value));
        let keys: Vec<_> = keys.collect::<Result<_>>()?;
        match keys.as_slice() {
            [] => Ok(Vec::new()),
            _ => {
                let is_listed = Expr::col(key.name).is_in(keys);
                self.read_all(&self.select().and_where(is_listed).take())
                    .await
            }
        }
    }

    pub(super) async fn read_all(&self, select: &SelectStatement) -> Result<Vec<Record>> {
        let rows = self.store.fetch_all(select).await?;
        rows.iter()
            .map(|row| read_record(self.model, row))
            .collect()
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
