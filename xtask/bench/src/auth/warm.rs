//! Cost of a cached session: one handler, called by guests and by a signed-in user in this process.

use std::time::Instant;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use axum::routing::get;
use tower::ServiceExt as _;

use super::cold::session_tokens;
use crate::summary::Summary;
use crate::target::{open_portal, respond, respond_to_user};

const OPEN: &str = "/api/open";
const GUARDED: &str = "/api/guarded";

/// Prints the cost that checking a cached session adds to a request.
pub(crate) async fn run(rounds: usize, calls: usize) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let database = format!("sqlite://{}", directory.path().join("warm.db").display());
    let routes = Router::new()
        .route(OPEN, get(respond))
        .route(GUARDED, get(respond_to_user));
    let portal = open_portal(&database, &[], routes).await?;
    let router = portal.router();
    let token = session_tokens(&router, 1)
        .await?
        .pop()
        .context("no session token")?;

    let (mut open, mut guarded) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        open.push(micros_a_call(&router, OPEN, &token, calls).await?);
        guarded.push(micros_a_call(&router, GUARDED, &token, calls).await?);
    }
    let (open, guarded) = (
        Summary::of(open).context("no rounds")?,
        Summary::of(guarded).context("no rounds")?,
    );
    println!("  a guest              {open:.2} µs");
    println!("  a signed-in user     {guarded:.2} µs");
    println!(
        "  the check            {:.2} µs, difference of the minimums",
        guarded.min - open.min
    );
    portal.shutdown().await;
    Ok(())
}

/// Measures the number of microseconds per request to a path.
///
/// Requests to both paths have the same size, but only one path checks the token.
async fn micros_a_call(router: &Router, path: &str, token: &str, calls: usize) -> Result<f64> {
    let requests: Vec<_> = (0..calls)
        .map(|_| {
            Request::get(path)
                .header(header::HOST, "localhost")
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .body(Body::empty())
        })
        .collect::<Result<_, _>>()?;
    let start = Instant::now();
    for request in requests {
        let response = router.clone().oneshot(request).await?;
        anyhow::ensure!(response.status().is_success(), "{}", response.status());
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / calls as f64)
}
