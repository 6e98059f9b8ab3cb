//! Reading all rows that match a list query, in batches ordered by key.

use sea_query::{Expr, ExprTrait, Order};
use serde_json::Value;

use super::super::query::ListQuery;
use super::super::record::Record;
use super::{ModelTable, bind};
use crate::error::Result;

impl ModelTable<'_> {
    /// Returns the rows that match a query and whose keys are after the first and up to the last
    /// key of a range, ordered by key.
    pub(in super::super) async fn batch(
        &self,
        query: &ListQuery,
        (after, last): (Option<&Value>, Option<&Value>),
        limit: u64,
    ) -> Result<Vec<Record>> {
        let key = self.model.key();
        let mut select = self.select().cond_where(self.condition(query)?).take();
        if let Some(after) = after {
            select.and_where(Expr::col(key.name).gt(bind(key, after)?));
        }
        if let Some(last) = last {
            select.and_where(Expr::col(key.name).lte(bind(key, last)?));
        }
        select.order_by(key.name, Order::Asc).limit(limit);
        self.read_all(&select).await
    }

    /// Returns the greatest key of the rows that match a query; `None` if no row matches.
    pub(in super::super) async fn last_key(&self, query: &ListQuery) -> Result<Option<Value>> {
        let key = self.model.key().name;
        let mut select = self.select().cond_where(self.condition(query)?).take();
        select.order_by(key, Order::Desc).limit(1);
        let records = self.read_all(&select).await?;
        Ok(records.first().and_then(|it| it.values.get(key)).cloned())
    }
}
