//! Results of many tasks, read in batches of bounded size.

use std::collections::{HashMap, VecDeque};

use sea_query::{CaseStatement, Expr, ExprTrait, Func, Query, SelectStatement};
use serde_json::Value;
use uuid::Uuid;

use crate::store::{Dialect, Row, Store, StoreError};
use crate::tasks::record::TaskRecord;
use crate::tasks::table_columns::{self as columns, TABLE};

/// Maximum size of the results that a list or a monitor holds in memory at a time, in bytes.
pub(super) const BUDGET: u64 = 2 * 1024 * 1024;
/// Maximum number of ids in one statement.
const CHUNK: usize = 500;

/// Tasks whose results have not been read yet, in the order in which they are needed.
#[derive(Debug, Default)]
pub(in crate::tasks) struct WithoutResults(VecDeque<Measured>);

/// Task with the size of its result.
#[derive(Debug)]
struct Measured {
    record: TaskRecord,
    bytes: u64,
}

/// Selects the columns of records and the size of each result.
pub(in crate::tasks) fn select(dialect: Dialect) -> SelectStatement {
    let text = Expr::col("result").cast_as(match dialect {
        Dialect::Sqlite => "BLOB",
        Dialect::Postgres => "TEXT",
    });
    let length = match dialect {
        Dialect::Sqlite => Func::cust("length").arg(text),
        Dialect::Postgres => Func::cust("octet_length").arg(text),
    };
    // Measuring a result requires reading it, so this is done only if its size was not stored.
    let bytes = CaseStatement::new()
        .case(Expr::col("result").is_null(), 0_i64)
        .finally(Func::coalesce([
            Expr::col("stored_bytes"),
            Expr::expr(length).cast_as("BIGINT"),
        ]));
    Query::select()
        .columns(columns::RECORD)
        .expr_as(bytes, "result_bytes")
        .from(TABLE)
        .take()
}

impl WithoutResults {
    pub(in crate::tasks) fn from_rows(rows: &[Row]) -> Result<Self, StoreError> {
        let measured = rows.iter().map(|row| {
            Ok(Measured {
                record: TaskRecord::from_row(row)?,
                bytes: row.get::<i64>("result_bytes")?.unsigned_abs(),
            })
        });
        measured.collect::<Result<_, _>>().map(Self)
    }

    pub(in crate::tasks) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::tasks) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Replaces each record with a newer state of the same task, and sorts by the last change.
    pub(in crate::tasks) fn refresh(&mut self, newest: impl Fn(TaskRecord) -> TaskRecord) {
        let known = std::mem::take(&mut self.0).into_iter();
        let newer = known.map(|Measured { record, bytes }| Measured {
            record: newest(record),
            bytes,
        });
        self.0 = newer.collect();
        self.0
            .make_contiguous()
            .sort_by_key(|measured| measured.record.updated_at);
    }

    /// Takes tasks from the front and reads their results.
    ///
    /// Takes as many as fit into [`BUDGET`], but at least one unless the list is empty.
    pub(in crate::tasks) async fn take(
        &mut self,
        store: &Store,
    ) -> Result<Vec<TaskRecord>, StoreError> {
        let count = self.within(BUDGET);
        let mut records: Vec<TaskRecord> = Vec::with_capacity(count);
        let mut wanted = Vec::new();
        for measured in self.0.drain(..count) {
            if measured.bytes > 0 {
                wanted.push(measured.record.id);
            }
            records.push(measured.record);
        }
        let mut results = read(store, &wanted).await?;
        for record in &mut records {
            record.result = results.remove(&record.id);
        }
        Ok(records)
    }

    /// Returns the number of tasks at the front whose results fit into a budget, always counting
    /// the first one.
    fn within(&self, budget: u64) -> usize {
        let mut bytes = 0;
        let fits = self.0.iter().take_while(|measured| {
            let is_first = bytes == 0;
            bytes += measured.bytes;
            is_first || bytes <= budget
        });
        fits.count()
    }
}

async fn read(store: &Store, ids: &[Uuid]) -> Result<HashMap<Uuid, Value>, StoreError> {
    let mut results = HashMap::new();
    for chunk in ids.chunks(CHUNK) {
        let select = Query::select()
            .columns(["id", "result"])
            .from(TABLE)
            .and_where(Expr::col("id").is_in(chunk.iter().copied()))
            .take();
        for row in store.fetch_all(&select).await? {
            if let Some(result) = row.document("result")? {
                results.insert(row.get("id")?, result);
            }
        }
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::engine::insert::NewTask;

    #[test]
    fn at_least_one_result_is_taken_even_if_over_budget() {
        let measured = |bytes| Measured {
            record: NewTask::new("probe", "work", Value::Null).record(),
            bytes,
        };
        let within = |sizes: &[u64]| {
            WithoutResults(sizes.iter().copied().map(measured).collect()).within(10)
        };
        assert_eq!(within(&[]), 0);
        assert_eq!(within(&[99, 1]), 1);
        assert_eq!(within(&[0, 0, 4, 6, 0, 1]), 5);
        assert_eq!(within(&[0, 99, 1]), 2);
    }
}
