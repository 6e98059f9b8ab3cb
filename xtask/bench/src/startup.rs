//! Start-up time of a portal and its memory when idle.

use std::env;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};

use crate::http::POSTGRES;
use crate::process_stats;
use crate::summary::Summary;

/// Timeout of a start or a stop.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Time after which an unused portal is idle.
const SETTLE_TIME: Duration = Duration::from_secs(2);

/// Options of the start-up benchmark.
#[derive(Args)]
pub(crate) struct Settings {
    /// Program to start
    program: PathBuf,
    /// Number of starts on an existing database
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// Starts the binary repeatedly and prints times and memory.
pub(crate) fn run(settings: &Settings) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (portal, first) = Portal::start(&settings.program, directory.path())?;
    portal.stop()?;
    let mut times = Vec::new();
    let mut memory = Vec::new();
    for round in 1..=settings.rounds {
        let (portal, time) = Portal::start(&settings.program, directory.path())?;
        times.push(time.as_secs_f64() * 1e3);
        if round == settings.rounds {
            sleep(SETTLE_TIME);
            memory.extend(process_stats::resident_memory(portal.process.id()));
        }
        portal.stop()?;
    }
    let milliseconds = first.as_secs_f64() * 1e3;
    println!("time from start to the first 200 of /healthz");
    println!("  first start          {milliseconds:.0} ms");
    if let Some(times) = Summary::of(times) {
        println!("  existing database    {times:.0} ms (min / median / max)");
    }
    for kibibytes in memory {
        let mebibytes = kibibytes as f64 / 1024.0;
        println!("resident memory when idle {mebibytes:.1} MiB");
    }
    Ok(())
}

/// Running portal; killed on drop.
struct Portal {
    process: Child,
}

impl Portal {
    /// Starts the binary and waits for its first `200` response; also returns the elapsed time.
    fn start(program: &Path, directory: &Path) -> Result<(Self, Duration)> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let database = env::var(POSTGRES)
            .unwrap_or_else(|_| format!("sqlite://{}", directory.join("portal.db").display()));
        let mut command = Command::new(program);
        // The caller's settings are removed, because they would affect the measurement.
        command
            .env_clear()
            .envs(env::var_os("PATH").map(|path| ("PATH", path)))
            .env("APP_ENV", "DEV")
            .env("HOST", "127.0.0.1")
            .env("PORT", port.to_string())
            .env("DB_LOCAL_URI", database)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let start = Instant::now();
        let process = command
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        let mut portal = Self { process };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        while !is_healthy(address).unwrap_or(false) {
            if let Some(status) = portal.process.try_wait()? {
                bail!(
                    "{} exited before it responded ({status})",
                    program.display()
                );
            }
            if start.elapsed() > TIMEOUT {
                bail!(
                    "{} does not respond on {address}/healthz",
                    program.display()
                );
            }
            sleep(Duration::from_micros(500));
        }
        Ok((portal, start.elapsed()))
    }

    /// Shuts the portal down and waits, so that the next start finds a clean database.
    fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.process), Signal::TERM)?;
        let asked = Instant::now();
        while self.process.try_wait()?.is_none() {
            if asked.elapsed() > TIMEOUT {
                bail!("the portal did not stop after SIGTERM");
            }
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        // The process has usually exited by now.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_healthy(address: SocketAddr) -> Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    write!(
        stream,
        "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(status == *b"HTTP/1.1 200")
}
