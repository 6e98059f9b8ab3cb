//! User statistics: sign-ups, active users and sign-ins.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, Func, FunctionCall, Order, Query, SelectStatement};
use uuid::Uuid;

use super::users::{TABLE as USERS, Users};
use crate::error::Result;
use crate::store::{Buckets, Counts, Row, SingleFlight, TimeRange};

const SESSIONS: &str = "portal_sessions";

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Statistic {
    SignUps,
    Active,
    SignIns(Uuid),
}

/// Reads in progress; concurrent requests for the same statistic share one read.
#[derive(Debug, Clone)]
pub(super) struct Reads(Arc<SingleFlight<(Statistic, TimeRange), Counts>>);

impl Default for Reads {
    fn default() -> Self {
        Self(Arc::new(SingleFlight::new()))
    }
}

/// A user's sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignInRecord {
    /// Time at which the portal first saw the session.
    pub at: DateTime<Utc>,
    /// `true` if the session is still active.
    pub is_open: bool,
}

impl Users {
    /// Counts the users who were first seen in each bucket of a range.
    ///
    /// Users who have since been deleted are not counted.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    ///
    /// ```
    /// use portal_core::pages::components::Chart;
    /// use portal_core::prelude::*;
    /// use portal_core::store::TimeRange;
    ///
    /// async fn chart(users: Data<Users>) -> Result<Chart> {
    ///     let counts = users.sign_ups(TimeRange::Month).await?;
    ///     let values = counts.values.iter().map(|count| *count as f64);
    ///     Ok(Chart::area("Sign-ups").buckets(&counts.buckets).series("Users", values))
    /// }
    /// ```
    pub async fn sign_ups(&self, range: TimeRange) -> Result<Counts> {
        self.reads
            .0
            .get((Statistic::SignUps, range), async {
                let buckets = range.buckets();
                let select = self
                    .by_bucket(&buckets, Func::count(Expr::col("id")))
                    .from(USERS)
                    .and_where(Expr::col("deleted_at").is_null())
                    .take();
                self.read_counts(buckets, &select).await
            })
            .await
    }

    /// Counts the active users in each bucket of a range.
    ///
    /// A user is active in a bucket if they started a session, that is, signed in. Each user counts
    /// once per bucket and once in the total.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn active(&self, range: TimeRange) -> Result<Counts> {
        self.reads
            .0
            .get((Statistic::Active, range), async {
                let buckets = range.buckets();
                let select = self
                    .by_bucket(&buckets, Func::count_distinct(Expr::col("user_id")))
                    .from(SESSIONS)
                    .and_where(Expr::col("created_at").gte(buckets.start()))
                    .take();
                let mut counts = self.read_counts(buckets, &select).await?;
                // A user who was active in two buckets counts once in the total.
                let previous = buckets.previous_period();
                counts.total = self.active_within(buckets.start(), buckets.end()).await?;
                counts.previous = self.active_within(previous.start, previous.end).await?;
                Ok(counts)
            })
            .await
    }

    /// Counts a user's sign-ins in each bucket of a range.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn sign_ins(&self, user_id: Uuid, range: TimeRange) -> Result<Counts> {
        self.reads
            .0
            .get((Statistic::SignIns(user_id), range), async {
                let buckets = range.buckets();
                let select = self
                    .by_bucket(&buckets, Func::count(Expr::col("id")))
                    .from(SESSIONS)
                    .and_where(Expr::col("user_id").eq(user_id))
                    .take();
                self.read_counts(buckets, &select).await
            })
            .await
    }

    /// Returns a user's latest sign-ins, newest first; at most 100.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn latest_sign_ins(&self, user_id: Uuid, limit: u64) -> Result<Vec<SignInRecord>> {
        let select = Query::select()
            .columns(["created_at", "expires_at", "ended_at"])
            .from(SESSIONS)
            .and_where(Expr::col("user_id").eq(user_id))
            .order_by("created_at", Order::Desc)
            .limit(std::cmp::Ord::min(limit, 100))
            .take();
        let now = crate::store::now();
        let read = |row: &Row| -> Result<SignInRecord> {
            let ended: Option<DateTime<Utc>> = row.get("ended_at")?;
            Ok(SignInRecord {
                at: row.get("created_at")?,
                is_open: ended.is_none() && row.get::<DateTime<Utc>>("expires_at")? > now,
            })
        };
        let rows = self.store.fetch_all(&select).await?;
        rows.iter().map(read).collect()
    }

    /// Counts rows by creation time, per bucket and for the previous period.
    fn by_bucket(&self, buckets: &Buckets, count: FunctionCall) -> SelectStatement {
        Query::select()
            .expr_as(buckets.column(self.store.dialect(), "created_at"), "bucket")
            .expr_as(count, "count")
            .cond_where(buckets.cover("created_at"))
            .group_by_col("bucket")
            .take()
    }

    async fn read_counts(&self, buckets: Buckets, select: &SelectStatement) -> Result<Counts> {
        let mut counts = Counts::zero(buckets);
        for row in self.store.fetch_all(select).await? {
            let count: i64 = row.get("count")?;
            counts.add(buckets.read(&row, "bucket")?, count.unsigned_abs());
        }
        Ok(counts)
    }

    async fn active_within(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<u64> {
        let select = Query::select()
            .expr(Func::count_distinct(Expr::col("user_id")))
            .from(SESSIONS)
            .and_where(Expr::col("created_at").gte(since))
            .and_where(Expr::col("created_at").lt(until))
            .take();
        Ok(self.store.fetch_count(&select).await?.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// Stores a user who started a session at a given time.
    async fn sign_in(store: &Store, at: DateTime<Utc>) {
        let id = Uuid::new_v4();
        let user = Query::insert()
            .into_table(USERS)
            .columns(["id", "subject", "user_type", "created_at", "updated_at"])
            .values_panic([
                id.into(),
                id.to_string().into(),
                "USER".into(),
                at.into(),
                at.into(),
            ])
            .take();
        let session = Query::insert()
            .into_table(SESSIONS)
            .columns(["id", "user_id", "created_at", "expires_at"])
            .values_panic([id.to_string().into(), id.into(), at.into(), at.into()])
            .take();
        for insert in [user, session] {
            assert_eq!(store.execute(&insert).await.unwrap(), 1);
        }
    }

    #[tokio::test]
    async fn range_includes_its_start_and_excludes_its_end() {
        let store = Store::connect("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let now = "2026-11-23T07:20:00Z".parse().unwrap();
        let buckets = Buckets::ending_at(TimeRange::Week, now);
        let previous = buckets.previous_period();
        for at in [previous.start, previous.end, buckets.start(), buckets.end()] {
            sign_in(&store, at).await;
        }
        let users = Users::new(store);
        let active = users.active_within(buckets.start(), buckets.end()).await;
        assert_eq!(active.unwrap(), 1);
        let active = users.active_within(previous.start, previous.end).await;
        assert_eq!(active.unwrap(), 1);
        // The same applies to each bucket.
        let select = users.by_bucket(&buckets, Func::count(Expr::col("id")));
        let select = select.clone().from(SESSIONS).take();
        let counts = users.read_counts(buckets, &select).await.unwrap();
        assert_eq!((counts.total, counts.previous), (1, 1));
        assert_eq!(counts.values, [1, 0, 0, 0, 0, 0, 0]);
    }
}
