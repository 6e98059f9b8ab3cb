//! Server process for the task benchmark: a portal or a minimal baseline.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use axum::Router;
use clap::{Args, ValueEnum};
use portal_testkit::worker;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::workloads::Ran;
use super::{baseline_http, portal, workloads};

/// The target to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Server {
    /// A portal that runs tasks.
    Portal,
    /// A portal without task types, which shows tasks that other replicas run.
    Viewer,
    /// A baseline that stores a row for each request.
    Insert,
    /// A baseline that stores a row for each request and sends a notification.
    InsertNotify,
    /// A baseline that reads a task by its key.
    Read,
    /// A baseline that sends each message to every WebSocket.
    Broadcast,
}

/// Options for the server.
#[derive(Args)]
pub(crate) struct Settings {
    subject: Server,
    /// Database of the target; replicas may share it
    #[arg(long)]
    database: String,
    /// Maximum number of concurrent tasks
    #[arg(long, default_value_t = 50)]
    concurrency: usize,
    /// Number of threads that handle requests
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
}

/// The only line of output: the target's address.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Announcement {
    pub(super) address: SocketAddr,
}

/// Serves until the parent exits, which closes standard input.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let router = router(settings).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let announcement = Announcement {
        address: listener.local_addr()?,
    };
    worker::announce(&announcement)?;
    worker::exit_with_parent();
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .await
        .context("the server exited")
}

async fn router(settings: &Settings) -> Result<Router> {
    let database = &settings.database;
    Ok(match settings.subject {
        Server::Portal => {
            let builder = workloads::add_to(portal::builder(database)?, Ran::default());
            let portal = portal::with_concurrency(builder, settings.concurrency);
            portal.build().await?.into_router()
        }
        Server::Viewer => portal::builder(database)?.build().await?.into_router(),
        Server::Insert => baseline_http::insert(database, false).await?,
        Server::InsertNotify => baseline_http::insert(database, true).await?,
        Server::Read => baseline_http::read(database).await?,
        Server::Broadcast => baseline_http::broadcast(),
    })
}
