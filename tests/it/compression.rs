//! Compression of responses, and exceptions to it.

use reqwest::Method;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, COOKIE};

use crate::app;
use crate::support::{Client, Database, TestResponse, TestServer};

async fn page(client: &Client, method: Method, headers: &[(&str, &str)]) -> reqwest::Response {
    let request = client
        .request(method, "/sign-in")
        .header(ACCEPT, "text/html");
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    request.send().await.expect("the portal responds")
}

fn coding(response: &reqwest::Response) -> &str {
    let coding = response.headers().get("content-encoding");
    coding.map_or("", |coding| {
        coding.to_str().expect("the header value is text")
    })
}

#[tokio::test]
async fn pages_are_compressed_when_the_client_accepts_it() {
    let mut server = TestServer::start(Database::Sqlite).await;
    let guest = server.guest();
    let plain = page(&guest, Method::GET, &[]).await;
    assert_eq!(coding(&plain), "");
    assert_eq!(plain.headers()["vary"], "accept-encoding");
    let length = plain.bytes().await.expect("the body can be read").len();

    let gzip = [(ACCEPT_ENCODING.as_str(), "br, gzip")];
    let packed = page(&guest, Method::GET, &gzip).await;
    assert_eq!(coding(&packed), "gzip");
    let named: usize = packed.headers()["content-length"]
        .to_str()
        .expect("the header value is text")
        .parse()
        .expect("value is a number");
    let bytes = packed.bytes().await.expect("the body can be read");
    assert_eq!(bytes.len(), named);
    assert!(bytes.len() * 2 < length, "{} of {length}", bytes.len());

    let head = page(&guest, Method::HEAD, &gzip).await;
    assert_eq!(head.status(), 200);
    assert_eq!(coding(&head), "gzip");
    assert_eq!(head.headers()["content-length"], named.to_string());

    // A response with an `ETag` is not compressed, so that clients can send the tag back.
    let admin = server.admin().await;
    let record = admin.get("/api/admin/models/user").await.json()["items"][0]["id"].to_string();
    let path = format!("/api/admin/models/user/{}", record.trim_matches('"'));
    let request = admin
        .request(Method::GET, &path)
        .header(ACCEPT_ENCODING, "gzip");
    let record = TestResponse::of(request).await;
    assert_eq!(record.status, 200, "{}", record.text);
    assert!(!record.header("etag").starts_with("W/"));
    assert_eq!(record.header("content-encoding"), "");
    server.stop().await;
}

#[tokio::test]
async fn cross_site_request_with_cookies_is_not_compressed() {
    let mut server = TestServer::start(Database::Sqlite).await;
    let guest = server.guest();
    let gzip = (ACCEPT_ENCODING.as_str(), "gzip");
    let cookie = (COOKIE.as_str(), "__session=whose");
    let site = "sec-fetch-site";
    for (headers, expected) in [
        (&[gzip, cookie] as &[_], "gzip"),
        (&[gzip, cookie, (site, "same-origin")], "gzip"),
        (&[gzip, (site, "cross-site")], "gzip"),
        (&[gzip, cookie, (site, "cross-site")], ""),
        (&[gzip, cookie, (site, "same-site")], ""),
    ] {
        let response = page(&guest, Method::GET, headers).await;
        assert_eq!(coding(&response), expected, "{headers:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn compression_can_be_turned_off() {
    let settings = [("COMPRESSION", "off")];
    let mut server = TestServer::start_with(Database::Sqlite, &settings, app::build).await;
    let gzip = [(ACCEPT_ENCODING.as_str(), "gzip")];
    let response = page(&server.guest(), Method::GET, &gzip).await;
    assert_eq!(coding(&response), "");
    assert!(!response.headers().contains_key("vary"));
    server.stop().await;
}
