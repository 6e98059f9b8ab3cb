//! A client with features of a browser: cookies, forms, an origin.

use std::collections::BTreeMap;

use reqwest::header::SET_COOKIE;
use reqwest::{Method, RequestBuilder};
use scraper::{Html, Selector};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Client, TestResponse};

/// A client that stores cookies and sends its origin; never follows redirects automatically.
pub(crate) struct CookieClient {
    client: Client,
    origin: String,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl CookieClient {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            client: Client::new(url, None),
            origin: url.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// Returns a browser with the session of a signed-in client.
    pub(crate) fn of(url: &str, signed_in: &Client) -> Self {
        let mut browser = Self::new(url);
        let token = signed_in.token.clone().expect("the client is signed in");
        browser.cookies.insert("__session".to_owned(), token);
        browser
    }

    /// Like [`of`](Self::of), but with the other cookies that a Clerk test instance sets.
    pub(crate) fn of_clerk(url: &str, signed_in: &Client) -> Self {
        let mut browser = Self::of(url, signed_in);
        for (name, value) in [("__client_uat", "1"), ("__clerk_db_jwt", "dvb_1")] {
            browser.cookies.insert(name.to_owned(), value.to_owned());
        }
        browser
    }

    /// Returns a request with the cookies, but without the other headers that a browser adds.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, path);
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if cookies.is_empty() {
            return request;
        }
        request.header("cookie", cookies.join("; "))
    }

    pub(crate) async fn page(&mut self, path: &str) -> TestResponse {
        let request = self.request(Method::GET, path);
        self.send(request.header("accept", "text/html,application/xhtml+xml"))
            .await
    }

    /// Submits a form on one of the portal's pages.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> TestResponse {
        let request = self
            .request(Method::POST, path)
            .header("accept", "text/html,application/xhtml+xml")
            .header("origin", &self.origin)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(fields));
        self.send(request).await
    }

    async fn send(&mut self, request: RequestBuilder) -> TestResponse {
        let answer = TestResponse::of(request).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("the cookie is text");
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair
                .split_once('=')
                .expect("the cookie has a name and a value");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// Encodes a form as browsers do.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

/// Returns the values of an attribute on all elements that match a selector.
pub(crate) fn attributes(html: &str, selector: &str, attribute: &str) -> Vec<String> {
    let selector = Selector::parse(selector).expect("selector is valid");
    Html::parse_document(html)
        .select(&selector)
        .filter_map(|element| element.value().attr(attribute))
        .map(str::to_owned)
        .collect()
}

/// Opens a connection without sending anything.
pub(crate) async fn connect(url: &str) -> TcpStream {
    let address = url
        .strip_prefix("http://")
        .expect("the URL starts with `http://`");
    TcpStream::connect(address)
        .await
        .expect("the portal listens")
}

/// Sends bytes that no client library would send; returns the status and the whole response.
pub(crate) async fn raw(url: &str, head: &str) -> (u16, String) {
    let address = url
        .strip_prefix("http://")
        .expect("the URL starts with `http://`");
    raw_without_host(url, &format!("{head}\r\nHost: {address}")).await
}

/// Like [`raw`], but without a `Host` header unless `head` contains one.
pub(crate) async fn raw_without_host(url: &str, head: &str) -> (u16, String) {
    let mut stream = connect(url).await;
    let request = format!("{head}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the request can be sent");
    let mut bytes = Vec::new();
    stream
        .read_to_end(&mut bytes)
        .await
        .expect("the response can be read");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or_default(), text)
}
