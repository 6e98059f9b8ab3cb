//! Upkeep of running tasks: heartbeats, rescues, progress, and events from other replicas.

use std::future::Future;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Worker;
use crate::auth::ClientTokens;
use crate::store::{ClusterEvent, StoreError};
use crate::tasks::engine::finish;
use crate::tasks::engine::lease::{self, OrphanScope};

/// Interval at which changed progress is saved.
const SAVE_INTERVAL: Duration = Duration::from_millis(25);

impl Worker {
    pub(super) async fn run_heartbeat(self) {
        // Up to three heartbeats may fail before the lease expires.
        let mut tick = interval(self.settings().lease / 4);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = self.send_heartbeat().await {
                tracing::warn!(%error, "failed to extend task leases");
            }
            if let Err(error) = self.rescue(OrphanScope::Expired).await {
                tracing::warn!(%error, "failed to rescue tasks from a process that died");
            }
        }
    }

    async fn send_heartbeat(&self) -> Result<(), StoreError> {
        let running = self.tasks.0.engine.running.all();
        if running.is_empty() {
            return Ok(());
        }
        let ids = running.iter().map(|attempt| attempt.record().id);
        let heartbeat = lease::heartbeat(&self.tasks.0.store, self.id, self.lease(), ids).await?;
        for attempt in &running {
            // This includes attempts that have just finished; cancelling their token has no effect.
            if !heartbeat.kept.contains(&attempt.record().id) {
                attempt.superseded.cancel();
            }
        }
        for id in heartbeat.cancelled {
            self.tasks.stop(id);
        }
        Ok(())
    }

    pub(super) async fn save_progress(self) {
        let mut tick = interval(SAVE_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let unsaved = self.tasks.0.engine.running.unsaved();
            if unsaved.is_empty() {
                continue;
            }
            match finish::save_progress(&self.tasks.0.store, &unsaved).await {
                Ok(superseded) => {
                    for record in &unsaved {
                        match self.tasks.0.engine.running.get(record.id) {
                            Some(attempt)
                                if superseded.contains(&record.id)
                                    && attempt.record().attempt == record.attempt =>
                            {
                                attempt.superseded.cancel();
                            }
                            _ => {
                                self.tasks.0.engine.running.saved(record);
                                self.tasks.0.events.outbox.add(record);
                                self.tasks.0.events.logs.update(record);
                            }
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "failed to save task progress"),
            }
        }
    }

    pub(super) async fn follow_cluster_events(self) {
        let mut events = self.tasks.0.store.subscribe();
        let Ok(tokens) = self.state.borrow::<ClientTokens>() else {
            return;
        };
        loop {
            let event = events.recv().await;
            match &event {
                Ok(ClusterEvent::ClientTokenDeleted { id }) => tokens.forget(*id),
                Ok(ClusterEvent::Lagged) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    tokens.forget_all();
                }
                _ => {}
            }
            match event {
                Ok(ClusterEvent::TasksReady | ClusterEvent::Lagged)
                | Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.tasks.0.engine.wake.notify_one();
                }
                Ok(ClusterEvent::TaskCancelled { id }) => self.tasks.stop(id),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    pub(super) async fn rescue(&self, scope: OrphanScope) -> Result<(), StoreError> {
        let rescued = lease::rescue(&self.tasks.0.store, scope, &self.queues).await?;
        if !rescued.is_empty() {
            tracing::info!(
                tasks = rescued.len(),
                "rescued tasks from a process that died or stopped"
            );
            self.tasks.0.engine.wake.notify_one();
        }
        for record in rescued {
            self.tasks.0.statistics.metrics.ended(&record);
            self.tasks.publish(record);
        }
        Ok(())
    }

    /// Retries an operation while the database is unavailable, so that no outcome is lost.
    pub(super) async fn retry_until_stored<
        T: Default,
        F: Future<Output = Result<T, StoreError>>,
    >(
        &self,
        problem: &str,
        action: impl Fn() -> F,
    ) -> T {
        let mut pause = Duration::from_millis(100);
        loop {
            match action().await {
                Ok(value) => return value,
                Err(StoreError::Unavailable(error)) => {
                    tracing::warn!(%error, "{problem}; retrying");
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                Err(error) => {
                    tracing::error!(%error, "{problem}");
                    return T::default();
                }
            }
        }
    }
}
