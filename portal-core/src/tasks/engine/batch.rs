//! Group commit: items that arrive while a batch is being written share the next batch.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Collects items from many callers and writes them together; a single caller does not wait.
#[derive(Debug)]
pub(super) struct Batcher<I, O> {
    waiting: Mutex<VecDeque<(I, oneshot::Sender<O>)>>,
    /// Lock held by the current writer; contains the size of the previous batch.
    turn: Arc<tokio::sync::Mutex<usize>>,
    limit: usize,
}

/// Time that the callers of the previous batch have to submit their next items.
const LINGER: Duration = Duration::from_micros(300);

impl<I: Send + 'static, O: Send + 'static> Batcher<I, O> {
    /// Creates a batcher that writes at most `limit` items together.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            turn: Arc::default(),
            limit,
        }
    }

    /// Submits an item and waits for its result; returns `None` if the writer panicked.
    ///
    /// `write` returns the results in the order of the items. It runs detached, so that dropping
    /// one caller does not cancel the other callers' writes.
    pub(super) async fn submit<F>(
        self: &Arc<Self>,
        item: I,
        write: impl Fn(Vec<I>) -> F,
    ) -> Option<O>
    where
        F: Future<Output = Vec<O>> + Send + 'static,
    {
        let (sender, mut receiver) = oneshot::channel();
        self.waiting.lock().push_back((item, sender));
        loop {
            let mut turn = tokio::select! {
                biased;
                outcome = &mut receiver => return outcome.ok(),
                turn = Arc::clone(&self.turn).lock_owned() => turn,
            };
            self.gather(*turn).await;
            // The previous batch may already have included this item.
            match receiver.try_recv() {
                Ok(outcome) => return Some(outcome),
                Err(oneshot::error::TryRecvError::Closed) => return None,
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            let (items, senders): (Vec<I>, Vec<_>) = {
                let mut waiting = self.waiting.lock();
                let count = waiting.len().min(self.limit);
                waiting.drain(..count).unzip()
            };
            *turn = items.len();
            let written = write(items);
            tokio::spawn(async move {
                for (outcome, sender) in written.await.into_iter().zip(senders) {
                    // A caller may have been dropped, in which case its result is discarded.
                    let _ = sender.send(outcome);
                }
                drop(turn);
            });
        }
    }

    /// Waits briefly for more items; a single caller does not wait.
    async fn gather(&self, before: usize) {
        // Let callers that are ready to run submit their items first.
        tokio::task::yield_now().await;
        let waiting = self.waiting.lock().len();
        if waiting <= 1 && before <= 1 {
            return;
        }
        let enough = (waiting + before).min(self.limit);
        let began = Instant::now();
        while self.waiting.lock().len() < enough && began.elapsed() < LINGER {
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn items_arriving_during_a_batch_share_the_next_batch() {
        let batcher = Arc::new(Batcher::new(8));
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let callers = (0..20).map(|number: u64| {
            let (batcher, sizes) = (Arc::clone(&batcher), Arc::clone(&sizes));
            tokio::spawn(async move {
                let write = move |items: Vec<u64>| {
                    sizes.lock().push(items.len());
                    async move {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        items.into_iter().map(|item| item * 2).collect()
                    }
                };
                assert_eq!(batcher.submit(number, write).await, Some(number * 2));
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
        let sizes = sizes.lock().clone();
        assert_eq!(sizes.iter().sum::<usize>(), 20);
        assert!(sizes.len() < 20, "{sizes:?}");
        assert!(sizes.iter().all(|size| *size <= 8), "{sizes:?}");
    }

    #[tokio::test]
    async fn aborted_leader_does_not_cancel_other_callers() {
        let batcher = Arc::new(Batcher::new(8));
        let write = |items: Vec<u8>| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            items
        };
        let leader = tokio::spawn({
            let batcher = Arc::clone(&batcher);
            async move { batcher.submit(1, write).await }
        });
        tokio::task::yield_now().await;
        let follower = tokio::spawn({
            let batcher = Arc::clone(&batcher);
            async move { batcher.submit(2, write).await }
        });
        tokio::task::yield_now().await;
        leader.abort();
        assert_eq!(follower.await.unwrap(), Some(2));
    }
}
