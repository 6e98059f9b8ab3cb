//! Cluster events: notifies all replicas of changes.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::freshness::HEARTBEAT_INTERVAL;
use super::{Pool, Store, StoreError, TaskChanges, TaskOwners};

/// A message that something has changed; receivers read the current data if they need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ClusterEvent {
    /// A user's row has changed.
    User { id: uuid::Uuid },
    /// A session has ended.
    SessionEnded { id: String },
    /// A client token has been revoked.
    ClientTokenDeleted { id: uuid::Uuid },
    /// Tasks have been stored and can be claimed.
    TasksReady,
    /// Cancellation of a running task was requested.
    TaskCancelled { id: uuid::Uuid },
    /// Tasks have changed, for subscribers on other replicas.
    TasksChanged {
        tasks: TaskChanges,
        #[serde(default)]
        owners: TaskOwners,
    },
    /// Schedules have been paused or resumed.
    SchedulesChanged,
    /// The portal-wide settings managed by administrators have changed.
    SettingsChanged,
    /// One user's notifications have changed, or those of all users if there is no id.
    NotificationsChanged { user_id: Option<uuid::Uuid> },
    /// The content of a live topic has changed.
    TopicChanged { topic: String },
    /// Events may have been lost; cached values must be re-read.
    Lagged,
}

#[cfg(feature = "postgres")]
const CHANNEL: &str = "portal";
/// Maximum size of a payload; PostgreSQL accepts less than 8000 bytes.
#[cfg(feature = "postgres")]
const MAX_PAYLOAD: usize = 7900;
/// Delay before the next attempt if the database is unreachable.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// Time without a response after which the connection is considered dead.
#[cfg(feature = "postgres")]
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

impl Store {
    /// Subscribes to the events from this process and, with PostgreSQL, from all other replicas.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<ClusterEvent> {
        self.notifications.subscribe()
    }

    /// Sends an event to all replicas, including this one.
    ///
    /// Failures to reach other replicas are logged, not returned, because events may be lost at any
    /// time.
    pub(crate) async fn publish(&self, notification: ClusterEvent) {
        // It is fine if there is no receiver.
        let _ = self.notifications.send(notification.clone());
        if let Err(error) = self.publish_remote(&[notification]).await {
            tracing::warn!(%error, "failed to notify other replicas");
        }
    }

    /// Sends events to the other replicas in one statement; with SQLite, does nothing.
    pub(crate) async fn publish_remote(
        &self,
        notifications: &[ClusterEvent],
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

    /// Receives events about changes made by other processes, until the future is dropped.
    pub(crate) async fn listen(&self) {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { write, .. } => self.watch_file(write).await,
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => loop {
                if let Err(error) = self.listen_once(pool).await {
                    tracing::warn!(%error, "lost the connection that receives cluster events");
                }
                tokio::time::sleep(RETRY_DELAY).await;
            },
        }
    }

    /// Detects writes by other processes, such as the command line. SQLite does not report what was
    /// changed.
    ///
    /// The check uses the write connection, because on any other connection the portal's own writes
    /// would appear to come from another process.
    #[cfg(feature = "sqlite")]
    async fn watch_file(&self, writer: &sqlx::SqlitePool) {
        let mut known: Option<i64> = None;
        loop {
            let asked = Instant::now();
            let version = sqlx::query_scalar("PRAGMA data_version").fetch_one(writer);
            match version.await {
                Ok(version) => {
                    if known.replace(version) != Some(version) {
                        self.freshness.connected();
                        let _ = self.notifications.send(ClusterEvent::Lagged);
                    }
                    self.freshness.confirm(asked);
                }
                Err(error) => {
                    tracing::debug!(%error, "failed to check for writes by other processes");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
            tokio::time::sleep(HEARTBEAT_INTERVAL).await;
        }
    }

    #[cfg(feature = "postgres")]
    async fn listen_once(&self, pool: &sqlx::PgPool) -> Result<(), StoreError> {
        let mut listener = sqlx::postgres::PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        // Events sent before this connection, or between two connections, are lost.
        self.freshness.connected();
        let _ = self.notifications.send(ClusterEvent::Lagged);
        let mut beat = tokio::time::interval(HEARTBEAT_INTERVAL);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = listener.try_recv() => match message? {
                    Some(message) => self.forward(message.payload()),
                    None => return Ok(()),
                },
                // A dead connection may not report an error for a long time.
                _ = beat.tick() => {
                    let asked = Instant::now();
                    // Repeating the subscription tests the connection and costs the server almost
                    // nothing.
                    let again = sqlx::AssertSqlSafe(format!("LISTEN \"{CHANNEL}\""));
                    let listen = sqlx::raw_sql(again).execute(&mut listener);
                    match tokio::time::timeout(SEND_TIMEOUT, listen).await {
                        Ok(result) => {
                            result?;
                        }
                        Err(_) => return Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
                    }
                    while let Some(message) = listener.next_buffered() {
                        self.forward(message.payload());
                    }
                    self.freshness.confirm(asked);
                }
            }
        }
    }

    /// Forwards an event from another process to the subscribers in this process.
    #[cfg(feature = "postgres")]
    fn forward(&self, payload: &str) {
        match serde_json::from_str::<Envelope<ClusterEvent>>(payload) {
            Ok(remote) if remote.from == self.id => {}
            Ok(remote) => drop(self.notifications.send(remote.notification)),
            // A replica running a different version may send events that this version does not
            // support.
            Err(error) => tracing::debug!(%error, "failed to parse a cluster event"),
        }
    }
}

/// Returns the payload of an event; an event that is too long becomes [`ClusterEvent::Lagged`].
#[cfg(feature = "postgres")]
fn payload(from: uuid::Uuid, notification: &ClusterEvent) -> serde_json::Result<String> {
    let payload = serde_json::to_string(&Envelope { from, notification })?;
    if payload.len() <= MAX_PAYLOAD {
        return Ok(payload);
    }
    let notification = &ClusterEvent::Lagged;
    serde_json::to_string(&Envelope { from, notification })
}

/// Sends events within a transaction. This process receives them too, because they do not contain
/// its id.
#[cfg(feature = "postgres")]
pub(super) async fn publish_in(
    transaction: &mut sqlx::Transaction<'static, sqlx::Postgres>,
    notifications: &[ClusterEvent],
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
fn payloads(from: uuid::Uuid, notifications: &[ClusterEvent]) -> Result<Vec<String>, StoreError> {
    let payloads = notifications.iter().map(|it| payload(from, it));
    payloads
        .collect::<Result<_, _>>()
        .map_err(|error| StoreError::Other(sqlx::Error::Encode(error.into())))
}

#[cfg(feature = "postgres")]
#[derive(Serialize, Deserialize)]
struct Envelope<N> {
    /// Id of the sender, so that a process can ignore its own events.
    from: uuid::Uuid,
    notification: N,
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn oversized_event_becomes_a_lagged_event() {
        let received = |length: usize| {
            let id = "x".repeat(length);
            let sent = payload(uuid::Uuid::nil(), &ClusterEvent::SessionEnded { id }).unwrap();
            assert!(sent.len() < 8000);
            let remote: Envelope<ClusterEvent> = serde_json::from_str(&sent).unwrap();
            remote.notification
        };
        assert!(matches!(received(7000), ClusterEvent::SessionEnded { .. }));
        assert_eq!(received(8000), ClusterEvent::Lagged);
    }
}
