//! Typed queries: conditions, order, page and relations of the rows of a model.

use std::fmt;
use std::marker::PhantomData;

use futures_util::{Stream, StreamExt, TryStreamExt};
use sea_query::{
    Asterisk, Expr, ExprTrait, Func, JoinType, LockType, Order, Query, SelectStatement,
};
use serde_json::Value;

use super::super::field::{AdminField, FieldSpec};
use super::super::model::AdminModel;
use super::super::record::row_not_found;
use super::super::repository::{ModelTable, equals, nulls_last};
use super::super::spec::ModelSpec;
use super::column::{Column, OrderBy};
use super::condition::Condition;
use super::rows::{QueryRow, RelatedRow, WithRelated};
use crate::error::{Error, Result};
use crate::store::{Connection, Dialect};

/// A query for rows of a model, from [`Models::query`](super::Models::query).
///
/// `R` is the type of the returned rows. Rows are read directly into the struct. Every row is
/// checked against the struct, but not against its other rules, such as `choices`.
///
/// ```
/// use futures_util::TryStreamExt;
/// use portal_core::prelude::*;
///
/// /// A company
/// #[admin_model]
/// struct Company { id: i64, name: String }
///
/// /// A deal
/// #[admin_model]
/// struct Deal {
///     id: i64,
///     #[admin(references = Company)]
///     company_id: i64,
///     stage: String,
///     amount: i64,
/// }
///
/// async fn report(models: Data<Models>) -> Result<i64> {
///     let won = || Deal::STAGE.eq("won").and(Deal::AMOUNT.ge(1_000));
///     let largest = models.query::<Deal>().filter(won()).order_by(Deal::AMOUNT.desc());
///     for (deal, company) in largest.with(Deal::COMPANY_ID).limit(10).all().await? {
///         println!("{}: {}", company.name, deal.amount);
///     }
///     // Rows are read one by one, so that memory does not grow with their number.
///     let deals = models.query::<Deal>().filter(won()).stream();
///     deals.try_fold(0, async |sum, deal| Ok(sum + deal.amount)).await
/// }
/// # fn main() {}
/// ```
#[must_use = "a query does nothing until `all`, `first`, `one`, `count`, `exists` or `stream`"]
pub struct ModelQuery<'a, M, R = M> {
    connection: Connection<'a>,
    /// The model's table, or the first error.
    table: Result<ModelTable<'a>>,
    select: SelectStatement,
    conditions: Vec<Expr>,
    limit: Option<u64>,
    offset: u64,
    /// Number of related rows.
    related: usize,
    is_locking: bool,
    row: PhantomData<fn() -> (M, R)>,
}

impl<M, R> fmt::Debug for ModelQuery<'_, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("ModelQuery");
        text.field("select", &self.select)
            .field("conditions", &self.conditions)
            .field("limit", &self.limit)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// Returns the statement that reads all rows of a model.
pub(super) fn select_of<M: AdminModel>(table: &ModelTable<'_>) -> SelectStatement {
    let mut select = Query::select();
    for field in M::FIELDS {
        match field.many_to_many {
            Some(_) => select.expr_as(table.keys_in(field, M::NAME), field.name),
            None => select.column((M::NAME, field.name)),
        };
    }
    select.from(M::NAME).take()
}

impl<'a, M: AdminModel> ModelQuery<'a, M> {
    pub(super) fn new(table: Result<ModelTable<'a>>, connection: Connection<'a>) -> Self {
        // Without a table, the query fails before the statement runs.
        let select = table.as_ref().map(select_of::<M>).unwrap_or_default();
        Self {
            connection,
            table,
            select,
            conditions: Vec::new(),
            limit: None,
            offset: 0,
            related: 0,
            is_locking: false,
            row: PhantomData,
        }
    }

    /// Returns the newest row in which a field has a value.
    pub(super) async fn newest(
        mut self,
        field: impl FnOnce(&ModelSpec) -> Option<&'static FieldSpec>,
        value: &Value,
    ) -> Result<Option<M>> {
        let model = self.table?.model;
        let field = field(model)
            .filter(|field| field.many_to_many.is_none())
            .ok_or_else(|| Error::internal(format!("the model `{}` has no such field", M::NAME)))?;
        self.select
            .and_where(equals(field, value)?)
            .order_by((M::NAME, model.key().name), Order::Desc)
            .limit(1);
        let row = self.connection.fetch_optional(&self.select).await?;
        row.map(|row| M::from_row(&row, 0)).transpose()
    }
}

impl<'a, M: AdminModel, R: QueryRow> ModelQuery<'a, M, R> {
    /// Restricts the query to rows for which a condition is true, in addition to earlier
    /// conditions.
    pub fn filter(mut self, condition: Condition<M>) -> Self {
        match condition.into_expr() {
            Ok(condition) => self.conditions.push(condition),
            Err(error) => self.table = self.table.and(Err(error)),
        }
        self
    }

    /// Adds an order; it applies to rows that are equal in the earlier orders. Rows that are equal
    /// in all orders are ordered by key.
    pub fn order_by(mut self, order: OrderBy<M>) -> Self {
        let OrderBy {
            column,
            is_nullable,
            is_descending,
            ..
        } = order;
        nulls_last(&mut self.select, column, is_nullable, is_descending);
        self
    }

    /// Sets the maximum number of rows. Default: all rows.
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Sets the number of rows to skip. Default: 0.
    ///
    /// The database still reads these rows; to walk through a large table, use
    /// [`stream`](Self::stream), or filter by the key of the last row.
    pub fn offset(mut self, rows: u64) -> Self {
        self.offset = rows;
        self
    }

    /// Also returns the row to which a reference refers, in the same query. The rows become tuples;
    /// for an optional reference, the related row is an `Option`.
    pub fn with<T: AdminField, J: RelatedRow>(
        mut self,
        reference: Column<M, T, J>,
    ) -> ModelQuery<'a, M, R::Output>
    where
        R: WithRelated<J>,
    {
        let alias = format!("related_{}", self.related);
        for field in J::Model::FIELDS {
            // Names within the row are unique, so that fields can also be read by name.
            let name = format!("{alias}.{}", field.name);
            let value = match &self.table {
                Ok(table) if field.many_to_many.is_some() => {
                    table.keys_in_related(J::Model::NAME, field, &alias)
                }
                _ => Expr::col((alias.clone(), field.name)),
            };
            self.select.expr_as(value, name);
        }
        let join = if J::IS_OPTIONAL {
            JoinType::LeftJoin
        } else {
            JoinType::InnerJoin
        };
        let key = Expr::col((alias.clone(), J::key().name));
        self.select
            .join_as(join, J::Model::NAME, alias, key.eq(reference.expr()));
        ModelQuery {
            connection: self.connection,
            table: self.table,
            select: self.select,
            conditions: self.conditions,
            limit: self.limit,
            offset: self.offset,
            related: self.related + 1,
            is_locking: self.is_locking,
            row: PhantomData,
        }
    }

    /// Locks the rows of the model until the transaction ends, so that they can be changed
    /// depending on their present values. Other transactions that change or lock them wait.
    ///
    /// The query must run within a transaction. With SQLite, the transaction itself is the lock.
    pub fn for_update(mut self) -> Self {
        self.is_locking = true;
        self
    }

    /// Returns all rows of the query.
    ///
    /// # Errors
    ///
    /// Fails if the model is not registered, a condition contains a value that the column cannot
    /// store, a stored row does not match the struct, or the database is unavailable.
    pub async fn all(self) -> Result<Vec<R>> {
        self.stream().try_collect().await
    }

    /// Returns the rows of the query one by one.
    ///
    /// The stream occupies a connection of the pool until it ends or is dropped.
    ///
    /// # Errors
    ///
    /// Items fail for the same reasons as [`all`](Self::all); the first failure ends the stream.
    pub fn stream(self) -> impl Stream<Item = Result<R>> + Send + use<'a, M, R> {
        let rows = async {
            let (connection, select) = self.prepare().await?;
            let rows = connection.fetch(&select);
            Ok::<_, Error>(rows.map(|row| R::read(&row?, &mut 0)))
        };
        futures_util::stream::once(rows).try_flatten()
    }

    /// Returns the first row, if there is one.
    ///
    /// # Errors
    ///
    /// Same as [`all`](Self::all).
    pub async fn first(self) -> Result<Option<R>> {
        let (mut connection, select) = self.limit(1).prepare().await?;
        let row = connection.fetch_optional(&select).await?;
        row.map(|row| R::read(&row, &mut 0)).transpose()
    }

    /// Returns the only row of the query.
    ///
    /// # Errors
    ///
    /// Fails with `404 row_not_found` if there is no row, with `500` if there are several, and for
    /// the same reasons as [`all`](Self::all).
    pub async fn one(self) -> Result<R> {
        let mut rows = self.limit(2).all().await?.into_iter();
        match (rows.next(), rows.next()) {
            (Some(row), None) => Ok(row),
            (None, _) => Err(row_not_found()),
            (Some(_), Some(_)) => Err(Error::internal(format!(
                "several rows of `{}` match a query for one row",
                M::NAME
            ))),
        }
    }

    /// Returns the number of rows that match the conditions, regardless of `limit` and `offset`.
    ///
    /// # Errors
    ///
    /// Same as [`all`](Self::all).
    pub async fn count(self) -> Result<u64> {
        let (mut connection, mut select) = self.matching()?;
        select.expr(Func::count(Expr::col(Asterisk)));
        let row = connection.fetch_optional(&select).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.at(0))?;
        Ok(count.unsigned_abs())
    }

    /// Returns `true` if at least one row matches the conditions.
    ///
    /// # Errors
    ///
    /// Same as [`all`](Self::all).
    pub async fn exists(self) -> Result<bool> {
        let (mut connection, mut select) = self.matching()?;
        select.expr(Expr::val(1)).limit(1);
        Ok(connection.fetch_optional(&select).await?.is_some())
    }

    /// Returns a statement with the conditions, but without columns, order and page.
    fn matching(self) -> Result<(Connection<'a>, SelectStatement)> {
        let table = self.table?;
        let mut select = Query::select();
        select.from(table.model.table);
        for condition in self.conditions {
            select.and_where(condition);
        }
        Ok((self.connection, select))
    }

    async fn prepare(self) -> Result<(Connection<'a>, SelectStatement)> {
        let (mut connection, mut select) = (self.connection, self.select);
        let model = self.table?.model;
        for condition in self.conditions {
            select.and_where(condition);
        }
        select.order_by((M::NAME, model.key().name), Order::Asc);
        if self.offset > 0 {
            // SQLite requires a limit, which is a signed number, in front of an offset.
            let all_rows = i64::MAX.unsigned_abs();
            select.limit(self.limit.unwrap_or(all_rows));
            select.offset(self.offset);
        } else if let Some(limit) = self.limit {
            select.limit(limit);
        }
        if self.is_locking {
            if matches!(connection, Connection::Pool(_)) {
                return Err(Error::internal("`for_update` requires a transaction"));
            }
            if connection.dialect() == Dialect::Postgres {
                select.lock_with_tables(LockType::Update, [M::NAME]);
                // A statement that waits for a lock reads join tables as they were before. The second
                // execution, on locked rows, reads them as they are.
                if M::FIELDS.iter().any(|field| field.many_to_many.is_some()) {
                    connection.fetch_all(&select).await?;
                }
            }
        }
        Ok((connection, select))
    }
}
