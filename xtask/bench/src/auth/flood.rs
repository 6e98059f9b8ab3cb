//! Effect of requests with forged tokens, which name unknown keys, on signed-in users' requests.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portal_clerk::testing::FakeClerk;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::connection::{Connection, request};
use crate::summary::Summary;
use crate::target::{PATH, open_portal, respond_to_user};

/// Duration of a round.
const ROUND: Duration = Duration::from_secs(1);
/// Authenticated requests per second, over four connections.
const RATE: u32 = 400;
/// Requests from other clients per second, over two connections.
const GUEST_RATE: u32 = 400;

/// Requests that other clients send during a round.
#[derive(Clone, Copy)]
enum GuestRequests {
    /// No requests.
    None,
    /// As many requests as with `ForgedKeys`, but without a token, to measure the cost of the
    /// requests alone.
    Anonymous,
    /// Requests with tokens that each name a different key.
    ForgedKeys,
}

/// Prints the 99th percentile latency of authenticated requests, without and with other requests.
pub(crate) async fn run(rounds: usize) -> Result<()> {
    let clerk = FakeClerk::start().await;
    let directory = tempfile::tempdir()?;
    let database = format!("sqlite://{}", directory.path().join("flood.db").display());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let origin = format!("http://{address}");
    let mut variables = clerk.env();
    variables.push(("PUBLIC_URL", origin.clone()));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let routes = Router::new().route(PATH, get(respond_to_user));
    let portal = open_portal(&database, &variables, routes).await?;
    let service = portal
        .router()
        .into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, service).await });

    clerk.set_token_lifetime(24 * 60 * 60);
    let token = clerk.session_token(&clerk.user("bench@example.com"), &origin);
    // The first request creates the user.
    Connection::open(address)
        .await?
        .ask(&ask(address, Some(&token)))
        .await?;
    let before = clerk.jwks_fetch_count();
    let started = Instant::now();
    let kinds = [
        GuestRequests::None,
        GuestRequests::Anonymous,
        GuestRequests::ForgedKeys,
    ];
    let mut slowest = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for (kind, slowest) in kinds.into_iter().zip(&mut slowest) {
            slowest.push(round(address, &token, kind).await?);
        }
    }
    let fetches = clerk.jwks_fetch_count() - before;
    let [none, anonymous, unknown] = slowest.map(Summary::of);
    let (none, anonymous, unknown) = (
        none.context("no rounds")?,
        anonymous.context("no rounds")?,
        unknown.context("no rounds")?,
    );
    println!("  p99 without guests   {none:.0} µs");
    println!("  p99 with guests      {anonymous:.0} µs, without tokens");
    println!("  p99 with forged keys {unknown:.0} µs");
    println!(
        "  forged keys / no token {:.2}, medians",
        unknown.median / anonymous.median
    );
    println!(
        "  key sets fetched     {fetches} in {:.0} s, in {} requests with forged keys",
        started.elapsed().as_secs_f64(),
        rounds as u32 * GUEST_RATE,
    );
    server.abort();
    portal.shutdown().await;
    Ok(())
}

fn ask(address: SocketAddr, token: Option<&str>) -> Vec<u8> {
    let headers = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    request("GET", PATH, address, &headers.unwrap_or_default(), "")
}

/// Measures the 99th percentile latency of the authenticated requests in a round, in microseconds.
async fn round(address: SocketAddr, token: &str, guests: GuestRequests) -> Result<f64> {
    let end = Instant::now() + ROUND;
    let mut signed_in = JoinSet::new();
    for _ in 0..4 {
        let connection = Connection::open(address).await?;
        let request = ask(address, Some(token));
        signed_in.spawn(pace(
            connection,
            RATE / 4,
            end,
            move || request.clone(),
            true,
        ));
    }
    let mut others = JoinSet::new();
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    for _ in 0..2 {
        let parts = parts.clone();
        let made = move || match guests {
            GuestRequests::ForgedKeys => ask(address, Some(&with_unknown_key(&parts))),
            _ => ask(address, None),
        };
        if !matches!(guests, GuestRequests::None) {
            let connection = Connection::open(address).await?;
            others.spawn(pace(connection, GUEST_RATE / 2, end, made, false));
        }
    }
    let mut times = Vec::new();
    while let Some(part) = signed_in.join_next().await {
        times.extend(part??);
    }
    while let Some(part) = others.join_next().await {
        part??;
    }
    times.sort_by(f64::total_cmp);
    let place = times.len() * 99 / 100;
    times.get(place).copied().context("no requests")
}

/// Replaces the key id of a token with an unknown one.
fn with_unknown_key(parts: &[String]) -> String {
    let header = serde_json::json!({
        "alg": "RS256",
        "typ": "JWT",
        "kid": format!("ins_{:016x}", fastrand::u64(..)),
    });
    let rest: Vec<&str> = parts.iter().skip(1).map(String::as_str).collect();
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        rest.join(".")
    )
}

/// Sends requests at a steady rate even if responses are slow. Each latency is measured from the
/// time at which the request was due.
async fn pace(
    mut connection: Connection,
    rate: u32,
    end: Instant,
    mut request: impl FnMut() -> Vec<u8>,
    succeeds: bool,
) -> Result<Vec<f64>> {
    let mut clock = interval(Duration::from_secs(1) / rate);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut times = Vec::new();
    loop {
        let due = clock.tick().await;
        if due >= end {
            return Ok(times);
        }
        let request = request();
        if succeeds {
            connection.exchange(&request).await?;
        } else {
            connection.refused(&request).await?;
        }
        times.push(due.elapsed().as_secs_f64() * 1e6);
    }
}
