//! Nemesis: injects random failures into the replicas and the database, reproducible with a seed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use portal_testkit::Signal;
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::postgres::{PostgresServer, Stop};
use super::replicas::Replicas;

/// A failure to inject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// Kills a replica and restarts it.
    Kill,
    /// Freezes a replica for longer than its lease, then resumes it.
    Freeze,
    /// Shuts a replica down and restarts it.
    Terminate,
    /// Drops connections to the database.
    Disconnect,
    /// Stops the database and restarts it.
    Restart(Stop),
}

/// Failures in one round, each listed as often as it occurs.
const ROUND: [Event; 9] = [
    Event::Kill,
    Event::Kill,
    Event::Freeze,
    Event::Freeze,
    Event::Terminate,
    Event::Disconnect,
    Event::Disconnect,
    Event::Restart(Stop::Fast),
    Event::Restart(Stop::Immediate),
];

/// The failure injector for a run.
pub(super) struct Nemesis {
    pub(super) chance: fastrand::Rng,
    pub(super) fleet: Arc<Replicas>,
    pub(super) lease: Duration,
    /// URI of the database used by the replicas.
    pub(super) database: String,
}

impl Nemesis {
    /// Injects failures for the given time, then restores everything.
    pub(super) async fn run(&mut self, cluster: &mut PostgresServer, time: Duration) -> Result<()> {
        let begin = Instant::now();
        let mut later = JoinSet::new();
        let mut round = Vec::new();
        while begin.elapsed() < time {
            // Failures are taken from a shuffled list, so that even a short run includes all of
            // them.
            let Some(event) = round.pop() else {
                round.extend(ROUND);
                self.chance.shuffle(&mut round);
                continue;
            };
            let replica = self.chance.usize(..self.fleet.ports().len());
            let at = begin.elapsed().as_secs_f64();
            match event {
                Event::Disconnect | Event::Restart(_) => eprintln!("{at:6.1} s  {event:?}"),
                Event::Kill | Event::Freeze | Event::Terminate => {
                    eprintln!("{at:6.1} s  {event:?} replica {replica}");
                }
            }
            self.happen(event, replica, cluster, &mut later).await?;
            self.pause(200..1200).await;
        }
        while let Some(done) = later.join_next().await {
            done??;
        }
        for replica in 0..self.fleet.ports().len() {
            self.fleet.signal(replica, Signal::CONT).await?;
            self.fleet.revive(replica).await?;
        }
        Ok(())
    }

    async fn happen(
        &mut self,
        event: Event,
        replica: usize,
        cluster: &mut PostgresServer,
        later: &mut JoinSet<Result<()>>,
    ) -> Result<()> {
        let fleet = Arc::clone(&self.fleet);
        let away = Duration::from_millis(self.chance.u64(..1500));
        match event {
            Event::Kill => {
                later.spawn(async move {
                    fleet.end(replica, Signal::KILL).await?;
                    sleep(away).await;
                    fleet.revive(replica).await
                });
            }
            Event::Terminate => {
                later.spawn(async move {
                    fleet.end(replica, Signal::TERM).await?;
                    sleep(away).await;
                    fleet.revive(replica).await
                });
            }
            Event::Freeze => {
                let time = self.lease * 3 / 2 + away;
                later.spawn(async move {
                    fleet.signal(replica, Signal::STOP).await?;
                    sleep(time).await;
                    fleet.signal(replica, Signal::CONT).await?;
                    Ok(())
                });
            }
            Event::Disconnect => disconnect(&self.database, self.chance.u8(30..=100)).await?,
            Event::Restart(how) => {
                cluster.stop(how)?;
                sleep(away).await;
                cluster.start()?;
            }
        }
        Ok(())
    }

    async fn pause(&mut self, milliseconds: std::ops::Range<u64>) {
        sleep(Duration::from_millis(self.chance.u64(milliseconds))).await;
    }
}

/// Drops approximately the given percentage of the replicas' connections.
async fn disconnect(database: &str, percent: u8) -> Result<()> {
    let mut connection = PgConnection::connect(database).await?;
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() \
         AND random() * 100 < $1",
    )
    .bind(i32::from(percent))
    .execute(&mut connection)
    .await?;
    Ok(connection.close().await?)
}
