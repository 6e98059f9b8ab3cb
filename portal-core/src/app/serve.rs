//! Serving and graceful shutdown.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::http_server::HttpServer;
use super::portal::Portal;
use crate::config::Config;

/// Time limit for open requests after a shutdown is requested.
const DRAIN_TIME: Duration = Duration::from_secs(10);

impl Portal {
    /// Serves on the configured host and port until SIGINT or SIGTERM, then shuts down gracefully.
    ///
    /// # Errors
    ///
    /// Fails if the port cannot be bound.
    pub async fn serve(self) -> io::Result<()> {
        let listener = listen(&self.config).await?;
        self.serve_on(listener).await
    }

    /// Serves on an existing listener until SIGINT or SIGTERM, then shuts down gracefully.
    ///
    /// # Errors
    ///
    /// Fails if the listener has no local address.
    pub async fn serve_on(self, listener: TcpListener) -> io::Result<()> {
        let signal = CancellationToken::new();
        let on_signal = signal.clone();
        let watcher = tokio::spawn(async move {
            shutdown_signal().await;
            on_signal.cancel();
            // A second signal ends the process immediately.
            shutdown_signal().await;
            tracing::warn!("stopped without draining connections");
            std::process::exit(1);
        });
        let served = self.serve_until(listener, signal.cancelled_owned()).await;
        watcher.abort();
        served
    }

    /// Serves on a listener until `signal` completes, then shuts down gracefully.
    ///
    /// # Errors
    ///
    /// Fails if the listener has no local address.
    pub async fn serve_until(
        self,
        listener: TcpListener,
        signal: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        let address = listener.local_addr()?;
        tracing::info!(%address, env = %self.config.app_env, url = self.config.public_url, "listening");
        let stop = CancellationToken::new();
        let server = HttpServer {
            router: self.router.clone(),
            connections: self.connections.clone(),
            limits: self.config.limits,
            stop: stop.clone(),
        };
        let stopping = async {
            signal.await;
            stop.cancel();
        };
        let (open, ()) = tokio::join!(server.run(listener), stopping);
        tracing::info!("stopping");
        let drained = async {
            if tokio::time::timeout(DRAIN_TIME, open.wait()).await.is_err() {
                tracing::warn!(
                    connections = open.len(),
                    "connections did not finish in time"
                );
            }
        };
        tokio::join!(drained, self.shutdown());
        self.store.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Binds the configured host and port.
pub(super) async fn listen(config: &Config) -> io::Result<TcpListener> {
    let address = (config.host.as_str(), config.port);
    TcpListener::bind(address).await.map_err(|error| {
        let (host, port) = address;
        io::Error::new(
            error.kind(),
            format!("cannot listen on {host}:{port}: {error}; set HOST and PORT"),
        )
    })
}

/// Waits for SIGINT or SIGTERM.
async fn shutdown_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
