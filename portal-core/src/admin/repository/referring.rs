//! Rows that refer to other rows, found by the references of all models.

use std::collections::{HashSet, VecDeque};

use sea_query::{Expr, ExprTrait, LockType, Order};
use serde_json::Value;

use super::super::field::FieldSpec;
use super::super::field_type::plain_text;
use super::super::on_delete::OnDelete;
use super::super::record::Record;
use super::super::spec::ModelSpec;
use super::{ModelTable, bind, read_record};
use crate::error::Result;
use crate::store::Connection;

/// Rows of a model that refer to rows which are to be deleted.
#[derive(Debug)]
pub(crate) struct ReferringRows<'a> {
    pub(crate) model: &'a ModelSpec,
    pub(crate) field: &'static FieldSpec,
    /// Keys of the rows to which they refer.
    pub(crate) targets: Vec<Value>,
    pub(crate) records: Vec<Record>,
    /// `true` if there are more rows than those in `records`.
    pub(crate) is_cut: bool,
}

/// Extent of a search for referring rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup {
    /// Maximum number of rows for each field.
    pub(crate) limit: usize,
    /// `true` to include rows that prevent the deletion.
    pub(crate) with_restricted: bool,
}

impl<'a> ModelTable<'a> {
    /// Returns the rows that refer to the rows with some keys, and the rows that refer to those of
    /// them that are deleted by cascade. Rows that are deleted anyway are not listed a second time.
    pub(crate) async fn referring(
        &self,
        connection: &mut Connection<'_>,
        keys: Vec<Value>,
        lookup: Lookup,
        must_lock: bool,
    ) -> Result<Vec<ReferringRows<'a>>> {
        let id = |model: &ModelSpec, key: &Value| (model.name, plain_text(key));
        let mut deleted: HashSet<_> = keys.iter().map(|key| id(self.model, key)).collect();
        let mut found: Vec<ReferringRows<'a>> = Vec::new();
        let mut waiting = VecDeque::from([(self.model, keys)]);
        while let Some((target, keys)) = waiting.pop_front() {
            for (model, field) in self.registry.referring(target.name) {
                let is_restricted = field.on_delete == OnDelete::Restrict;
                if is_restricted && !lookup.with_restricted {
                    continue;
                }
                let table = self.of_model(model);
                let rows = table.rows_with(connection, field, &keys, lookup.limit, must_lock);
                let mut rows = ReferringRows {
                    model,
                    field,
                    targets: keys.clone(),
                    records: rows.await?,
                    is_cut: false,
                };
                rows.is_cut = rows.records.len() > lookup.limit;
                rows.records.truncate(lookup.limit);
                if field.on_delete == OnDelete::Cascade {
                    let key = model.key().name;
                    let value =
                        |record: &Record| record.values.get(key).cloned().unwrap_or_default();
                    rows.records
                        .retain(|it| deleted.insert(id(model, &value(it))));
                    let next: Vec<Value> = rows.records.iter().map(value).collect();
                    if !next.is_empty() {
                        waiting.push_back((model, next));
                    }
                }
                found.push(rows);
            }
        }
        for rows in &mut found {
            if rows.field.on_delete != OnDelete::Cascade {
                let key = rows.model.key().name;
                let is_deleted = |record: &Record| {
                    let value = record.values.get(key).unwrap_or(&Value::Null);
                    deleted.contains(&id(rows.model, value))
                };
                rows.records.retain(|record| !is_deleted(record));
            }
        }
        found.retain(|rows| rows.is_cut || !rows.records.is_empty());
        Ok(found)
    }

    /// Returns the table of another model with the same actor, and with all its rows.
    pub(super) fn of_model(&self, model: &'a ModelSpec) -> Self {
        Self {
            model,
            scope: super::RowScope::All,
            ..self.clone()
        }
    }

    /// Returns the rows in which a field has one of some values, and one row more than the limit.
    async fn rows_with(
        &self,
        connection: &mut Connection<'_>,
        field: &FieldSpec,
        values: &[Value],
        limit: usize,
        must_lock: bool,
    ) -> Result<Vec<Record>> {
        let values = values.iter().map(|value| bind(field, value));
        let values: Vec<_> = values.collect::<Result<_>>()?;
        let mut select = self.select();
        select
            .and_where(Expr::col(field.name).is_in(values))
            .order_by(self.model.key().name, Order::Asc)
            .limit(limit as u64 + 1);
        if must_lock {
            select.lock(LockType::Update);
        }
        let rows = connection.fetch_all(&select).await?;
        rows.iter()
            .map(|row| read_record(self.model, row))
            .collect()
    }
}
