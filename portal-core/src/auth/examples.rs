//! Users that nobody is: so that whoever develops a portal sees its pages filled.

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use sea_query::{Expr, ExprTrait, Func, Query};
use serde_json::json;
use uuid::{NoContext, Timestamp, Uuid};

use super::role::Role;
use super::users::{TABLE, Users};
use crate::error::Result;
use crate::store::{Row, now};

/// What the subjects of examples begin with. No provider vouches for them, so nobody signs in as one.
const PREFIX: &str = "example:";
const NAMES: [&str; 8] = [
    "Ada", "Alan", "Barbara", "Dennis", "Edsger", "Grace", "Ken", "Margaret",
];
const SURNAMES: [&str; 6] = ["Allen", "Clarke", "Hopper", "Liskov", "Perlis", "Ritchie"];
/// How far back they go, and how many there are.
const DAYS: i64 = 90;
const USERS: i64 = 90;

/// An id that sorts by a moment of the past.
pub(crate) fn id_at(at: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, at.nanosecond()))
}

impl Users {
    /// Adds example users with sign-ins over 90 days, unless there are some. For development:
    /// their addresses end in `@example.invalid`, and nobody can sign in as one.
    pub async fn add_examples(&self) -> Result<Vec<Uuid>> {
        let known = self.examples().await?;
        if !known.is_empty() {
            return Ok(known);
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
            // More of them lately than long ago.
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

    /// Removes the example users with all that is theirs, and says how many there were.
    pub async fn remove_examples(&self) -> Result<u64> {
        let delete = Query::delete()
            .from_table(TABLE)
            .and_where(is_example())
            .take();
        Ok(self.store.execute(&delete).await?)
    }

    /// The ids of the example users; none if there are none.
    pub async fn examples(&self) -> Result<Vec<Uuid>> {
        let select = Query::select()
            .column("id")
            .from(TABLE)
            .and_where(is_example())
            .take();
        let rows = self.store.fetch_all(&select).await?;
        Ok(rows
            .iter()
            .map(|row: &Row| row.get("id"))
            .collect::<Result<_, _>>()?)
    }
}

/// By range, which the index of subjects answers.
fn is_example() -> Expr {
    // `;` comes after `:`.
    Expr::col("subject")
        .gte(PREFIX)
        .and(Expr::col("subject").lt("example;"))
        .and(Func::lower(Expr::col("email")).like("%@example.invalid"))
}
