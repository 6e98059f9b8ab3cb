//! Request ids: set by a proxy or generated.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderValue;
use uuid::Uuid;

/// Returns the request id set by a proxy if it is valid, otherwise a new one.
pub(super) fn request_id(given: Option<&HeaderValue>) -> HeaderValue {
    let given = given.filter(|value| {
        let bytes = value.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    });
    match given {
        Some(value) => value.clone(),
        None => new_id(),
    }
}

fn new_id() -> HeaderValue {
    let mut id = *FIRST_ID;
    let mut number = COUNTER.fetch_add(1, Ordering::Relaxed);
    for digit in id.iter_mut().rev().take(COUNTER_DIGITS) {
        *digit = b"0123456789abcdef"[(number % 16) as usize];
        number /= 16;
    }
    HeaderValue::from_bytes(&id).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

const COUNTER_DIGITS: usize = 10;

/// Random prefix of this process's ids, followed by placeholder digits for the counter.
///
/// It distinguishes the ids from those of other processes without requiring a system call for each
/// id.
static FIRST_ID: LazyLock<[u8; 17 + COUNTER_DIGITS]> = LazyLock::new(|| {
    let mut id = [b'0'; 17 + COUNTER_DIGITS];
    let process = format!("{:016x}-", Uuid::new_v4().as_u64_pair().0);
    for (digit, byte) in id.iter_mut().zip(process.bytes()) {
        *digit = byte;
    }
    id
});
static COUNTER: AtomicU64 = AtomicU64::new(1);
