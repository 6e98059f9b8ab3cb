//! Quotas per owner: the number of pending tasks, and the bytes stored by all of the owner's tasks.
//!
//! A process reads how much an owner has stored and then counts locally for a while, so that
//! enqueueing a task usually needs no read. It grants itself at most one sixteenth of a quota at a
//! time. With several replicas, an owner can therefore exceed a quota by that amount per additional
//! replica.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use parking_lot::{Mutex, MutexGuard};
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::insert::NewTask;
use crate::error::{Error, Result};
use crate::store::{Dialect, Executor, RawSql, Row, Store, StoreError};
use crate::tasks::settings::TaskSettings;

/// Maximum number of owners that a process caches.
const OWNERS: usize = 10_000;
/// Divisor that determines the share of a quota that a process grants itself at a time.
const PART: u64 = 16;
/// Time for which the number of pending tasks is counted locally before it is read again.
const FRESH: Duration = Duration::from_secs(1);
/// Time for which stored bytes are counted locally; reading them scans all of the owner's tasks in
/// an index.
const BYTES_FRESH: Duration = Duration::from_secs(60);
/// Time for which an owner whose storage is full is rejected without reading again.
const FULL: Duration = Duration::from_secs(5);
/// Seconds after which a client that was rejected because of pending tasks may retry; some of the
/// tasks should have run by then.
const RETRY_PENDING: u32 = 5;
/// Seconds after which a client that was rejected because of stored bytes may retry. Bytes are
/// freed only when old tasks are deleted.
const RETRY_BYTES: u32 = 60;

/// Quotas of all owners, as counted by this process.
#[derive(Debug)]
pub(super) struct Quotas {
    pending: u64,
    bytes: u64,
    accounts: Cache<Uuid, Arc<Account>>,
}

/// Admitted task; it counts as in flight until it is stored or cannot be stored.
#[derive(Debug)]
pub(super) struct Admission {
    account: Arc<Account>,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Account(Mutex<Balance>);

#[derive(Debug, Default)]
struct Balance {
    pending: Allowance,
    bytes: Allowance,
    /// Time until which storage is assumed to be full.
    full_until: Option<Instant>,
}

/// The amount that may be enqueued before the next read, and the amount a read may have missed.
#[derive(Debug, Default)]
struct Allowance {
    left: u64,
    read_at: Option<Instant>,
    in_flight: u64,
    /// Total amount that was admitted and is no longer in flight.
    settled: u64,
}

impl Allowance {
    fn is_fresh(&self, time: Duration) -> bool {
        self.read_at.is_some_and(|at| at.elapsed() < time)
    }

    fn admit(&mut self, amount: u64) {
        self.left = self.left.saturating_sub(amount);
        self.in_flight += amount;
    }

    fn settle(&mut self, amount: u64) {
        self.in_flight = self.in_flight.saturating_sub(amount);
        self.settled += amount;
    }

    /// Applies a value that was read on behalf of a task that needs the amount `wanted`.
    ///
    /// Everything in flight during the read is counted in addition, so that the quota holds whether
    /// or not the read included it.
    fn refill(&mut self, quota: u64, read: u64, settled_before: u64, wanted: u64) {
        let unseen = self.in_flight + self.settled.saturating_sub(settled_before);
        let room = quota.saturating_sub(read).saturating_sub(unseen);
        self.left = room.min((quota / PART).max(wanted));
    }
}

/// Values to read before a task is admitted or rejected.
#[derive(Debug, Clone, Copy)]
struct Reading {
    pending: Option<u64>,
    bytes: Option<u64>,
}

impl Account {
    fn lock(&self) -> MutexGuard<'_, Balance> {
        self.0.lock()
    }
}

/// Connection used to read an owner's tasks.
pub(super) enum Source<'a, E> {
    Store(&'a Store),
    /// A caller's transaction, which may hold the only connection.
    Transaction(&'a mut E),
}

impl<E: Executor> Source<'_, E> {
    async fn read(&mut self, statement: &RawSql<false>) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Store(store) => store.fetch_by_index(statement).await,
            Self::Transaction(executor) => executor.fetch_all(statement).await,
        }
    }
}

impl Quotas {
    pub(super) fn new(settings: &TaskSettings) -> Self {
        Self {
            pending: settings.max_pending_per_owner,
            bytes: settings.max_stored_bytes_per_owner,
            accounts: Cache::new(OWNERS),
        }
    }

    /// Counts a task against its owner's quotas, if any; fails with `429` if a quota is used up.
    pub(super) async fn admit<E: Executor>(
        &self,
        dialect: Dialect,
        mut source: Source<'_, E>,
        task: &NewTask,
    ) -> Result<Option<Admission>> {
        let Some(owner) = task.owner_user_id else {
            return Ok(None);
        };
        if self.pending == u64::MAX && self.bytes == u64::MAX {
            return Ok(None);
        }
        let account = self.account(owner);
        let bytes = task.stored_bytes.unsigned_abs();
        let reading = match self.try_admit(&account, bytes) {
            Ok(admitted) => return admitted.map(Some),
            Err(reading) => reading,
        };
        if let Some(settled) = reading.pending {
            let statement = count_pending(dialect, owner, self.pending);
            let count = number(&source.read(&statement).await?)?;
            account
                .lock()
                .pending
                .refill(self.pending, count, settled, 1);
        }
        if let Some(settled) = reading.bytes {
            let stored = number(&source.read(&sum_bytes(dialect, owner)).await?)?;
            account
                .lock()
                .bytes
                .refill(self.bytes, stored, settled, bytes);
        }
        self.admit_or_reject(&account, bytes).map(Some)
    }

    fn account(&self, owner: Uuid) -> Arc<Account> {
        self.accounts.get(&owner).unwrap_or_else(|| {
            let account = Arc::default();
            self.accounts.insert(owner, Arc::clone(&account));
            account
        })
    }

    /// Decides without reading, or returns the values to read.
    fn try_admit(&self, account: &Arc<Account>, bytes: u64) -> Result<Result<Admission>, Reading> {
        let mut balance = account.lock();
        let lacks_bytes = balance.bytes.left < bytes;
        if lacks_bytes
            && balance
                .full_until
                .is_some_and(|until| until > Instant::now())
        {
            return Ok(Err(self.storage_full()));
        }
        let reads_pending = balance.pending.left == 0 || !balance.pending.is_fresh(FRESH);
        let reads_bytes = lacks_bytes || !balance.bytes.is_fresh(BYTES_FRESH);
        if !reads_pending && !reads_bytes {
            return Ok(Ok(admitted(&mut balance, account, bytes)));
        }
        let mut begin = |reads: bool, allowance: fn(&mut Balance) -> &mut Allowance| {
            let allowance = allowance(&mut balance);
            reads.then(|| {
                // Until the read finishes, other callers use the remaining amount.
                allowance.read_at = Some(Instant::now());
                allowance.settled
            })
        };
        Err(Reading {
            pending: begin(reads_pending, |balance| &mut balance.pending),
            bytes: begin(reads_bytes, |balance| &mut balance.bytes),
        })
    }

    fn admit_or_reject(&self, account: &Arc<Account>, bytes: u64) -> Result<Admission> {
        let mut balance = account.lock();
        if balance.pending.left == 0 {
            return Err(self.too_many_pending());
        }
        if balance.bytes.left < bytes {
            balance.full_until = Some(Instant::now() + FULL);
            return Err(self.storage_full());
        }
        Ok(admitted(&mut balance, account, bytes))
    }

    fn too_many_pending(&self) -> Error {
        Error::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_pending_tasks",
            format!(
                "this user has reached the maximum of {} pending tasks; retry when some of them have started",
                self.pending
            ),
        )
        .retry_after(RETRY_PENDING)
    }

    fn storage_full(&self) -> Error {
        Error::new(
            StatusCode::TOO_MANY_REQUESTS,
            "task_storage_full",
            format!(
                "the tasks of this user would exceed the maximum of {} stored bytes; retry when old tasks have been deleted",
                self.bytes
            ),
        )
        .retry_after(RETRY_BYTES)
    }
}

fn admitted(balance: &mut Balance, account: &Arc<Account>, bytes: u64) -> Admission {
    balance.pending.admit(1);
    balance.bytes.admit(bytes);
    Admission {
        account: Arc::clone(account),
        bytes,
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut balance = self.account.lock();
        balance.pending.settle(1);
        balance.bytes.settle(self.bytes);
    }
}

/// Counts pending tasks, up to a quota.
///
/// The condition on the type is always true. It makes PostgreSQL use the index of pending tasks,
/// because the other index by owner also contains finished tasks.
pub(super) fn count_pending(dialect: Dialect, owner: Uuid, quota: u64) -> RawSql<false> {
    let index = indexed_by(dialect, "portal_tasks_owner_pending");
    let sql = format!(
        "SELECT count(*) AS number FROM (SELECT 1 FROM portal_tasks{index} \
         WHERE owner_user_id = $1 AND status = 'PENDING' AND state || '/' || name > '' \
         LIMIT $2) AS pending"
    );
    RawSql {
        sql: sql.into(),
        values: vec![
            owner.into(),
            i64::try_from(quota).unwrap_or(i64::MAX).into(),
        ],
    }
}

pub(super) fn sum_bytes(dialect: Dialect, owner: Uuid) -> RawSql<false> {
    let index = indexed_by(dialect, "portal_tasks_owner");
    let sql = format!(
        "SELECT CAST(coalesce(sum(stored_bytes), 0) AS BIGINT) AS number \
         FROM portal_tasks{index} WHERE owner_user_id = $1"
    );
    RawSql {
        sql: sql.into(),
        values: vec![owner.into()],
    }
}

fn indexed_by(dialect: Dialect, index: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!(" INDEXED BY {index}"),
        Dialect::Postgres => String::new(),
    }
}

fn number(rows: &[Row]) -> Result<u64, StoreError> {
    match rows.first() {
        Some(row) => Ok(row.get::<i64>("number")?.unsigned_abs()),
        None => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_in_flight_count_even_if_a_read_missed_them() {
        let mut allowance = Allowance::default();
        allowance.refill(100, 90, 0, 1);
        assert_eq!(allowance.left, 6, "a sixteenth at a time");
        for _ in 0..6 {
            allowance.admit(1);
        }
        let before = allowance.settled;
        // Two of the six tasks are stored during the read, which does not include them.
        allowance.settle(2);
        allowance.refill(100, 90, before, 1);
        assert_eq!(allowance.left, 4);
        allowance.refill(100, 95, allowance.settled, 1);
        assert_eq!(allowance.left, 1);
        allowance.refill(100, 100, allowance.settled, 1);
        assert_eq!(allowance.left, 0);
        allowance.settle(4);
        allowance.refill(5, 0, allowance.settled, 3);
        assert_eq!(allowance.left, 3, "at least the requested amount");
        allowance.refill(5, 4, allowance.settled, 3);
        assert_eq!(allowance.left, 1, "but no more than is left");
    }
}
