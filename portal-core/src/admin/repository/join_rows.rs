//! Rows of join tables: reading, writing and deleting the values of many-to-many fields.

use sea_query::{Cond, Expr, ExprTrait, OnConflict, Query};
use serde_json::Value;

use super::super::field::FieldSpec;
use super::super::join_table::{self, JoinTable, OWNER, TARGET};
use super::super::operator::Operator;
use super::super::query::Filter;
use super::super::record::Record;
use super::super::spec::{ModelSpec, RowValues};
use super::super::storage::Storage;
use super::write::WriteError;
use super::{ModelTable, bind, reference_unknown};
use crate::error::{FieldError, Result};
use crate::store::{Connection, Dialect, Transaction};

impl<'a> ModelTable<'a> {
    /// Returns the expression for the keys in a field, in a selection of rows from `alias`.
    ///
    /// The keys are read in the statement that reads the row, so that lists and streams need no
    /// further statements.
    pub(in super::super) fn keys_in(&self, field: &FieldSpec, alias: &str) -> Expr {
        self.keys_of(self.model, field, alias)
    }

    /// Does the same as [`keys_in`](Self::keys_in) for a field of another model.
    pub(in super::super) fn keys_in_related(
        &self,
        model: &str,
        field: &FieldSpec,
        alias: &str,
    ) -> Expr {
        match self.registry.find(model) {
            Some(model) => self.keys_of(model, field, alias),
            None => Expr::val("[]"),
        }
    }

    fn keys_of(&self, owner: &ModelSpec, field: &FieldSpec, alias: &str) -> Expr {
        let target = field.many_to_many.and_then(|it| self.registry.find(it));
        let storage = target.map(|it| it.key().kind.storage());
        let key = match (self.store.dialect(), storage) {
            // JSON of SQLite cannot contain a blob.
            (Dialect::Sqlite, Some(Storage::Uuid)) => format!("lower(hex(\"{TARGET}\"))"),
            _ => format!("\"{TARGET}\""),
        };
        let list = match self.store.dialect() {
            Dialect::Sqlite => format!("json_group_array({key})"),
            Dialect::Postgres => format!("coalesce(jsonb_agg({key}), '[]'::jsonb)"),
        };
        let (table, id) = (join_table::name(owner.table, field), owner.key().name);
        Expr::cust(format!(
            "(SELECT {list} FROM \"{table}\" WHERE \"{table}\".\"{OWNER}\" = \"{alias}\".\"{id}\")"
        ))
    }

    fn join_table(&self, field: &'static FieldSpec) -> Option<JoinTable<'a>> {
        JoinTable::of(self.model, field, self.registry)
    }

    /// Writes the differences between the lists in a written row and those before.
    pub(super) async fn write_joined(
        &self,
        transaction: &mut Transaction,
        record: &Record,
        old: Option<&RowValues>,
    ) -> Result<(), WriteError> {
        let key = self.model.key();
        for field in self.model.many_to_many() {
            let Some(table) = self.join_table(field) else {
                continue;
            };
            let keys = |row: &RowValues| {
                let keys = row.get(field.name).map(|value| field.keys(value).to_vec());
                keys.unwrap_or_default()
            };
            let (before, after) = (old.map(keys).unwrap_or_default(), keys(&record.values));
            let owner = record.values.get(key.name).unwrap_or(&Value::Null);
            let owner = bind(key, owner)?;
            let removed = before.iter().filter(|it| !after.contains(it));
            let removed: Vec<sea_query::Value> = removed
                .map(|it| bind(table.target.key(), it))
                .collect::<Result<_>>()?;
            if !removed.is_empty() {
                let delete = Query::delete()
                    .from_table(table.name())
                    .and_where(Expr::col(OWNER).eq(owner.clone()))
                    .and_where(Expr::col(TARGET).is_in(removed))
                    .take();
                transaction.execute(&delete).await?;
            }
            let mut insert = Query::insert();
            insert.into_table(table.name()).columns([OWNER, TARGET]);
            let mut is_empty = true;
            for added in after.iter().filter(|it| !before.contains(it)) {
                let added = bind(table.target.key(), added)?;
                insert
                    .values([owner.clone().into(), added.into()])
                    .map_err(crate::error::Error::internal)?;
                is_empty = false;
            }
            if !is_empty {
                insert.on_conflict(OnConflict::new().do_nothing().to_owned());
                transaction.execute(&insert).await?;
            }
        }
        Ok(())
    }

    /// Removes a row that is about to be deleted from all lists, and its own lists. The rows whose
    /// lists change get a new version.
    pub(super) async fn delete_joined(
        &self,
        transaction: &mut Transaction,
        key: &Value,
    ) -> Result<(), WriteError> {
        let bound = bind(self.model.key(), key)?;
        for (table, is_owner) in self.registry.join_tables(self.model.name) {
            let column = if is_owner { OWNER } else { TARGET };
            if !is_owner {
                let owners = Query::select()
                    .column(OWNER)
                    .from(table.name())
                    .and_where(Expr::col(TARGET).eq(bound.clone()))
                    .take();
                let mut update = Query::update();
                update
                    .table(table.owner.table)
                    .and_where(Expr::col(table.owner.key().name).in_subquery(owners));
                table.owner.version.advance(&mut update, 0);
                if transaction.execute(&update).await? > 0 {
                    self.of_model(table.owner).publish(transaction);
                }
            }
            let delete = Query::delete()
                .from_table(table.name())
                .and_where(Expr::col(column).eq(bound.clone()))
                .take();
            transaction.execute(&delete).await?;
        }
        Ok(())
    }

    /// Returns the condition of a filter on a list of keys.
    pub(super) fn filter_joined(&self, field: &'static FieldSpec, filter: &Filter) -> Result<Cond> {
        let Some(table) = self.join_table(field) else {
            return Ok(Cond::all());
        };
        let id = self.model.key().name;
        let mut owners = Query::select();
        owners.column(OWNER).from(table.name());
        let is_one_of = |owners| Expr::col((self.model.table, id)).in_subquery(owners);
        if filter.operator == Operator::Empty {
            let is_listed = Cond::all().add(is_one_of(owners));
            let is_empty = filter.values.first().and_then(Value::as_bool) == Some(true);
            return Ok(if is_empty { is_listed.not() } else { is_listed });
        }
        let keys = filter.values.iter().flat_map(|value| field.keys(value));
        let keys = keys.map(|key| bind(table.target.key(), key));
        let keys: Vec<sea_query::Value> = keys.collect::<Result<_>>()?;
        owners.and_where(Expr::col(TARGET).is_in(keys));
        let has = Cond::all().add(is_one_of(owners));
        Ok(match filter.operator {
            Operator::NotEqual => has.not(),
            _ => has,
        })
    }

    /// Returns the errors of listed keys that belong to no row.
    pub(super) async fn dangling_keys(
        &self,
        connection: &mut Connection<'_>,
        values: &RowValues,
    ) -> Result<Vec<FieldError>> {
        let mut errors = Vec::new();
        for field in self.model.many_to_many() {
            let (Some(table), Some(value)) = (self.join_table(field), values.get(field.name))
            else {
                continue;
            };
            let (target, keys) = (table.target, field.keys(value));
            let key = target.key();
            let bound = keys.iter().map(|it| bind(key, it));
            let bound: Vec<sea_query::Value> = bound.collect::<Result<_>>()?;
            let select = Query::select()
                .column(key.name)
                .from(target.table)
                .and_where(Expr::col(key.name).is_in(bound))
                .take();
            let rows = connection.fetch_all(&select).await?;
            let found = rows.iter().map(|row| key.kind.read(row, key.name));
            let found: Vec<Value> = found.collect::<Result<_, _>>()?;
            let missing = keys
                .iter()
                .enumerate()
                .filter(|(_, it)| !found.contains(it));
            errors.extend(missing.map(|(position, _)| {
                let mut error = reference_unknown(field);
                error.pointer.push_str(&format!("/{position}"));
                error
            }));
        }
        Ok(errors)
    }
}
