//! Connections after a rejection: kept if the body is small, else closed with `Connection: close`.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::{Database, TestServer, connect};

/// A connection used for several consecutive requests.
struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    async fn open(server: &TestServer) -> Self {
        Self {
            stream: BufReader::new(connect(&server.url).await),
            host: server.url.trim_start_matches("http://").to_owned(),
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes).await
    }

    /// Returns the head of a cross-site form request, which is rejected before its body is read.
    fn refused(&self, headers: &str) -> String {
        format!(
            "POST /theme HTTP/1.1\r\nHost: {}\r\nOrigin: https://evil.example\r\n\
             Cookie: a=b\r\nContent-Type: application/x-www-form-urlencoded\r\n{headers}\r\n\r\n",
            self.host
        )
    }

    /// Reads a response and returns its status and head; `None` if the connection ends.
    async fn response(&mut self) -> Option<(u16, String)> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut head).await.ok()?;
            if read == 0 {
                return None;
            }
        }
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length?.trim().parse().ok()?];
        self.stream.read_exact(&mut body).await.ok()?;
        Some((status, head))
    }

    async fn healthy(&mut self) -> Option<u16> {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.send(request.as_bytes()).await.ok()?;
        self.response().await.map(|(status, _)| status)
    }
}

fn says_close(head: &str) -> bool {
    head.contains("\r\nconnection: close\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_with_a_small_unread_body_is_kept() {
    let server = TestServer::start(Database::Sqlite).await;
    for attempt in 0..200 {
        let mut connection = Connection::open(&server).await;
        let (head, body) = match attempt % 4 {
            0 => (connection.refused("Content-Length: 3"), "a=b".to_owned()),
            1 => (
                connection.refused("Content-Length: 60000"),
                "x".repeat(60_000),
            ),
            2 => (
                connection.refused("Transfer-Encoding: chunked"),
                "3\r\na=b\r\n0\r\n\r\n".to_owned(),
            ),
            _ => (connection.refused("Content-Length: 0"), String::new()),
        };
        // The body is sent shortly after the head, or with it.
        if attempt % 8 < 4 {
            connection
                .send(head.as_bytes())
                .await
                .expect("the request is sent");
            tokio::time::sleep(Duration::from_millis(2)).await;
            connection
                .send(body.as_bytes())
                .await
                .expect("the request is sent");
        } else {
            connection
                .send((head + &body).as_bytes())
                .await
                .expect("the request is sent");
        }
        let (status, head) = connection.response().await.expect("the portal responds");
        assert_eq!(status, 403, "{head}");
        assert!(!says_close(&head), "{attempt}: {head}");
        assert_eq!(connection.healthy().await, Some(200), "{attempt}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn response_announces_that_its_connection_closes() {
    let server = TestServer::start(Database::Sqlite).await;
    for attempt in 0..40 {
        let mut connection = Connection::open(&server).await;
        let head = match attempt % 4 {
            // A large body that the client sends anyway.
            0 | 1 => connection.refused("Content-Length: 3000000"),
            // A body that is announced but never sent.
            2 => connection.refused("Content-Length: 100"),
            // A body that the client sends only after `100 Continue`.
            _ => connection.refused("Content-Length: 3\r\nExpect: 100-continue"),
        };
        connection
            .send(head.as_bytes())
            .await
            .expect("the request is sent");
        if attempt % 4 < 2 {
            // The portal may stop reading, but its response must arrive.
            let _ = connection.send(&vec![b'x'; 3_000_000]).await;
        }
        let (status, head) = connection.response().await.expect("the portal responds");
        assert_eq!(status, 403, "{attempt}: {head}");
        assert!(says_close(&head), "{attempt}: {head}");
        assert_eq!(connection.healthy().await, None, "{attempt}");
    }
    // A connection also closes after a body that exceeds the route's limit, and after invalid HTTP.
    let mut connection = Connection::open(&server).await;
    let head = format!(
        "POST /api/client-tokens HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: 30000000\r\n\r\n",
        connection.host
    );
    connection
        .send(head.as_bytes())
        .await
        .expect("the request is sent");
    let (status, head) = connection.response().await.expect("the portal responds");
    assert!((400..500).contains(&status), "{head}");
    assert!(says_close(&head), "{head}");
    let mut connection = Connection::open(&server).await;
    connection
        .send(b"NONSENSE\r\n\r\n")
        .await
        .expect("the request is sent");
    let (status, head) = connection.response().await.expect("the portal responds");
    assert_eq!(status, 400, "{head}");
    assert!(says_close(&head), "{head}");
}
