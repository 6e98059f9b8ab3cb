//! Telling every replica that something has changed.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::hearing::BEAT;
use super::{Pool, Store, StoreError, TaskChanges, TaskOwners};

/// A hint that something has changed; whoever cares reads the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Notification {
    /// A user's row has changed.
    User { id: uuid::Uuid },
    /// A session has ended.
    SessionEnded { id: String },
    /// A client token has been withdrawn.
    ClientTokenDeleted { id: uuid::Uuid },
    /// Tasks have been stored and can be claimed.
    TasksReady,
    /// Tasks are to stop.
    TaskCancelled { id: uuid::Uuid },
    /// Tasks have changed, for whoever watches them on another replica.
    TasksChanged {
        tasks: TaskChanges,
        #[serde(default)]
        owners: TaskOwners,
    },
    /// Schedules have been paused or resumed.
    SchedulesChanged,
    /// What administrators set for the whole portal has changed.
    SettingsChanged,
    /// A user has other notifications than before; everybody if none is named.
    NotificationsChanged { user_id: Option<uuid::Uuid> },
    /// What a topic of live regions is about has changed.
    TopicChanged { topic: String },
    /// Hints may have been lost: whatever is cached has to be read anew.
    Lagged,
}

#[cfg(feature = "postgres")]
const CHANNEL: &str = "portal";
/// PostgreSQL takes less than 8000 bytes.
#[cfg(feature = "postgres")]
const MOST_BYTES: usize = 7900;
/// How long to wait before the database is asked again that did not answer.
const RETRY: Duration = Duration::from_millis(500);
/// How long a connection may be silent before it is taken for dead.
#[cfg(feature = "postgres")]
const PATIENCE: Duration = Duration::from_secs(5);

impl Store {
    /// Hints from this process and, with PostgreSQL, from every other replica.
    pub(crate) fn notifications(&self) -> broadcast::Receiver<Notification> {
        self.notifications.subscribe()
    }

    /// Sends a hint to every replica, this one included.
    ///
    /// Failing to reach the others is logged, not returned: a hint may always get lost.
    pub(crate) async fn notify(&self, notification: Notification) {
        // Nobody listening is fine.
        let _ = self.notifications.send(notification.clone());
        if let Err(error) = self.notify_others(&[notification]).await {
            tracing::warn!(%error, "other replicas could not be notified");
        }
    }

    /// Sends hints to the other replicas, all in one statement; with SQLite there are none.
    pub(crate) async fn notify_others(
        &self,
        notifications: &[Notification],
    ) -> Result<(), StoreError> {
        #[cfg(feature = "postgres")]
        #[cfg_attr(
            not(feature = "sqlite"),
            expect(irrefutable_let_patterns, reason = "the only database")
        )]
        if let Pool::Postgres(pool) = &self.pool {
            sqlx::query(NOTIFY)
                .bind(CHANNEL)
                .bind(payloads(self.id, notifications)?)
                .execute(pool)
                .await?;
        }
        #[cfg(not(feature = "postgres"))]
        let _ = notifications;
        Ok(())
    }

    /// Hears of what other processes change, until it is dropped.
    pub(crate) async fn listen(&self) {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { write, .. } => self.watch_file(write).await,
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => loop {
                if let Err(error) = self.listen_once(pool).await {
                    tracing::warn!(%error, "the connection that listens for other replicas was lost");
                }
                tokio::time::sleep(RETRY).await;
            },
        }
    }

    /// Notices that another process has written, such as the command line: SQLite tells no more.
    ///
    /// The writer asks, since to any other connection its own writes look like another's.
    #[cfg(feature = "sqlite")]
    async fn watch_file(&self, writer: &sqlx::SqlitePool) {
        let mut known: Option<i64> = None;
        loop {
            let asked = Instant::now();
            let version = sqlx::query_scalar("PRAGMA data_version").fetch_one(writer);
            match version.await {
                Ok(version) => {
                    if known.replace(version) != Some(version) {
                        self.hearing.begin();
                        let _ = self.notifications.send(Notification::Lagged);
                    }
                    self.hearing.heard(asked);
                }
                Err(error) => {
                    tracing::debug!(%error, "whether another process has written is not known");
                    tokio::time::sleep(RETRY).await;
                }
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    #[cfg(feature = "postgres")]
    async fn listen_once(&self, pool: &sqlx::PgPool) -> Result<(), StoreError> {
        let mut listener = sqlx::postgres::PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        // Hints of the time before, or of a gap between two connections, are gone.
        self.hearing.begin();
        let _ = self.notifications.send(Notification::Lagged);
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = listener.try_recv() => match message? {
                    Some(message) => self.pass_on(message.payload()),
                    None => return Ok(()),
                },
                // A connection can be dead for long before anybody says so.
                _ = beat.tick() => {
                    let asked = Instant::now();
                    // Asks for nothing new, so it costs the server next to nothing.
                    let again = sqlx::AssertSqlSafe(format!("LISTEN \"{CHANNEL}\""));
                    let answer = sqlx::raw_sql(again).execute(&mut listener);
                    match tokio::time::timeout(PATIENCE, answer).await {
                        Ok(answer) => {
                            answer?;
                        }
                        Err(_) => return Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
                    }
                    while let Some(message) = listener.next_buffered() {
                        self.pass_on(message.payload());
                    }
                    self.hearing.heard(asked);
                }
            }
        }
    }

    /// Tells this process what another one has told.
    #[cfg(feature = "postgres")]
    fn pass_on(&self, payload: &str) {
        match serde_json::from_str::<Remote<Notification>>(payload) {
            Ok(remote) if remote.from == self.id => {}
            Ok(remote) => drop(self.notifications.send(remote.notification)),
            // A replica of another version may say things that this one does not know.
            Err(error) => tracing::debug!(%error, "a notification was not understood"),
        }
    }
}

/// What travels of a hint; one that is too long becomes the hint to read everything anew.
#[cfg(feature = "postgres")]
fn payload(from: uuid::Uuid, notification: &Notification) -> serde_json::Result<String> {
    let payload = serde_json::to_string(&Remote { from, notification })?;
    if payload.len() <= MOST_BYTES {
        return Ok(payload);
    }
    let notification = &Notification::Lagged;
    serde_json::to_string(&Remote { from, notification })
}

/// Sends hints with a transaction, to this process as well: nobody has the sender's id.
#[cfg(feature = "postgres")]
pub(super) async fn notify_with(
    transaction: &mut sqlx::Transaction<'static, sqlx::Postgres>,
    notifications: &[Notification],
) -> Result<(), StoreError> {
    if notifications.is_empty() {
        return Ok(());
    }
    sqlx::query(NOTIFY)
        .bind(CHANNEL)
        .bind(payloads(uuid::Uuid::nil(), notifications)?)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

#[cfg(feature = "postgres")]
const NOTIFY: &str = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload";

#[cfg(feature = "postgres")]
fn payloads(from: uuid::Uuid, notifications: &[Notification]) -> Result<Vec<String>, StoreError> {
    let payloads = notifications.iter().map(|it| payload(from, it));
    payloads
        .collect::<Result<_, _>>()
        .map_err(|error| StoreError::Other(sqlx::Error::Encode(error.into())))
}

#[cfg(feature = "postgres")]
#[derive(Serialize, Deserialize)]
struct Remote<N> {
    /// So that nobody hears himself.
    from: uuid::Uuid,
    notification: N,
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_for_postgres_becomes_a_hint_to_read_anew() {
        let told = |length: usize| {
            let id = "x".repeat(length);
            let told = payload(uuid::Uuid::nil(), &Notification::SessionEnded { id }).unwrap();
            assert!(told.len() < 8000);
            let remote: Remote<Notification> = serde_json::from_str(&told).unwrap();
            remote.notification
        };
        assert!(matches!(told(7000), Notification::SessionEnded { .. }));
        assert_eq!(told(8000), Notification::Lagged);
    }
}
