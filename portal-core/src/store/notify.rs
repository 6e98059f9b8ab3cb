//! Telling every replica that something has changed.

#[cfg(feature = "postgres")]
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::Store;
#[cfg(feature = "postgres")]
use super::{Pool, StoreError};

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
    /// Schedules have been paused or resumed.
    SchedulesChanged,
    /// Hints may have been lost: whatever is cached has to be read anew.
    Lagged,
}

#[cfg(feature = "postgres")]
const CHANNEL: &str = "portal";

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
        #[cfg(feature = "postgres")]
        #[cfg_attr(
            not(feature = "sqlite"),
            expect(irrefutable_let_patterns, reason = "the only database")
        )]
        if let Pool::Postgres(pool) = &self.pool {
            let payload = serde_json::to_string(&Remote {
                from: process_id(),
                notification,
            });
            let sent = match payload {
                Ok(payload) => sqlx::query("SELECT pg_notify($1, $2)")
                    .bind(CHANNEL)
                    .bind(payload)
                    .execute(pool)
                    .await
                    .map(drop)
                    .map_err(StoreError::from),
                Err(error) => Err(StoreError::Other(sqlx::Error::Encode(error.into()))),
            };
            if let Err(error) = sent {
                tracing::warn!(%error, "other replicas could not be notified");
            }
        }
    }

    /// Passes on the hints of other replicas until it is dropped; with SQLite there are none.
    pub(crate) async fn listen(&self) {
        #[cfg(feature = "postgres")]
        #[cfg_attr(
            not(feature = "sqlite"),
            expect(irrefutable_let_patterns, reason = "the only database")
        )]
        if let Pool::Postgres(pool) = &self.pool {
            loop {
                if let Err(error) = self.listen_once(pool).await {
                    tracing::warn!(%error, "the connection that listens for other replicas was lost");
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        std::future::pending::<()>().await;
    }

    #[cfg(feature = "postgres")]
    async fn listen_once(&self, pool: &sqlx::PgPool) -> Result<(), StoreError> {
        let mut listener = sqlx::postgres::PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        // Hints of the time before, or of a gap between two connections, are gone.
        let _ = self.notifications.send(Notification::Lagged);
        while let Some(message) = listener.try_recv().await? {
            match serde_json::from_str::<Remote>(message.payload()) {
                Ok(remote) if remote.from == process_id() => {}
                Ok(remote) => {
                    let _ = self.notifications.send(remote.notification);
                }
                // A replica of another version may say things that this one does not know.
                Err(error) => tracing::debug!(%error, "a notification was not understood"),
            }
        }
        Ok(())
    }
}

#[cfg(feature = "postgres")]
#[derive(Serialize, Deserialize)]
struct Remote {
    from: uuid::Uuid,
    notification: Notification,
}

/// Names this process, so that it does not hear itself.
#[cfg(feature = "postgres")]
fn process_id() -> uuid::Uuid {
    static ID: std::sync::OnceLock<uuid::Uuid> = std::sync::OnceLock::new();
    *ID.get_or_init(uuid::Uuid::new_v4)
}
