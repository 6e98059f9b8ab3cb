//! The process that serves one subject.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::subject::{self, Caller, Setting};

/// Which subject, and how.
#[derive(Args)]
pub(crate) struct Settings {
    /// The name of the subject
    subject: String,
    /// A database that the subject has for itself
    #[arg(long)]
    database: String,
    /// Threads that handle requests
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
}

/// The first and only line of output: where the subject can be reached.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Announcement {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    pub(crate) caller: Caller,
}

/// Serves until the standard input ends, which is when the parent has gone.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let subject = subject::named(&settings.subject)?;
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
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", serde_json::to_string(&announcement)?)?;
    output.flush()?;
    drop(output);

    let service = served
        .router
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        served = async { axum::serve(listener, service).await } => served.context("the server ended"),
        waited = tokio::task::spawn_blocking(wait_for_parent) => waited?,
    }
}

fn wait_for_parent() -> Result<()> {
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
