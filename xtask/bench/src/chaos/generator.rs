//! Load generator: a client that enqueues tasks and repeats each request until it is accepted.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::client::{Answer, Client};
use super::monitor::Monitor;
use super::recorder::{Accepted, Recorder, promise};
use super::workloads::KINDS;

/// One of several clients that enqueue tasks concurrently.
pub(super) struct Generator {
    pub(super) name: u32,
    pub(super) seed: u64,
    pub(super) client: Client,
    pub(super) book: Arc<Recorder>,
    /// Token that stops the generator: after it is cancelled, no new tasks are enqueued.
    pub(super) enough: CancellationToken,
}

impl Generator {
    /// Enqueues tasks until it is stopped; returns the clients that monitor them.
    pub(super) async fn run(self) -> JoinSet<()> {
        let mut chance = fastrand::Rng::with_seed(self.seed.wrapping_add(u64::from(self.name)));
        let mut monitors = JoinSet::new();
        let mut number = self.name << 24;
        while !self.enough.is_cancelled() {
            number += 1;
            let kind = choose_kind(&mut chance);
            let Some(id) = self.start(&mut chance, kind, number).await else {
                continue;
            };
            if chance.u32(..100) < 40 {
                let monitor = Monitor {
                    id,
                    client: self.client.clone(),
                    book: Arc::clone(&self.book),
                    chance: chance.fork(),
                };
                monitors.spawn(monitor.run());
            }
            if chance.u32(..100) < 5 {
                self.cancel(&mut chance, id).await;
            }
            sleep(Duration::from_millis(chance.u64(40..160))).await;
        }
        monitors
    }

    /// Repeats an enqueue request until it is accepted; returns `None` if it cannot be.
    async fn start(
        &self,
        chance: &mut fastrand::Rng,
        kind: &'static str,
        number: u32,
    ) -> Option<Uuid> {
        let key = format!("start-{number}");
        let id = self.ask(chance, kind, number, &key).await?;
        let accepted = Accepted {
            kind,
            key: key.clone(),
        };
        self.book.accept(id, accepted);
        self.book.count("enqueue requests accepted");
        if chance.u32(..100) < 10 {
            let again = self.ask(chance, kind, number, &key).await?;
            if again != id {
                let what = format!("{key} returned {id}, then {again}");
                self.book.violation(promise::SAME_TASK, what);
            }
        }
        Some(id)
    }

    async fn ask(
        &self,
        chance: &mut fastrand::Rng,
        kind: &'static str,
        number: u32,
        key: &str,
    ) -> Option<Uuid> {
        loop {
            match self.client.start(chance, kind, number, key).await {
                Answer::Done(response) => return self.id_of(&response),
                Answer::Unclear => self
                    .book
                    .count("enqueue requests repeated, outcome unknown"),
                Answer::NotNow => self.book.count("enqueue requests repeated, rejected"),
                Answer::Wrong(what) => {
                    self.book.violation(promise::ACCEPTED_OR_503, what);
                }
            }
            sleep(Duration::from_millis(chance.u64(50..250))).await;
        }
    }

    fn id_of(&self, response: &Value) -> Option<Uuid> {
        let id = response["task_id"].as_str().and_then(|id| id.parse().ok());
        if id.is_none() {
            self.book.violation(promise::TASK_ID, response.to_string());
        }
        id
    }

    /// Requests cancellation only once, because a lost cancellation violates no guarantee.
    async fn cancel(&self, chance: &mut fastrand::Rng, id: Uuid) {
        match self.client.cancel(chance, id).await {
            Answer::Done(_) => self.book.count("cancellations"),
            Answer::Unclear | Answer::NotNow => {}
            Answer::Wrong(what) => {
                self.book
                    .violation(promise::CANCEL, format!("{id}: {what}"));
            }
        }
    }
}

fn choose_kind(chance: &mut fastrand::Rng) -> &'static str {
    let all: u32 = KINDS.iter().map(|(_, share)| share).sum();
    let mut left = chance.u32(..all);
    for (kind, share) in KINDS {
        if left < share {
            return kind;
        }
        left -= share;
    }
    KINDS[0].0
}
