//! Lingering close: closes connections whose clients may still be sending.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Time limit for the client to stop sending.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum number of bytes that are discarded.
const MAX_DISCARDED: usize = 16 * 1024 * 1024;

/// State of closing a connection.
///
/// If a socket is closed while unread bytes arrive, the system resets the connection, and the
/// client may lose the response that explains why it was closed. Therefore, after the last byte is
/// sent, arriving bytes are discarded for a while. A connection on which nothing arrives is closed
/// immediately.
pub(super) struct Linger {
    timeout: Duration,
    is_shut: bool,
    discarded: usize,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Default for Linger {
    fn default() -> Self {
        Self {
            timeout: LINGER_TIMEOUT,
            is_shut: false,
            discarded: 0,
            deadline: None,
        }
    }
}

impl Linger {
    /// Shuts down a stream, then discards any bytes that still arrive.
    pub(super) fn poll_shutdown<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_shut {
            match Pin::new(&mut *stream).poll_shutdown(context) {
                Poll::Ready(Ok(())) => self.is_shut = true,
                other => return other,
            }
        }
        let mut bytes = [0; 8 * 1024];
        loop {
            if let Some(deadline) = &mut self.deadline
                && deadline.as_mut().poll(context).is_ready()
            {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                // No bytes have arrived since the shutdown.
                Poll::Pending if self.deadline.is_none() => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => {
                    self.discarded += buffer.filled().len();
                    if buffer.filled().is_empty() || self.discarded > MAX_DISCARDED {
                        return Poll::Ready(Ok(()));
                    }
                    let timeout = self.timeout;
                    self.deadline
                        .get_or_insert_with(|| Box::pin(sleep(timeout)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn idle_connection_closes_immediately() {
        let (mut here, mut there) = duplex(64);
        let mut linger = Linger::default();
        poll_fn(|context| linger.poll_shutdown(&mut here, context))
            .await
            .unwrap();
        assert_eq!(there.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn late_bytes_are_discarded_until_the_timeout() {
        let (mut here, mut there) = duplex(64);
        let sent = tokio::spawn(async move {
            let sent = there.write_all(&[0; 100_000]).await;
            (sent.is_ok(), there)
        });
        tokio::task::yield_now().await;
        let mut linger = Linger {
            timeout: Duration::from_millis(300),
            ..Linger::default()
        };
        // The client stops sending but does not close the connection, so only the time limit ends
        // the wait.
        let close = async {
            poll_fn(|context| linger.poll_shutdown(&mut here, context))
                .await
                .unwrap();
            sent.await.unwrap().0
        };
        // Without a timeout, a client whose bytes are not read would block the test.
        let is_sent = timeout(Duration::from_secs(10), close).await;
        assert!(is_sent.expect("the connection closes and its bytes are read"));
        assert_eq!(linger.discarded, 100_000);
    }
}
