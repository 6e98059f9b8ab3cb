//! Reading and writing rows of any model.

use sea_query::{
    Cond, Expr, ExprTrait, Func, LikeExpr, NullOrdering, Order, Query, ReturningClause,
    SelectStatement,
};
use serde_json::Value;

use super::audit_diff;
use super::field::FieldSpec;
use super::field_type::KeySource;
use super::operator::Operator;
use super::policy::not_permitted;
use super::precondition::{Precondition, stale};
use super::query::{Filter, ListQuery};
use super::record::{Record, row_not_found};
use super::registry::ModelRegistry;
use super::row_version::RowVersion;
use super::scope::RowScope;
use super::spec::{ModelSpec, RowValues};
use crate::auth::{Actor, escape_like};
use crate::error::{Error, FieldError, Result};
use crate::json;
use crate::store::{ClusterEvent, Dialect, Row, Store, StoreError, Transaction};

/// One page of rows, and the total number of rows.
#[derive(Debug)]
pub(crate) struct RowPage {
    pub(crate) records: Vec<Record>,
    pub(crate) total: u64,
}

/// Table of a model.
#[derive(Clone)]
pub(crate) struct ModelTable<'a> {
    store: &'a Store,
    registry: &'a ModelRegistry,
    pub(crate) model: &'a ModelSpec,
    /// Actor of recorded changes; changes by the application's own code are not recorded.
    pub(super) actor: Option<&'a Actor>,
    /// Rows that statements may read and write.
    scope: RowScope,
}

impl<'a> ModelTable<'a> {
    pub(crate) fn new(store: &'a Store, registry: &'a ModelRegistry, model: &'a ModelSpec) -> Self {
        Self {
            store,
            registry,
            model,
            actor: None,
            scope: RowScope::All,
        }
    }

    /// Returns the table with only the rows in a scope.
    pub(super) fn within(mut self, scope: RowScope) -> Self {
        self.scope = scope;
        self
    }

    /// Returns the table with an actor for its changes.
    pub(crate) fn changed_by(mut self, actor: &'a Actor) -> Self {
        self.actor = Some(actor);
        self
    }

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
            let order = if sort.descending {
                Order::Desc
            } else {
                Order::Asc
            };
            // The two databases sort missing values to opposite ends.
            select.order_by_with_nulls(sort.field, order, NullOrdering::Last);
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
        match self.parse_key(key) {
            Some(key) => self.find(self.model.key(), &key).await,
            None => Ok(None),
        }
    }

    /// Returns the newest row in which a field has a value.
    pub(crate) async fn find(&self, field: &FieldSpec, value: &Value) -> Result<Option<Record>> {
        let select = self
            .select()
            .and_where(equals(field, value)?)
            .order_by(self.model.key().name, Order::Desc)
            .limit(1)
            .take();
        let row = self.store.fetch_optional(&select).await?;
        row.map(|row| read_record(self.model, &row)).transpose()
    }

    /// Returns all rows, ordered by key.
    pub(crate) async fn all(&self) -> Result<Vec<Record>> {
        let select = self
            .select()
            .order_by(self.model.key().name, Order::Asc)
            .take();
        let rows = self.store.fetch_all(&select).await?;
        rows.iter()
            .map(|row| read_record(self.model, row))
            .collect()
    }

    /// Adds a checked row.
    pub(crate) async fn insert(&self, values: &RowValues) -> Result<Record> {
        let insert = insert_statement(self.model, values)?;
        let mut transaction = self.store.begin().await?;
        let row = match transaction.fetch_optional(&insert).await {
            Ok(Some(row)) => row,
            Ok(None) => return Err(Error::internal("an insert returned no row")),
            Err(error) => {
                drop(transaction);
                return Err(self.explain(error, values).await);
            }
        };
        if let Some(statement) = catch_up(self.store.dialect(), self.model, values) {
            transaction.fetch_all(&statement).await?;
        }
        let record = read_record(self.model, &row)?;
        self.confirm_scope(&mut transaction, &record).await?;
        self.record_change(&mut transaction, None, Some(&record.values))
            .await?;
        transaction.commit().await?;
        Ok(record)
    }

    /// Writes a checked row if its version is still the same as in `present`.
    pub(crate) async fn update(
        &self,
        key: &str,
        present: &Record,
        values: &RowValues,
    ) -> Result<Record> {
        let version = self.model.version;
        let condition = version.is_one_of(&[present.version]);
        let must_lock = condition.is_none();
        let mut update = Query::update();
        update
            .table(self.model.table)
            .and_where(self.key_equals(key)?)
            .and_where_option(condition)
            .cond_where(self.scope.condition())
            .returning(returning(self.model));
        version.advance(&mut update, present.version);
        let is_written =
            |field: &&FieldSpec| !field.primary_key && version.column() != Some(field.name);
        for field in self.model.fields.iter().filter(is_written) {
            // Unchanged values are not written, so that a document that could not be read in full
            // is preserved.
            let is_changed = |value: &&Value| present.values.get(field.name) != Some(*value);
            if let Some(value) = values.get(field.name).filter(is_changed) {
                update.value(field.name, bind(field, value)?);
            }
        }
        if update.get_values().is_empty() {
            return Ok(present.clone());
        }
        let mut transaction = self.store.begin().await?;
        if must_lock {
            let expected = Precondition::OneOf(vec![present.version]);
            self.lock(&mut transaction, key, &expected).await?;
        }
        let row = match transaction.fetch_optional(&update).await {
            Ok(Some(row)) => row,
            Ok(None) => {
                drop(transaction);
                return Err(self.missed(key).await?);
            }
            Err(error) => {
                drop(transaction);
                return Err(self.explain(error, values).await);
            }
        };
        let record = read_record(self.model, &row)?;
        self.confirm_scope(&mut transaction, &record).await?;
        self.record_change(
            &mut transaction,
            Some(&present.values),
            Some(&record.values),
        )
        .await?;
        transaction.commit().await?;
        Ok(record)
    }

    /// Deletes a row if its version is the expected version.
    pub(crate) async fn delete(&self, key: &str, expected: &Precondition) -> Result<()> {
        let mut delete = Query::delete();
        delete
            .from_table(self.model.table)
            .and_where(self.key_equals(key)?)
            .cond_where(self.scope.condition())
            .returning(returning(self.model));
        let mut transaction = self.store.begin().await?;
        if let Precondition::OneOf(versions) = expected {
            match self.model.version.is_one_of(versions) {
                Some(condition) => {
                    delete.and_where(condition);
                }
                None => self.lock(&mut transaction, key, expected).await?,
            }
        }
        let Some(row) = transaction.fetch_optional(&delete).await? else {
            drop(transaction);
            return Err(self.missed(key).await?);
        };
        let record = read_record(self.model, &row)?;
        self.record_change(&mut transaction, Some(&record.values), None)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Locks a row until the transaction ends. Fails if its version is not the expected version.
    async fn lock(
        &self,
        transaction: &mut Transaction,
        key: &str,
        expected: &Precondition,
    ) -> Result<()> {
        let mut select = self.select();
        // SQLite has no row locks; its transactions that write exclude each other.
        select
            .and_where(self.key_equals(key)?)
            .lock(sea_query::LockType::Update);
        let row = transaction.fetch_optional(&select).await?;
        let current = read_record(self.model, &row.ok_or_else(row_not_found)?)?;
        if expected.is_met_by(&current) {
            Ok(())
        } else {
            Err(stale())
        }
    }

    /// Deletes all of the rows or none, and returns the number of deleted rows. Rows that do not
    /// exist are ignored.
    pub(crate) async fn delete_all(&self, keys: &[String]) -> Result<u64> {
        let mut transaction = self.store.begin().await?;
        let mut deleted = 0;
        for key in keys {
            let Some(value) = self.parse_key(key) else {
                continue;
            };
            let delete = Query::delete()
                .from_table(self.model.table)
                .and_where(equals(self.model.key(), &value)?)
                .cond_where(self.scope.condition())
                .returning(returning(self.model))
                .take();
            let row = match transaction.fetch_optional(&delete).await {
                Ok(row) => row,
                Err(error @ StoreError::ForeignKeyViolation) => {
                    return Err(Error::from(error).with_extension("id", &value));
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(row) = row {
                deleted += 1;
                let record = read_record(self.model, &row)?;
                self.record_change(&mut transaction, Some(&record.values), None)
                    .await?;
            }
        }
        transaction.commit().await?;
        Ok(deleted)
    }

    /// Fails with `403 not_permitted` if a written row is outside of the scope.
    async fn confirm_scope(&self, transaction: &mut Transaction, record: &Record) -> Result<()> {
        let RowScope::Where(scope) = &self.scope else {
            return Ok(());
        };
        let key = self.model.key();
        let value = record.values.get(key.name).unwrap_or(&Value::Null);
        let select = Query::select()
            .expr(Expr::val(1))
            .from(self.model.table)
            .and_where(equals(key, value)?)
            .cond_where(scope.clone())
            .take();
        match transaction.fetch_optional(&select).await? {
            Some(_) => Ok(()),
            None => Err(not_permitted(
                "the row would not be among the rows that your account can see".to_owned(),
            )),
        }
    }

    /// Publishes a change to a row and records it in the audit log, in the transaction of the
    /// change.
    async fn record_change(
        &self,
        transaction: &mut Transaction,
        old: Option<&RowValues>,
        new: Option<&RowValues>,
    ) -> Result<()> {
        transaction.publish(ClusterEvent::TopicChanged {
            topic: format!("model:{}", self.model.name),
        });
        match self.actor {
            Some(actor) => audit_diff::record(transaction, actor, self.model, old, new).await,
            None => Ok(()),
        }
    }

    fn select(&self) -> SelectStatement {
        Query::select()
            .columns(column_names(self.model))
            .from(self.model.table)
            .and_where_option(self.not_deleted())
            .cond_where(self.scope.condition())
            .take()
    }

    fn not_deleted(&self) -> Option<Expr> {
        Some(Expr::col(self.model.deleted?).is_null())
    }

    /// Returns the error for a conditional write that matched no row.
    async fn missed(&self, key: &str) -> Result<Error> {
        Ok(match self.get(key).await? {
            Some(_) => stale(),
            None => row_not_found(),
        })
    }

    fn parse_key(&self, key: &str) -> Option<Value> {
        let value = self.model.key().kind.parse(key).ok()?;
        json::validate(&value, "").is_empty().then_some(value)
    }

    fn key_equals(&self, key: &str) -> Result<Expr> {
        let value = self.parse_key(key).ok_or_else(row_not_found)?;
        equals(self.model.key(), &value)
    }

    fn condition(&self, query: &ListQuery) -> Result<Cond> {
        let mut condition = Cond::all();
        if !query.search.is_empty() {
            let mut any = Cond::any();
            let searched = query.searched.iter();
            for field in searched.filter_map(|name| self.model.field(name)) {
                any = any.add(contains(field, &query.search));
            }
            // If no field is searchable, nothing matches.
            condition = condition.add(if any.is_empty() {
                Cond::all().add(Expr::val(1).eq(0))
            } else {
                any
            });
        }
        for filter in &query.filters {
            condition = condition.add(self.filter(filter)?);
        }
        Ok(condition)
    }

    fn filter(&self, filter: &Filter) -> Result<Cond> {
        let Some(field) = self.model.field(filter.field) else {
            return Ok(Cond::all());
        };
        let column = || Expr::col(field.name);
        let first = filter.values.first().unwrap_or(&Value::Null);
        let all = Cond::all();
        Ok(match filter.operator {
            Operator::Equal => all.add(equals(field, first)?),
            Operator::NotEqual if first.is_null() => all.add(column().is_not_null()),
            // Unlike in SQL, a missing value differs from the given value.
            Operator::NotEqual => Cond::any()
                .add(column().ne(bind(field, first)?))
                .add(column().is_null()),
            Operator::Less => all.add(column().lt(bind(field, first)?)),
            Operator::LessOrEqual => all.add(column().lte(bind(field, first)?)),
            Operator::Greater => all.add(column().gt(bind(field, first)?)),
            Operator::GreaterOrEqual => all.add(column().gte(bind(field, first)?)),
            Operator::In => {
                let mut any = Cond::any();
                for value in &filter.values {
                    any = any.add(equals(field, value)?);
                }
                any
            }
            Operator::Contains => contains(field, first.as_str().unwrap_or_default()),
        })
    }

    /// Converts a constraint violation into field errors.
    async fn explain(&self, error: StoreError, values: &RowValues) -> Error {
        match error {
            StoreError::UniqueViolation { .. } => not_unique(self.store, self.model, error).await,
            StoreError::ForeignKeyViolation => match self.dangling(values).await {
                Ok(errors) if !errors.is_empty() => Error::invalid(errors),
                _ => error.into(),
            },
            error => error.into(),
        }
    }

    /// Returns the errors of references that point to missing rows.
    async fn dangling(&self, values: &RowValues) -> Result<Vec<FieldError>> {
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
            if self.store.fetch_optional(&select).await?.is_none() {
                errors.push(reference_unknown(field));
            }
        }
        Ok(errors)
    }
}

/// Returns the error for a reference to a row that does not exist, or that the caller cannot see.
pub(super) fn reference_unknown(field: &FieldSpec) -> FieldError {
    FieldError::new(
        field.pointer(),
        "reference_unknown",
        "must be the key of an existing row",
    )
}

fn column_names(model: &ModelSpec) -> Vec<&'static str> {
    let mut names: Vec<&str> = model.fields.iter().map(|field| field.name).collect();
    let hidden = model.version.column();
    names.extend(hidden.filter(|column| model.field(column).is_none()));
    names
}

fn returning(model: &ModelSpec) -> ReturningClause {
    Query::returning().columns(column_names(model))
}

fn read_record(model: &ModelSpec, row: &Row) -> Result<Record> {
    let mut values = RowValues::new();
    for field in model.fields {
        values.insert(field.name.to_owned(), field.kind.read(row, field.name)?);
    }
    let version = model.version.read(model, row, &values)?;
    Ok(Record { values, version })
}

/// Adds a checked row within a transaction, unless a row with the same unique value exists.
pub(super) async fn insert_if_missing(
    transaction: &mut Transaction,
    dialect: Dialect,
    model: &ModelSpec,
    values: &RowValues,
) -> Result<bool> {
    let mut insert = insert_statement(model, values)?;
    insert.on_conflict(sea_query::OnConflict::new().do_nothing().to_owned());
    let is_added = transaction.fetch_optional(&insert).await?.is_some();
    if let Some(statement) = catch_up(dialect, model, values).filter(|_| is_added) {
        transaction.fetch_all(&statement).await?;
    }
    Ok(is_added)
}

/// Advances the PostgreSQL sequence past an assigned key; SQLite does so automatically.
fn catch_up(dialect: Dialect, model: &ModelSpec, values: &RowValues) -> Option<SelectStatement> {
    let key = model.key();
    let is_counted = matches!(key.kind.key_source(), Some(KeySource::Database));
    if dialect != Dialect::Postgres || !is_counted || !values.contains_key(key.name) {
        return None;
    }
    let (table, column) = (model.table, key.name);
    let sequence = format!("pg_get_serial_sequence('\"{table}\"', '{column}')");
    let statement = format!(
        "setval({sequence}, GREATEST((SELECT MAX(\"{column}\") FROM \"{table}\"), \
         COALESCE(pg_sequence_last_value({sequence}::regclass), 1)))"
    );
    Some(Query::select().expr(Expr::cust(statement)).take())
}

fn insert_statement(model: &ModelSpec, values: &RowValues) -> Result<sea_query::InsertStatement> {
    let mut columns = Vec::new();
    let mut row: Vec<Expr> = Vec::new();
    for field in model.fields {
        if let Some(value) = values.get(field.name) {
            columns.push(field.name);
            row.push(Expr::val(bind(field, value)?));
        }
    }
    if let RowVersion::Counter(column) = model.version
        && model.field(column).is_none()
    {
        columns.push(column);
        row.push(Expr::val(1_i64));
    }
    let mut insert = Query::insert();
    insert.into_table(model.table);
    if columns.is_empty() {
        insert.or_default_values().returning(returning(model));
        return Ok(insert);
    }
    insert
        .columns(columns)
        .values(row)
        .map_err(Error::internal)?
        .returning(returning(model));
    Ok(insert)
}

fn bind(field: &FieldSpec, value: &Value) -> Result<sea_query::Value> {
    field.kind.bind(value).ok_or_else(|| {
        Error::invalid(vec![FieldError::new(
            field.pointer(),
            "invalid_type",
            "is not a valid value of the field",
        )])
    })
}

fn equals(field: &FieldSpec, value: &Value) -> Result<Expr> {
    if value.is_null() {
        return Ok(Expr::col(field.name).is_null());
    }
    Ok(Expr::col(field.name).eq(bind(field, value)?))
}

/// Returns the condition that a field contains a string, ignoring case.
///
/// `lower` handles only ASCII in SQLite and in some PostgreSQL locales, so the condition also
/// matches the text as written and in upper case.
fn contains(field: &FieldSpec, text: &str) -> Cond {
    let column = || match Expr::col(field.name) {
        column if field.kind.is_text() => column,
        column => column.cast_as("text"),
    };
    let pattern = |text: &str| LikeExpr::new(format!("%{}%", escape_like(text))).escape('\\');
    Cond::any()
        .add(Func::lower(column()).like(pattern(&text.to_lowercase())))
        .add(column().like(pattern(text)))
        .add(column().like(pattern(&text.to_uppercase())))
}

/// Returns the `409` error with the pointers of the fields whose values already exist.
pub(super) async fn not_unique(store: &Store, model: &ModelSpec, error: StoreError) -> Error {
    let columns = store.violated_columns(&error).await.unwrap_or_default();
    let message = if columns.len() > 1 {
        "another row already has this combination of values"
    } else {
        "another row already has this value"
    };
    let fields = columns.iter().filter_map(|column| model.field(column));
    let errors = fields.map(|field| FieldError::new(field.pointer(), "not_unique", message));
    Error::from(error).with_field_errors(errors.collect())
}
