//! Minimal HTTP/1.1 client for load generators.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Builds the bytes of a request; each line in `headers` must end with a line break.
pub(crate) fn request(
    method: &str,
    path: &str,
    address: SocketAddr,
    headers: &str,
    body: &str,
) -> Vec<u8> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{headers}");
    if !body.is_empty() {
        let length = body.len();
        request += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    }
    format!("{request}\r\n{body}").into_bytes()
}

/// A persistent connection with one request in flight at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// Sends a request and returns the body of a successful response.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let head = self.exchange(request).await?;
        Ok(self.buffer.get(head..).unwrap_or_default().to_vec())
    }

    /// Sends a request, reads the full response, and returns the length of its head.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<usize> {
        self.exchange_for(b"HTTP/1.1 2", request).await
    }

    /// Sends a request that must be rejected with `401`.
    pub(crate) async fn refused(&mut self, request: &[u8]) -> Result<usize> {
        self.exchange_for(b"HTTP/1.1 401", request).await
    }

    async fn exchange_for(&mut self, status: &[u8], request: &[u8]) -> Result<usize> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut expected = None;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if expected.is_none() {
                expected = parse(&self.buffer, status)?;
            }
            if let Some(Expected { head, total }) = expected
                && self.buffer.len() >= total
            {
                return Ok(head);
            }
        }
    }
}

/// Expected length of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expected {
    head: usize,
    total: usize,
}

/// Parses the head of a response; returns `None` until it is complete.
fn parse(response: &[u8], status: &[u8]) -> Result<Option<Expected>> {
    let mut windows = response.windows(END_OF_HEAD.len());
    let Some(end) = windows.position(|window| window == END_OF_HEAD) else {
        return Ok(None);
    };
    let (head, _) = response.split_at(end);
    if !head.starts_with(status) {
        bail!(
            "unexpected response:\n{}",
            String::from_utf8_lossy(response)
        );
    }
    let mut lines = head.split(|byte| *byte == b'\n');
    let length = lines.find_map(content_length);
    let length = length.context("the response has no content-length")?;
    let head = end + END_OF_HEAD.len();
    Ok(Some(Expected {
        head,
        total: head + length,
    }))
}

fn content_length(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    str::from_utf8(value).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Expected, parse};

    const OK: &[u8] = b"HTTP/1.1 2";

    #[test]
    fn response_length_is_read_from_its_head() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        let expected = Expected {
            head: response.len() - 2,
            total: response.len(),
        };
        assert_eq!(parse(response, OK).unwrap(), Some(expected));
        assert_eq!(parse(&response[..20], OK).unwrap(), None);
    }

    #[test]
    fn unexpected_status_is_an_error() {
        let response = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n";
        assert!(parse(response, OK).is_err());
    }
}
