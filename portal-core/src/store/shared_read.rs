//! Reads that are the same for many who ask at once.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use quick_cache::sync::Cache;
use tokio::sync::Mutex;

/// When the last read began, and what it gave; nothing if it failed.
type Last<V> = Option<(Instant, Option<V>)>;
type Place<V> = Arc<Mutex<Last<V>>>;

/// Lets callers who ask for the same at once share one read. Nobody gets what was read before he
/// asked, so there is nothing to be invalidated, and a thousand callers cost two reads.
pub(crate) struct SharedReads<K, V>(Cache<K, Place<V>>);

/// How many different reads are remembered.
const KEPT: usize = 256;

impl<K: Hash + Eq + Clone, V: Clone> SharedReads<K, V> {
    pub(crate) fn new() -> Self {
        Self(Cache::new(KEPT))
    }

    /// What `read` gives, from a read that began after this call.
    pub(crate) async fn get<E>(
        &self,
        key: K,
        read: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let asked = Instant::now();
        let place = match self.0.get(&key) {
            Some(place) => place,
            None => {
                let place = Place::default();
                self.0.insert(key, Arc::clone(&place));
                place
            }
        };
        let mut last = place.lock().await;
        match &*last {
            Some((begun, Some(value))) if *begun >= asked => return Ok(value.clone()),
            // It has failed meanwhile: those who waited do not queue up to fail one by one.
            Some((begun, None)) if *begun >= asked => {
                drop(last);
                return read.await;
            }
            _ => {}
        }
        let begun = Instant::now();
        let result = read.await;
        *last = Some((begun, result.as_ref().ok().cloned()));
        result
    }
}

impl<K, V> std::fmt::Debug for SharedReads<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedReads")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_at_once_share_a_read_and_nobody_gets_an_old_one() {
        let reads = Arc::new(SharedReads::new());
        let count = Arc::new(AtomicU32::new(0));
        let ask = || {
            let (reads, count) = (Arc::clone(&reads), Arc::clone(&count));
            tokio::spawn(async move {
                let read = async {
                    let number = count.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok::<_, ()>(number)
                };
                reads.get("key", read).await
            })
        };
        let all: Vec<_> = (0..50).map(|_| ask()).collect();
        for one in all {
            one.await.unwrap().unwrap();
        }
        let so_far = count.load(Ordering::SeqCst);
        assert!(so_far <= 2, "{so_far} reads");
        assert_eq!(ask().await.unwrap(), Ok(so_far), "read anew");
    }
}
