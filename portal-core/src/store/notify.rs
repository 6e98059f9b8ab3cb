//! Telling every replica that something has changed.

#[cfg(feature = "postgres")]
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

#[cfg(feature = "postgres")]
use super::Pool;
use super::{Store, StoreError, TaskChanges};

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
    TasksChanged { tasks: TaskChanges },
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
            let payloads = notifications.iter().map(|notification| {
                serde_json::to_string(&Remote {
                    from: self.id,
                    notification,
                })
            });
            let payloads: Vec<_> = payloads
                .collect::<Result<_, _>>()
                .map_err(|error| StoreError::Other(sqlx::Error::Encode(error.into())))?;
            sqlx::query("SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload")
                .bind(CHANNEL)
                .bind(payloads)
                .execute(pool)
                .await?;
        }
        #[cfg(not(feature = "postgres"))]
        let _ = notifications;
        Ok(())
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
            match serde_json::from_str::<Remote<Notification>>(message.payload()) {
                Ok(remote) if remote.from == self.id => {}
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
struct Remote<N> {
    /// So that nobody hears himself.
    from: uuid::Uuid,
    notification: N,
}
