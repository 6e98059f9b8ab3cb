//! Measures the delay until a thousand open tabs receive a change and its content.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use portal_clerk::ClerkAuth;
use portal_core::config::Settings as Variables;
use portal_core::prelude::*;
use portal_core::{AuthProvider, Config, admin_model};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, request};
use crate::process_stats;

const ADMIN: &str = "bench@example.com";
/// Admin page whose live region is a table of 50 rows.
const PAGE: &str = "/admin/settings/live_order?per_page=50";
const REGION: &str = "live-rows";
const TOPIC: &str = "model:live_order";
const ROWS: usize = 50;
/// Pause that is longer than the interval in which changes to a topic are coalesced.
const SETTLE_TIME: Duration = Duration::from_millis(500);
/// Maximum delay before a tab sends its request, as in the browser.
const JITTER: u64 = 100;
/// Time after which a tab is considered to have missed a change.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Options for the live-update benchmark.
#[derive(Args)]
pub(crate) struct Settings {
    /// Number of open tabs
    #[arg(long, default_value_t = 1000)]
    tabs: usize,
    /// Number of changes
    #[arg(long, default_value_t = 20)]
    changes: usize,
    /// Number of portal threads
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// An order
#[admin_model(list(customer, amount), order_by = customer)]
struct LiveOrder {
    id: i64,
    customer: String,
    amount: i32,
}

/// Delays in milliseconds, counted from the time at which a write was sent.
pub(crate) struct Measured {
    /// Delays until each tab was notified.
    pub(crate) notified: Vec<f64>,
    /// Delays until each tab had received the current region.
    pub(crate) shown: Vec<f64>,
}

/// Prints the delays until tabs are notified and until they have received the region.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let mut measured = measure(settings).await?;
    let Settings { tabs, changes, .. } = settings;
    println!("{tabs} open tabs, {changes} writes of a row of an admin model, SQLite\n");
    println!("| from the write until every tab | p50 | p99 | max |");
    println!("| --- | --- | --- | --- |");
    for (what, numbers) in [
        ("is notified", &mut measured.notified),
        ("has the updated region (50 rows)", &mut measured.shown),
    ] {
        let [middle, nearly, most] = [0.5, 0.99, 1.0].map(|part| quantile(numbers, part));
        println!("| {what} | {middle:.0} ms | {nearly:.0} ms | {most:.0} ms |");
    }
    Ok(())
}

/// Opens the tabs, then changes a row repeatedly.
pub(crate) async fn measure(settings: &Settings) -> Result<Measured> {
    process_stats::raise_file_limit()?;
    let portal = Served::start(settings.threads)?;
    let address = portal.address;
    let (token, row) = prepare(address).await?;
    let authorization = format!("Authorization: Bearer {token}\r\n");
    let (sender, mut events) = mpsc::unbounded_channel();
    let mut tabs = JoinSet::new();
    for _ in 0..settings.tabs {
        let tab = Tab::open(address, &authorization).await?;
        tabs.spawn(tab.stay(sender.clone()));
    }
    let mut measured = Measured {
        notified: Vec::new(),
        shown: Vec::new(),
    };
    let mut writer = Connection::open(address).await?;
    for amount in 1..=settings.changes {
        sleep(SETTLE_TIME).await;
        let body = json!({"amount": amount}).to_string();
        let headers = format!("{authorization}If-Match: *\r\n");
        let path = format!("/api/admin/models/live_order/{row}");
        let begin = Instant::now();
        writer
            .ask(&request("PATCH", &path, address, &headers, &body))
            .await?;
        for _ in 0..2 * settings.tabs {
            let next = timeout(TIMEOUT, events.recv());
            let next = next.await.context("a tab missed a change")?;
            let (event, at): (News, Instant) = next.context("all tabs closed")?;
            let after = at.saturating_duration_since(begin).as_secs_f64() * 1000.0;
            match event {
                News::Notified => measured.notified.push(after),
                News::Shown => measured.shown.push(after),
            }
        }
    }
    tabs.abort_all();
    portal.stop();
    Ok(measured)
}

enum News {
    Notified,
    Shown,
}

/// A tab as the portal sees it: an event stream, and a connection for requests.
struct Tab {
    stream: TcpStream,
    asks: Connection,
    wants: Vec<u8>,
}

impl Tab {
    async fn open(address: SocketAddr, authorization: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let path = format!("/api/live?topics={TOPIC}");
        let ask = request("GET", &path, address, authorization, "");
        stream.write_all(&ask).await?;
        let mut tab = Self {
            stream,
            asks: Connection::open(address).await?,
            wants: request(
                "GET",
                PAGE,
                address,
                &format!("{authorization}Accept: text/html\r\nX-Portal-Region: {REGION}\r\n"),
                "",
            ),
        };
        // The tab sends no cursor, so it is first notified of all topics.
        tab.changed().await?;
        Ok(tab)
    }

    /// Waits for the next change.
    async fn changed(&mut self) -> Result<()> {
        const EVENT: &[u8] = b"event: changed";
        let mut read = Vec::new();
        while !read.windows(EVENT.len()).any(|window| window == EVENT) {
            if self.stream.read_buf(&mut read).await? == 0 {
                bail!(
                    "the portal closed a stream: {}",
                    String::from_utf8_lossy(&read)
                );
            }
        }
        Ok(())
    }

    /// Receives changes and requests the changed region until the tab is closed.
    async fn stay(mut self, sender: mpsc::UnboundedSender<(News, Instant)>) -> Result<()> {
        loop {
            self.changed().await?;
            sender.send((News::Notified, Instant::now()))?;
            sleep(Duration::from_millis(fastrand::u64(0..=JITTER))).await;
            self.asks.exchange(&self.wants).await?;
            sender.send((News::Shown, Instant::now()))?;
        }
    }
}

/// A portal on separate threads, served as in an application.
struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    thread: std::thread::JoinHandle<Result<()>>,
}

impl Served {
    fn start(threads: usize) -> Result<Self> {
        let (ready, address) = std::sync::mpsc::channel();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(threads.max(1))
                .enable_all()
                .build()?
                .block_on(serve(&ready, stopped))
        });
        match address.recv() {
            Ok(address) => Ok(Self {
                address,
                stop,
                thread,
            }),
            Err(_) => match thread.join() {
                Ok(Err(error)) => Err(error),
                _ => bail!("failed to start the portal"),
            },
        }
    }

    fn stop(self) {
        self.stop.cancel();
        let _ = self.thread.join();
    }
}

async fn serve(ready: &std::sync::mpsc::Sender<SocketAddr>, stop: CancellationToken) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let database = format!("sqlite://{}", directory.path().join("live.db").display());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let port = address.port().to_string();
    let auth = ClerkAuth::new();
    let pairs = [
        ("APP_ENV", "DEV"),
        ("PORT", port.as_str()),
        ("DB_LOCAL_URI", database.as_str()),
        ("ADMIN_USER_EMAILS", ADMIN),
        ("RATE_LIMITS", "off"),
    ];
    let variables = Variables::from_pairs_with(AuthProvider::settings(&auth), pairs);
    let portal = Portal::builder()
        .config(Config::from_settings(variables)?)
        .auth(auth)
        .admin_model::<LiveOrder>()
        .build()
        .await?;
    ready.send(address)?;
    portal.serve_until(listener, stop.cancelled_owned()).await?;
    Ok(())
}

/// Signs in and stores the rows; returns a session token and the row to change.
async fn prepare(address: SocketAddr) -> Result<(String, i64)> {
    let mut connection = Connection::open(address).await?;
    let body = json!({"email": ADMIN}).to_string();
    let response = connection
        .ask(&request("POST", "/dev/token", address, "", &body))
        .await?;
    let response: Value = serde_json::from_slice(&response)?;
    let token = response["token"]
        .as_str()
        .context("the response has no token")?
        .to_owned();
    let headers = format!("Authorization: Bearer {token}\r\n");
    let mut row = None;
    for number in 0..ROWS {
        let body = json!({"customer": format!("Customer {number}"), "amount": 0}).to_string();
        let path = "/api/admin/models/live_order";
        let response = connection
            .ask(&request("POST", path, address, &headers, &body))
            .await?;
        row = serde_json::from_slice::<Value>(&response)?["id"].as_i64();
    }
    Ok((token, row.context("the response has no row id")?))
}

/// Returns the given quantile of the numbers.
fn quantile(numbers: &mut [f64], part: f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1);
    let at = (last as f64 * part).round() as usize;
    numbers.get(at).copied().unwrap_or_default()
}
