//! Queries for tasks that have changed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_query::{Cond, Expr, ExprTrait, Order, SelectStatement};
use uuid::Uuid;

use crate::store::{Store, StoreError};
use crate::tasks::engine::results::{self, WithoutResults};
use crate::tasks::record::TaskRecord;

/// Maximum number of ids in one statement.
const CHUNK: usize = 500;
/// Maximum number of tasks shown for one client.
pub(super) const MAX_CHANGES: u64 = 10_000;

/// Returns those of the given tasks that exist.
pub(super) async fn by_ids(store: &Store, ids: &[Uuid]) -> Result<WithoutResults, StoreError> {
    let mut records = WithoutResults::default();
    for chunk in ids.chunks(CHUNK) {
        let select = results::select(store.dialect())
            .and_where(Expr::col("id").is_in(chunk.iter().copied()))
            .take();
        fetch(store, &select, &mut records).await?;
    }
    Ok(records)
}

/// Returns the given clients' tasks that have changed since the given time.
pub(in crate::tasks) async fn since(
    store: &Store,
    clients: &[Uuid],
    since: DateTime<Utc>,
) -> Result<WithoutResults, StoreError> {
    let mut records = WithoutResults::default();
    for chunk in clients.chunks(CHUNK) {
        let select = results::select(store.dialect())
            .and_where(Expr::col("client_token_id").is_in(chunk.iter().copied()))
            .and_where(Expr::col("updated_at").gte(since))
            .take();
        fetch(store, &select, &mut records).await?;
    }
    Ok(records)
}

/// Returns a client's active tasks and, if a time is given, those finished since then.
pub(in crate::tasks) async fn of_client(
    store: &Store,
    client: Uuid,
    group: Option<&str>,
    ended_since: Option<DateTime<Utc>>,
) -> Result<WithoutResults, StoreError> {
    let mut fits = Cond::any().add(Expr::col("status").is_in(["PENDING", "PROCESSING"]));
    if let Some(since) = ended_since {
        fits = fits.add(Expr::col("finished_at").gte(since));
    }
    let mut select = results::select(store.dialect());
    select
        .and_where(Expr::col("client_token_id").eq(client))
        .cond_where(fits)
        .order_by("id", Order::Desc)
        .limit(MAX_CHANGES);
    if let Some(group) = group {
        select.and_where(Expr::col("state").eq(group));
    }
    let mut records = WithoutResults::default();
    fetch(store, &select, &mut records).await?;
    Ok(records)
}

async fn fetch(
    store: &Store,
    select: &SelectStatement,
    records: &mut WithoutResults,
) -> Result<(), StoreError> {
    let rows = store.fetch_all(select).await?;
    records.append(WithoutResults::from_rows(&rows)?);
    Ok(())
}

/// Versions already shown to a subscriber, used to skip repeated and older states.
#[derive(Debug, Default)]
pub(in crate::tasks) struct SeenVersions {
    versions: HashMap<Uuid, i64>,
    /// Finished tasks to evict, oldest first. Older states can arrive only shortly after a final
    /// state.
    ended: std::collections::VecDeque<Uuid>,
}

impl SeenVersions {
    const ENDED: usize = 256;

    /// Records a state; returns `true` if it is new.
    pub(in crate::tasks) fn note(&mut self, record: &TaskRecord) -> bool {
        let version = self.versions.entry(record.id).or_insert(i64::MIN);
        if record.version <= *version {
            return false;
        }
        *version = record.version;
        if record.status.is_final() {
            self.ended.push_back(record.id);
            if self.ended.len() > Self::ENDED
                && let Some(first) = self.ended.pop_front()
            {
                self.versions.remove(&first);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::engine::insert::NewTask;
    use crate::tasks::record::TaskStatus;

    #[test]
    fn each_state_is_shown_once_and_finished_tasks_are_evicted() {
        let record = |id, version, status| {
            let mut record = NewTask::new("probe", "work", serde_json::Value::Null).record();
            (record.id, record.version, record.status) = (id, version, status);
            record
        };
        let mut seen = SeenVersions::default();
        let id = Uuid::now_v7();
        assert!(seen.note(&record(id, 2, TaskStatus::Processing)));
        assert!(!seen.note(&record(id, 2, TaskStatus::Processing)));
        assert!(seen.note(&record(id, 3, TaskStatus::Completed)));
        assert!(!seen.note(&record(id, 1, TaskStatus::Pending)));
        for _ in 0..10_000 {
            let id = Uuid::now_v7();
            assert!(seen.note(&record(id, 1, TaskStatus::Pending)));
            assert!(seen.note(&record(id, 2, TaskStatus::Completed)));
        }
        assert!(
            seen.versions.len() <= SeenVersions::ENDED,
            "{}",
            seen.versions.len()
        );
    }
}
