//! HTTP server: accepts connections and serves HTTP/1 on them.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::header_timer::HeaderTimer;
use super::linger::Linger;
use super::write_timeout::WriteTimeout;
use crate::config::Limits;
use crate::security::{ConnectionLimiter, ConnectionPermit};

/// Read buffer of a connection, in bytes; larger than the maximum size of a request head.
const READ_BUFFER: usize = 64 * 1024;

/// Delay before connections are accepted again after a system resource was exhausted.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);

/// Serves connections until it is stopped.
///
/// When stopped, it accepts no new connections and closes each open one after its current request.
///
/// Replaces `axum::serve`, which waits for the head of a request without a timeout and accepts any
/// number of connections.
pub(super) struct HttpServer {
    pub(super) router: Router,
    pub(super) connections: ConnectionLimiter,
    pub(super) limits: Limits,
    pub(super) stop: CancellationToken,
}

impl HttpServer {
    /// Runs until it is stopped, and returns a tracker of the connections that are still open.
    pub(super) async fn run(self, listener: TcpListener) -> TaskTracker {
        // `with_state` builds the routes once instead of for each request.
        let router: Router = self.router.with_state(());
        let open = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    back_off_after(&error, &self.stop).await;
                    continue;
                }
            };
            let Some(permit) = self.connections.acquire(peer.ip()) else {
                tracing::warn!(
                    %peer,
                    "connection rejected: limit per IP address reached; if the address belongs to a proxy, add it to TRUSTED_PROXIES"
                );
                continue;
            };
            let _ = stream.set_nodelay(true);
            let stream = PermittedStream {
                stream,
                linger: Linger::default(),
                _permit: permit,
            };
            let connection = serve_connection(
                router.clone(),
                WriteTimeout::new(stream, self.limits.write_timeout),
                peer,
                self.limits.header_timeout,
                // Each poll of the connection locks its token, so connections do not share one.
                self.stop.child_token(),
            );
            open.spawn(connection);
        }
        open.close();
        open
    }
}

/// Pauses after a system error that takes time to resolve, such as running out of file descriptors.
///
/// Does not pause if a connection failed before it was accepted, because that affects only its
/// client.
async fn back_off_after(error: &io::Error, stop: &CancellationToken) {
    let is_of_client = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    );
    if !is_of_client {
        tracing::error!(%error, "failed to accept a connection");
        let _ = tokio::time::timeout(ACCEPT_BACKOFF, stop.cancelled()).await;
    }
}

/// Serves the requests on one connection.
async fn serve_connection(
    router: Router,
    stream: WriteTimeout<PermittedStream>,
    peer: SocketAddr,
    header_time: Duration,
    stop: CancellationToken,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(HeaderTimer::new())
        .header_read_timeout(header_time)
        .max_buf_size(READ_BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection failed");
    }
}

/// A connection that holds its permit until it is closed, even after an upgrade to a WebSocket.
struct PermittedStream {
    stream: TcpStream,
    linger: Linger,
    _permit: ConnectionPermit,
}

impl AsyncRead for PermittedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for PermittedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.linger.poll_shutdown(&mut this.stream, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
