//! Single flight: coalesces concurrent reads of the same key.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use quick_cache::sync::Cache;
use tokio::sync::Mutex;

/// Start time and value of the last read; the value is `None` if the read failed.
type LastRead<V> = Option<(Instant, Option<V>)>;
type FlightSlot<V> = Arc<Mutex<LastRead<V>>>;

/// Coalesces concurrent reads of the same key.
///
/// A caller only receives a value from a read that started after the call. Therefore, no
/// invalidation is needed, and even a thousand concurrent callers cause at most two reads.
pub(crate) struct SingleFlight<K, V>(Cache<K, FlightSlot<V>>);

/// Maximum number of cached keys.
const MAX_STORED: usize = 256;

impl<K: Hash + Eq + Clone, V: Clone> SingleFlight<K, V> {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MAX_STORED))
    }

    /// Returns the result of `read`, executed by this or another caller after this call started.
    pub(crate) async fn get<E>(
        &self,
        key: K,
        read: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let asked = Instant::now();
        let place = match self.0.get(&key) {
            Some(place) => place,
            None => {
                let place = FlightSlot::default();
                self.0.insert(key, Arc::clone(&place));
                place
            }
        };
        let mut last = place.lock().await;
        match &*last {
            Some((begun, Some(value))) if *begun >= asked => return Ok(value.clone()),
            // The shared read failed. Each waiting caller now reads separately, so that they do not
            // time out one after another.
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

impl<K, V> std::fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SingleFlight")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn concurrent_callers_share_a_read_that_is_never_stale() {
        let reads = Arc::new(SingleFlight::new());
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
