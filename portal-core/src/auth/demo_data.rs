//! Demo users, so that pages have content during development.

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use sea_query::{Expr, ExprTrait, Func, Query};
use serde_json::json;
use uuid::{NoContext, Timestamp, Uuid};

use super::role::Role;
use super::users::{TABLE, Users};
use crate::error::Result;
use crate::store::{Row, now};

/// Prefix of demo users' subjects. No provider issues such subjects, so demo users cannot sign in.
const PREFIX: &str = "example:";
const NAMES: [&str; 8] = [
    "Ada", "Alan", "Barbara", "Dennis", "Edsger", "Grace", "Ken", "Margaret",
];
const SURNAMES: [&str; 6] = ["Allen", "Clarke", "Hopper", "Liskov", "Perlis", "Ritchie"];
/// Age of the oldest demo user, in days.
const DAYS: i64 = 90;
/// Number of demo users.
const USERS: i64 = 90;

/// Creates an id that sorts as if it had been created at the given time.
pub(crate) fn id_at(at: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, at.nanosecond()))
}

impl Users {
    /// Adds demo users with sign-ins spread over the last 90 days, unless demo users already exist,
    /// and returns the ids of all demo users.
    ///
    /// For development: their e-mail addresses end in `@example.invalid`, and they cannot sign in.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn add_demo_users(&self) -> Result<Vec<Uuid>> {
        let user_ids = self.demo_user_ids().await?;
        if !user_ids.is_empty() {
            return Ok(user_ids);
        }
        let mut random = fastrand::Rng::with_seed(7);
        let now = now();
        let mut users = Query::insert();
        users.into_table(TABLE).columns([
            "id",
            "subject",
            "email",
            "email_verified",
            "first_name",
            "last_name",
            "user_type",
            "is_active",
            "user_attribute",
            "preferences",
            "created_at",
            "updated_at",
            "last_login",
        ]);
        let mut sessions = Query::insert();
        sessions.into_table("portal_sessions").columns([
            "id",
            "user_id",
            "created_at",
            "expires_at",
            "ended_at",
        ]);
        let mut ids = Vec::new();
        for number in 0..USERS {
            // Recent users outnumber old ones.
            let age = (DAYS * 1440) as f64 * (1.0 - random.f64().sqrt());
            let created = now - TimeDelta::minutes(age as i64);
            let id = id_at(created);
            let mut seen = created;
            let mut last = created;
            let mut visit = 0;
            while seen < now {
                last = seen;
                let ends = seen + TimeDelta::hours(8);
                sessions.values_panic([
                    format!("{PREFIX}{number}-{visit}").into(),
                    id.into(),
                    seen.into(),
                    ends.into(),
                    ends.into(),
                ]);
                visit += 1;
                seen += TimeDelta::minutes(random.i64(600..8_000));
            }
            let name = NAMES[random.usize(..NAMES.len())];
            let surname = SURNAMES[random.usize(..SURNAMES.len())];
            users.values_panic([
                id.into(),
                format!("{PREFIX}{number}").into(),
                format!(
                    "{}.{}{number}@example.invalid",
                    name.to_lowercase(),
                    surname.to_lowercase()
                )
                .into(),
                true.into(),
                name.into(),
                surname.into(),
                Role::User.as_str().into(),
                (number % 16 != 5).into(),
                json!({"example": true}).into(),
                json!({}).into(),
                created.into(),
                created.into(),
                last.into(),
            ]);
            ids.push(id);
        }
        let mut transaction = self.store.begin().await?;
        transaction.execute(&users).await?;
        transaction.execute(&sessions).await?;
        transaction.commit().await?;
        Ok(ids)
    }

    /// Removes the demo users with all their data and returns the number of users removed.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn remove_demo_users(&self) -> Result<u64> {
        let delete = Query::delete()
            .from_table(TABLE)
            .and_where(is_demo_user())
            .take();
        Ok(self.store.execute(&delete).await?)
    }

    /// Returns the ids of the demo users.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn demo_user_ids(&self) -> Result<Vec<Uuid>> {
        let select = Query::select()
            .column("id")
            .from(TABLE)
            .and_where(is_demo_user())
            .take();
        let rows = self.store.fetch_all(&select).await?;
        Ok(rows
            .iter()
            .map(|row: &Row| row.get("id"))
            .collect::<Result<_, _>>()?)
    }
}

/// Matches demo users by a range of subjects, for which the database can use the index.
fn is_demo_user() -> Expr {
    // `;` is the character after `:`.
    Expr::col("subject")
        .gte(PREFIX)
        .and(Expr::col("subject").lt("example;"))
        .and(Func::lower(Expr::col("email")).like("%@example.invalid"))
}
