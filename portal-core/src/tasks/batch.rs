//! Group commit: whoever comes while a batch is being written shares the next one.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Collects items of many callers and writes them together; nobody waits for company.
#[derive(Debug)]
pub(super) struct Batcher<I, O> {
    waiting: Mutex<VecDeque<(I, oneshot::Sender<O>)>>,
    /// Whose turn it is to write; holds the size of the batch before.
    turn: Arc<tokio::sync::Mutex<usize>>,
    limit: usize,
}

/// How long those of the batch before, who have just been answered, get to come again.
const LINGER: Duration = Duration::from_micros(300);

impl<I: Send + 'static, O: Send + 'static> Batcher<I, O> {
    /// Writes at most `limit` items together.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            turn: Arc::default(),
            limit,
        }
    }

    /// Hands an item in and waits for what came of it; `None` if its writer panicked.
    ///
    /// `write` answers each item in its place. It runs detached: a caller that goes away takes
    /// nobody's answer along.
    pub(super) async fn submit<F>(
        self: &Arc<Self>,
        item: I,
        write: impl Fn(Vec<I>) -> F,
    ) -> Option<O>
    where
        F: Future<Output = Vec<O>> + Send + 'static,
    {
        let (sender, mut receiver) = oneshot::channel();
        lock(&self.waiting).push_back((item, sender));
        loop {
            let mut turn = tokio::select! {
                biased;
                answer = &mut receiver => return answer.ok(),
                turn = Arc::clone(&self.turn).lock_owned() => turn,
            };
            self.gather(*turn).await;
            // The batch of the turn before may have had this item.
            match receiver.try_recv() {
                Ok(answer) => return Some(answer),
                Err(oneshot::error::TryRecvError::Closed) => return None,
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            let (items, senders): (Vec<I>, Vec<_>) = {
                let mut waiting = lock(&self.waiting);
                let count = waiting.len().min(self.limit);
                waiting.drain(..count).unzip()
            };
            *turn = items.len();
            let written = write(items);
            tokio::spawn(async move {
                for (answer, sender) in written.await.into_iter().zip(senders) {
                    // Whoever has gone away does not need it.
                    let _ = sender.send(answer);
                }
                drop(turn);
            });
        }
    }

    /// Lets others join in. A caller who is alone is not kept.
    async fn gather(&self, before: usize) {
        // Whoever is ready in this moment.
        tokio::task::yield_now().await;
        let waiting = lock(&self.waiting).len();
        if waiting <= 1 && before <= 1 {
            return;
        }
        let enough = (waiting + before).min(self.limit);
        let began = Instant::now();
        while lock(&self.waiting).len() < enough && began.elapsed() < LINGER {
            tokio::task::yield_now().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_comes_during_a_batch_shares_the_next() {
        let batcher = Arc::new(Batcher::new(8));
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let callers = (0..20).map(|number: u64| {
            let (batcher, sizes) = (Arc::clone(&batcher), Arc::clone(&sizes));
            tokio::spawn(async move {
                let write = move |items: Vec<u64>| {
                    lock(&sizes).push(items.len());
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
        let sizes = lock(&sizes).clone();
        assert_eq!(sizes.iter().sum::<usize>(), 20);
        assert!(sizes.len() < 20, "{sizes:?}");
        assert!(sizes.iter().all(|size| *size <= 8), "{sizes:?}");
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_takes_nobody_along() {
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
