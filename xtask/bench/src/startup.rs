//! Start-up time of a portal, and its memory usage when idle.

use std::env;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use portal_testkit::launch::free_port;
use portal_testkit::process::{Scope, resident_memory};
use portal_testkit::{Process, Program, Signal};

use crate::http::POSTGRES;
use crate::summary::Summary;

/// Timeout for a start.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Poll interval during a start, which is a small fraction of the measured time.
const POLL_INTERVAL: Duration = Duration::from_micros(500);
/// Time after which an unused portal is idle.
const SETTLE_TIME: Duration = Duration::from_secs(2);

/// Options for the start-up benchmark.
#[derive(Args)]
pub(crate) struct Settings {
    /// Program to start
    program: PathBuf,
    /// Number of starts on an existing database
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// Starts the binary repeatedly and prints the start-up times and memory usage.
pub(crate) fn run(settings: &Settings) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (mut portal, first) = start(&settings.program, directory.path())?;
    portal.stop()?;
    let mut times = Vec::new();
    let mut memory = Vec::new();
    for round in 1..=settings.rounds {
        let (mut portal, time) = start(&settings.program, directory.path())?;
        times.push(time.as_secs_f64() * 1e3);
        if round == settings.rounds {
            sleep(SETTLE_TIME);
            memory.extend(resident_memory(portal.id()));
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

/// Starts the binary, waits for its first `200` response, and returns the process and the elapsed
/// time.
fn start(program: &Path, directory: &Path) -> Result<(Process, Duration)> {
    let port = free_port()?;
    let database = env::var(POSTGRES)
        .unwrap_or_else(|_| format!("sqlite://{}", directory.join("portal.db").display()));
    // The caller's own settings are not inherited, because they would affect the measurement.
    let mut command = Program::new(program)
        .variable("APP_ENV", "DEV")
        .variable("HOST", "127.0.0.1")
        .variable("PORT", port.to_string())
        .variable("DB_LOCAL_URI", database)
        .command(directory);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let process = Process::start_in(Scope::Child, "the portal", &mut command, Signal::TERM)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    while !is_healthy(address).unwrap_or(false) {
        if process.has_ended()? {
            bail!("{} exited before it responded", program.display());
        }
        if start.elapsed() > TIMEOUT {
            bail!(
                "{} does not respond on {address}/healthz",
                program.display()
            );
        }
        sleep(POLL_INTERVAL);
    }
    Ok((process, start.elapsed()))
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
