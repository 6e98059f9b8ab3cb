//! Smoke test of the whole portal.

use crate::support::{Database, TestServer, on_both};

on_both!(portal_starts_responds_and_stops);

async fn portal_starts_responds_and_stops(database: Database) {
    let mut server = TestServer::start(database).await;
    assert_eq!(server.guest().get("/healthz").await.status, 200);
    assert_eq!(server.guest().get("/readyz").await.status, 200);
    assert!(
        server
            .admin()
            .await
            .page("/secret")
            .await
            .text
            .contains("<h1>Secret</h1>")
    );
    server.stop().await;
}
