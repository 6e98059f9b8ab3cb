//! Load generator: many connections, each of which sends its next request after a response.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::runtime::Handle;
use tokio::task::{JoinSet, yield_now};

use crate::connection::Connection;
use crate::process_stats;
use crate::server::Server;

/// One target's results in one round.
pub(crate) struct Round {
    requests: u64,
    elapsed: Duration,
    processor: Option<Duration>,
}

impl Round {
    /// Sends requests to the server for `duration` over `connections` connections.
    pub(crate) async fn measure(
        server: &Server,
        connections: usize,
        duration: Duration,
    ) -> Result<Self> {
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            open.push(Connection::open(server.address).await?);
        }
        // Client threads never sleep, because waking them would cost the server time, and a slower
        // server would have to do so more often.
        let mut awake = JoinSet::new();
        for _ in 0..Handle::current().metrics().num_workers() {
            awake.spawn(stay_awake());
        }
        let used_before = process_stats::processor_time(server.process_id());
        let start = Instant::now();
        let end = start + duration;
        let mut tasks = JoinSet::new();
        for (index, connection) in open.into_iter().enumerate() {
            // The connections start at different requests, so that they never all use the same
            // caller.
            let first = index * server.requests.len() / connections;
            tasks.spawn(ask_until(
                end,
                connection,
                Arc::clone(&server.requests),
                first,
            ));
        }
        let mut requests = 0;
        while let Some(completed) = tasks.join_next().await {
            requests += completed??;
        }
        let elapsed = start.elapsed();
        let used_after = process_stats::processor_time(server.process_id());
        Ok(Self {
            requests,
            elapsed,
            processor: used_after
                .zip(used_before)
                .and_then(|(after, before)| after.checked_sub(before)),
        })
    }

    /// Returns the number of requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// Returns the server's processor time per request, in microseconds.
    pub(crate) fn cost(&self) -> Option<f64> {
        let micros = self.processor?.as_secs_f64() * 1e6;
        Some(micros / self.requests as f64)
    }
}

async fn stay_awake() {
    loop {
        yield_now().await;
    }
}

async fn ask_until(
    end: Instant,
    mut connection: Connection,
    requests: Arc<[Vec<u8>]>,
    first: usize,
) -> Result<u64> {
    let mut completed = 0;
    for request in requests.iter().cycle().skip(first) {
        if Instant::now() >= end {
            break;
        }
        connection.exchange(request).await?;
        completed += 1;
    }
    Ok(completed)
}
