//! Number of the rows that a query selects: exact, up to a limit, or estimated.

use sea_query::{Expr, Func, Query, SelectStatement};
use serde_json::Value;

use super::super::query::ListQuery;
use super::super::scope::RowScope;
use super::super::total::{COUNTED, RowTotal};
use super::ModelTable;
use crate::error::Result;
use crate::store::{Dialect, RawSql, Statement};

impl ModelTable<'_> {
    /// Returns the number of rows that a query selects, exact up to [`COUNTED`].
    pub(crate) async fn total(&self, query: &ListQuery) -> Result<RowTotal> {
        let is_whole = query.search.is_empty()
            && query.filters.is_empty()
            && matches!(self.scope, RowScope::All);
        if is_whole && self.store.dialect() == Dialect::Postgres {
            // For a whole table, the estimate is close, and much faster than counting.
            let estimate = self.planned_rows(query).await?;
            if estimate > 10 * COUNTED {
                return Ok(RowTotal::Estimate(estimate));
            }
        }
        let counted = self.count_up_to(query, COUNTED + 1).await?;
        if counted <= COUNTED {
            return Ok(RowTotal::Exact(counted));
        }
        match self.store.dialect() {
            Dialect::Sqlite => Ok(RowTotal::MoreThan(COUNTED)),
            Dialect::Postgres => {
                let estimate = self.planned_rows(query).await?;
                // Statistics that are out of date can be below the number of counted rows.
                Ok(match estimate > COUNTED {
                    true => RowTotal::Estimate(estimate),
                    false => RowTotal::MoreThan(COUNTED),
                })
            }
        }
    }

    /// Returns the number of rows that the planner of PostgreSQL expects.
    async fn planned_rows(&self, query: &ListQuery) -> Result<u64> {
        let mut select = self.matching(query, 1)?;
        select.reset_limit();
        let (sql, values) = select.render(Dialect::Postgres);
        let explain = RawSql::<false> {
            sql: format!("EXPLAIN (FORMAT JSON) {sql}").into(),
            values: values.0.0,
        };
        let Some(row) = self.store.fetch_optional(&explain).await? else {
            return Ok(0);
        };
        let plan: Value = row.at(0)?;
        let rows = plan.pointer("/0/Plan/Plan Rows");
        Ok(rows.and_then(Value::as_u64).unwrap_or_default())
    }

    /// Returns the number of rows that a query selects, but at most `limit`.
    pub(crate) async fn count_up_to(&self, query: &ListQuery, limit: u64) -> Result<u64> {
        let rows = self.matching(query, limit)?;
        let count = Query::select()
            .expr(Func::count(Expr::val(1)))
            .from_subquery(rows, "rows")
            .take();
        Ok(self.store.fetch_count(&count).await?.unsigned_abs())
    }

    /// Returns the statement that reads the keys of the rows that a query selects, at most `limit`.
    pub(super) fn matching(&self, query: &ListQuery, limit: u64) -> Result<SelectStatement> {
        Ok(Query::select()
            .column(self.model.key().name)
            .from(self.model.table)
            .and_where_option(self.not_deleted())
            .cond_where(self.scope.condition())
            .cond_where(self.condition(query)?)
            .limit(limit)
            .take())
    }
}
