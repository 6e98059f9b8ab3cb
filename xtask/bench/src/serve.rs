//! Server process: serves one target.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use clap::Args;
use portal_testkit::worker;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::target::{self, Caller, Setting};

/// Options for the server.
#[derive(Args)]
pub(crate) struct Settings {
    /// Name of the target
    subject: String,
    /// Database used only by the target
    #[arg(long)]
    database: String,
    /// Number of threads that handle requests
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
}

/// The only line of output: the target's address.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Announcement {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    pub(crate) caller: Caller,
}

/// Serves until the parent exits, which closes standard input.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let subject = target::named(&settings.subject)?;
    let setting = Setting {
        database: settings.database.clone(),
    };
    let served = (subject.start)(setting).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let announcement = Announcement {
        address: listener.local_addr()?,
        path: served.path.to_owned(),
        caller: served.caller,
    };
    worker::announce(&announcement)?;
    worker::exit_with_parent();
    let service = served
        .router
        .into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).await;
    served.context("the server exited")
}
