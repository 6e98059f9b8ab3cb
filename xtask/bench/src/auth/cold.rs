//! Cost of fully verifying a token, including its signature.

use std::time::Instant;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{Request, header};
use portal_clerk::ClerkAuth;
use portal_core::AuthProvider;
use portal_core::auth::ProviderContext;
use tower::ServiceExt as _;

use crate::summary::Summary;
use crate::target::open_portal;

/// Number of tokens: enough for each round, but few enough to be signed within a second.
const TOKENS: usize = 500;

/// Prints the cost of one verification.
pub(crate) async fn run(rounds: usize, calls: usize) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let database = format!("sqlite://{}", directory.path().join("cold.db").display());
    let portal = open_portal(&database, &[], Router::new()).await?;
    let tokens = session_tokens(&portal.router(), TOKENS.min(calls)).await?;
    let requests: Vec<Parts> = tokens
        .iter()
        .map(|token| {
            let request =
                Request::get("/").header(header::AUTHORIZATION, format!("Bearer {token}"));
            Ok(request.body(())?.into_parts().0)
        })
        .collect::<Result<_>>()?;
    let setup = ProviderContext::new(portal.config().clone().into(), portal.store().clone());
    let mut costs = Vec::new();
    for _ in 0..rounds {
        // A separate provider has not cached any of the tokens yet.
        let mut provider = ClerkAuth::new();
        provider.init(&setup).await?;
        let start = Instant::now();
        for parts in &requests {
            let identity = provider.authenticate(parts).await?;
            identity.context("a valid token was rejected")?;
        }
        costs.push(start.elapsed().as_secs_f64() * 1e6 / requests.len() as f64);
    }
    let costs = Summary::of(costs).context("no rounds")?;
    println!("  one verification     {costs:.1} µs");
    portal.shutdown().await;
    Ok(())
}

/// Creates tokens from the development identity provider, each for a different session.
pub(super) async fn session_tokens(router: &Router, count: usize) -> Result<Vec<String>> {
    let mut tokens = Vec::with_capacity(count);
    for _ in 0..count {
        let request = Request::post("/dev/token")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(r#"{"email": "bench@example.com"}"#))?;
        let response = router.clone().oneshot(request).await?;
        let body = to_bytes(response.into_body(), 64 * 1024).await?;
        let body: serde_json::Value = serde_json::from_slice(&body)?;
        tokens.push(
            body["token"]
                .as_str()
                .context("the response has no token")?
                .to_owned(),
        );
    }
    Ok(tokens)
}
