//! Browser security: response headers, host names, origins, forwarded addresses and links.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use portal_core::auth::{AuthError, AuthProvider, CspSources, Identity, Profile};
use portal_core::{Access, ClientAddress, NavItem, PortalBuilder};
use reqwest::Method;
use serde_json::json;

use crate::app;
use crate::support::{
    ClerkPortal, CookieClient, Database, EventStream, ReferencePortal, Socket, TestResponse,
    TestServer, attributes, command, form, raw, raw_without_host,
};

/// The headers that every response has, with their values.
const ALWAYS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "deny"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=()"),
    ("content-security-policy", "default-src 'self'"),
];

/// Returns the value of a header in a response text, in lower case.
fn header_of(response: &str, name: &str) -> String {
    let head = response.split("\r\n\r\n").next().unwrap_or_default();
    let found = head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    });
    found.unwrap_or_default().to_lowercase()
}

#[tokio::test]
async fn dynamic_responses_have_security_headers_and_no_store() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    let token = user.client_token().await;
    let bearer = format!(
        "Authorization: Bearer {}",
        user.token.clone().unwrap_or_default()
    );
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let html = "Accept: text/html";
    let long = "a".repeat(9 * 1024);
    for (head, status) in [
        (format!("GET / HTTP/1.1\r\n{html}"), 200),
        (format!("HEAD / HTTP/1.1\r\n{html}"), 200),
        (format!("GET /members HTTP/1.1\r\n{html}"), 303),
        (format!("GET /members HTTP/1.1\r\n{html}\r\n{bearer}"), 200),
        (format!("GET /secret HTTP/1.1\r\n{html}\r\n{bearer}"), 403),
        (format!("GET /sign-in HTTP/1.1\r\n{html}"), 200),
        (format!("GET /nothing HTTP/1.1\r\n{html}"), 404),
        (format!("GET /fails HTTP/1.1\r\n{html}"), 500),
        (format!("GET /panics HTTP/1.1\r\n{html}"), 500),
        (format!("DELETE / HTTP/1.1\r\n{html}"), 405),
        ("TRACE / HTTP/1.1".to_owned(), 405),
        ("GET /api/auth/me HTTP/1.1".to_owned(), 401),
        (format!("GET /api/auth/me HTTP/1.1\r\n{bearer}"), 200),
        (format!("GET /api/users HTTP/1.1\r\n{bearer}"), 403),
        ("GET /api/tasks HTTP/1.1".to_owned(), 200),
        ("GET /api/nope HTTP/1.1".to_owned(), 404),
        ("GET /healthz HTTP/1.1".to_owned(), 200),
        ("GET /readyz HTTP/1.1".to_owned(), 200),
        ("GET /metrics HTTP/1.1".to_owned(), 200),
        ("GET /.well-known/jwks.json HTTP/1.1".to_owned(), 200),
        ("GET /_portal/assets/nope.css HTTP/1.1".to_owned(), 404),
        (format!("GET /{long} HTTP/1.1\r\n{html}"), 414),
        (
            format!("GET / HTTP/1.1\r\nX-Long: {long}{long}{long}{long}"),
            431,
        ),
        (
            "POST /theme HTTP/1.1\r\nOrigin: http://evil.example".to_owned(),
            403,
        ),
        ("POST /theme HTTP/1.1\r\nContent-Length: 0".to_owned(), 415),
        (
            "POST /sign-out HTTP/1.1\r\nContent-Length: 0".to_owned(),
            303,
        ),
        (format!("GET /api/tasks/{token}/monitor HTTP/1.1"), 426),
        (
            format!("GET /api/tasks/nope/monitor HTTP/1.1\r\n{upgrade}"),
            404,
        ),
        (
            format!(
                "GET /api/tasks/{token}/monitor HTTP/1.1\r\n{upgrade}\r\nOrigin: http://evil.example"
            ),
            403,
        ),
    ] {
        let (found, text) = raw(&server.url, &head).await;
        assert_eq!(found, status, "{head}: {text}");
        for (name, value) in ALWAYS {
            let found = header_of(&text, name);
            assert!(found.contains(value), "{name} `{found}` of {head}");
        }
        assert_eq!(
            header_of(&text, "cache-control"),
            "private, no-store",
            "{head}"
        );
        assert_ne!(header_of(&text, "x-request-id"), "", "{head}");
    }
    let large = json!({"email": "a".repeat(2 * 1024 * 1024)});
    let large = server.guest().post("/dev/token", &large).await;
    large.problem(413, "body_too_large");
    for (name, value) in ALWAYS {
        assert!(large.header(name).to_lowercase().contains(value), "{name}");
    }
    assert_eq!(large.header("cache-control"), "private, no-store");
    let (status, text) = raw_without_host(
        &server.url,
        "GET / HTTP/1.1\r\nHost: evil.example\r\nAccept: text/html",
    )
    .await;
    assert_eq!(status, 421, "{text}");
    for (name, value) in ALWAYS {
        assert!(header_of(&text, name).contains(value), "{name}");
    }
}

#[tokio::test]
async fn static_files_are_cacheable_with_security_headers() {
    let server = TestServer::start(Database::Sqlite).await;
    let home = server.guest().page("/").await;
    let mut files = attributes(
        &home.text,
        "link[rel=stylesheet], link[rel=preload]",
        "href",
    );
    files.extend(attributes(&home.text, "script[src]", "src"));
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let response = server.guest().get(&file).await;
        assert_eq!(response.status, 200, "{file}");
        assert_eq!(
            response.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(response.header("vary"), "accept-encoding");
        for (name, value) in ALWAYS {
            let found = response.header(name).to_lowercase();
            assert!(found.contains(value), "{name} of {file}");
        }
    }
}

/// Identity provider that authenticates no one and loads scripts from other origins.
struct ForeignScripts;

impl AuthProvider for ForeignScripts {
    async fn authenticate(
        &self,
        _: &axum::http::request::Parts,
    ) -> Result<Option<Identity>, AuthError> {
        Ok(None)
    }

    async fn profile(&self, _: &str) -> Result<Option<Profile>, AuthError> {
        Ok(None)
    }

    fn csp_sources(&self) -> CspSources {
        let mut sources = CspSources::default();
        sources.script.push("https://parts.example".to_owned());
        sources
            .script
            .push("https://x.example; script-src *".to_owned());
        sources
    }
}

#[tokio::test]
async fn provider_extends_and_route_replaces_the_content_policy() {
    let own = "default-src 'none'";
    let build = |portal: PortalBuilder| {
        let page = get(move || async move { [(header::CONTENT_SECURITY_POLICY, own)] });
        app::build(portal)
            .auth(ForeignScripts)
            .merge_router(Router::new().route("/own", page))
    };
    let server = TestServer::start_with(Database::Sqlite, &[], build).await;
    for path in ["/", "/nothing", "/api/auth/me"] {
        let response = server.guest().page(path).await;
        let policy = response.header("content-security-policy");
        assert!(
            policy.contains("script-src 'self' https://parts.example; style-src 'self';"),
            "{policy}"
        );
    }
    let response = server.guest().page("/own").await;
    assert_eq!(response.header("content-security-policy"), own);
    let count = response.headers.get_all("content-security-policy");
    assert_eq!(count.iter().count(), 1);
}

#[tokio::test]
async fn development_accepts_loopback_hosts_only() {
    let server = TestServer::start(Database::Sqlite).await;
    let port = server.url.rsplit(':').next().unwrap_or_default();
    let ask = async |hosts: &[&str], target: &str| {
        let mut head = format!("GET {target} HTTP/1.1");
        for host in hosts {
            head.push_str(&format!("\r\nHost: {host}"));
        }
        raw_without_host(&server.url, &head).await
    };
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let (status, text) = ask(&[&format!("{host}:{port}")], "/api/tasks").await;
        assert_eq!(status, 200, "{text}");
    }
    for host in ["evil.example", "localhost.evil.example", "10.0.0.1", ""] {
        let (status, text) = ask(&[host], "/api/tasks").await;
        assert_eq!(status, 421, "{host} {text}");
        assert!(text.contains("\"code\":\"unknown_host\""), "{text}");
    }
    let (status, text) = ask(&["localhost", "localhost"], "/api/tasks").await;
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("\"code\":\"bad_host\""), "{text}");
    assert_eq!(ask(&["localhost", "evil.example"], "/").await.0, 400);
    assert_eq!(ask(&[], "/").await.0, 400);
    assert_eq!(ask(&["localhost"], "http://evil.example/").await.0, 421);
    assert_eq!(ask(&["10.0.0.1"], "/healthz").await.0, 200);
    assert_eq!(ask(&[], "/readyz").await.0, 200);
}

#[tokio::test]
async fn production_accepts_the_public_host_only() {
    let directory = tempfile::tempdir().expect("the directory can be created");
    let uri = Database::Postgres.create(&directory).await;
    let variables = [
        ("APP_ENV", "PROD"),
        (
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
            "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
        ),
        ("CLERK_SECRET_KEY", "sk_live_x0123456789abcdefghij"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("PUBLIC_URL", "https://portal.example.com"),
        ("DB_CONN_URI", &uri),
    ];
    let migrated = command(directory.path())
        .args(["db", "migrate"])
        .envs(variables)
        .output()
        .await
        .expect("the command runs");
    assert!(migrated.status.success());
    // The readiness check uses the IP address.
    let mut portal = ReferencePortal::start(&variables).await;
    let ask = async |host: &str, path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}");
        raw_without_host(&portal.url, &head).await
    };
    for host in ["portal.example.com", "PORTAL.example.com:443"] {
        let (status, text) = ask(host, "/").await;
        assert_eq!(status, 200, "{text}");
        assert!(header_of(&text, "strict-transport-security").contains("max-age="));
    }
    let address = portal.url.replace("http://", "");
    for host in [
        &address,
        "localhost",
        "evil.example",
        "portal.example.com:8000",
    ] {
        let (status, text) = ask(host, "/").await;
        assert_eq!(status, 421, "{host}: {text}");
        assert_eq!(ask(host, "/healthz").await.0, 200, "{host}");
    }
    assert_eq!(portal.terminate().await, Some(0));
}

#[tokio::test]
async fn forwarded_host_headers_are_ignored() {
    for trusted in ["", "127.0.0.1"] {
        let settings = [("TRUSTED_PROXIES", trusted)];
        let portal = ClerkPortal::start_with(Database::Sqlite, &settings, app::build).await;
        let server = &portal.server;
        let user = portal.sign_in(&portal.clerk.user("ann@example.com"));
        let browser = CookieClient::of_clerk(&server.url, &user);
        let request = browser
            .request(Method::POST, "/api/client-tokens")
            .header("origin", "https://evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "https")
            .header("forwarded", "host=evil.example;proto=https");
        TestResponse::of(request)
            .await
            .problem(403, "foreign_origin");
        let request = server
            .guest()
            .request(Method::GET, "/members")
            .header("accept", "text/html")
            .header("sec-fetch-dest", "empty")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-prefix", "//evil.example")
            .header("x-original-url", "/")
            .header("x-rewrite-url", "/");
        let response = TestResponse::of(request).await;
        assert_eq!(response.status, 303, "{}", response.text);
        assert_eq!(response.location(), "/sign-in?redirect_url=/members");
    }
}

#[tokio::test]
async fn client_ip_is_the_peer_address_unless_a_proxy_is_trusted() {
    let whence = |ClientAddress(address): ClientAddress| async move {
        address
            .map(|address| address.to_string())
            .unwrap_or_default()
    };
    let build = |portal: PortalBuilder| {
        app::build(portal).merge_router(Router::new().route("/api/whence", get(whence)))
    };
    for (trusted, said, expected) in [
        ("", "1.2.3.4", "127.0.0.1"),
        ("10.0.0.0/8", "1.2.3.4", "127.0.0.1"),
        ("127.0.0.0/8", "1.2.3.4", "1.2.3.4"),
        ("127.0.0.0/8", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (
            "127.0.0.0/8,10.0.0.0/8",
            "6.6.6.6, 1.2.3.4, 10.1.1.1",
            "1.2.3.4",
        ),
        ("127.0.0.0/8", "1.2.3.4, junk", "127.0.0.1"),
        ("127.0.0.0/8", "[2001:db8::1]:99", "2001:db8::1"),
    ] {
        let settings = [("TRUSTED_PROXIES", trusted)];
        let portal = ClerkPortal::start_with(Database::Sqlite, &settings, build).await;
        let request = portal
            .server
            .guest()
            .request(Method::GET, "/api/whence")
            .header("x-forwarded-for", said)
            .header("x-real-ip", "6.6.6.6")
            .header("forwarded", "for=6.6.6.6");
        let response = TestResponse::of(request).await;
        assert_eq!(response.text, expected, "{trusted}: {said}");
    }
}

#[tokio::test]
async fn method_overrides_are_ignored() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    let browser = CookieClient::of(&server.url, &user);
    for name in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        // A GET stays a GET, and a POST that claims to be a GET stays a POST.
        let get = browser
            .request(Method::GET, "/api/client-tokens")
            .header(name, "POST");
        assert_eq!(TestResponse::of(get).await.status, 200, "{name}");
        let post = browser
            .request(Method::POST, "/api/client-tokens")
            .header(name, "GET");
        TestResponse::of(post).await.problem(403, "foreign_origin");
    }
    let form = form(&[("_method", "GET"), ("accent", "ruby")]);
    let request = browser
        .request(Method::POST, "/theme?_method=GET")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    assert_eq!(TestResponse::of(request).await.status, 403);
}

#[tokio::test]
async fn streams_open_for_own_and_allowed_origins_only() {
    let settings = [("ALLOWED_ORIGINS", "https://app.example.com")];
    let server = TestServer::start_with(Database::Sqlite, &settings, app::build).await;
    let user = server.user().await;
    let path = format!("/api/tasks/{}/monitor", user.client_token().await);
    for origin in [
        None,
        Some(server.url.as_str()),
        Some("https://app.example.com"),
    ] {
        let socket = Socket::ask(&server.url, &path, origin).await;
        socket
            .unwrap_or_else(|refusal| panic!("{origin:?} {refusal:?}"))
            .leave()
            .await;
    }
    for origin in [
        "null",
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://sub.app.example.com",
    ] {
        let refusal = Socket::ask(&server.url, &path, Some(origin)).await;
        assert_eq!(
            refusal.err().map(|refusal| refusal.status),
            Some(403),
            "{origin}"
        );
    }
    let guest = server.guest();
    let cookie = format!("__session={}", user.token.clone().unwrap_or_default());
    let own = ("origin", server.url.as_str());
    let site = |value| ("sec-fetch-site", value);
    let cookie = ("cookie", cookie.as_str());
    for headers in [
        &[][..],
        &[own],
        &[site("same-origin")],
        &[cookie, site("same-origin")],
        &[cookie, own],
    ] {
        let stream = EventStream::ask(&guest, &path, headers).await;
        assert!(stream.is_ok(), "{headers:?}");
    }
    for headers in [
        // Any page may have sent a cookie, so a header must name the page's origin.
        &[cookie][..],
        &[site("cross-site")],
        &[cookie, site("same-site")],
        &[cookie, ("origin", "null")],
        &[
            cookie,
            ("origin", "https://evil.example"),
            site("same-origin"),
        ],
    ] {
        match EventStream::ask(&guest, &path, headers).await {
            Ok(_) => panic!("{headers:?}"),
            Err(response) => drop(response.problem(403, "foreign_origin")),
        }
    }
    // An allowed origin may monitor tasks, but not make changes.
    let change = user
        .without_credentials()
        .request(Method::POST, "/theme")
        .header("origin", "https://app.example.com");
    TestResponse::of(change)
        .await
        .problem(403, "foreign_origin");
}

/// Follows the links on all pages.
///
/// Returns the number of pages, the external links, and those external links that send neither
/// opener nor referrer.
async fn walk(url: &str, token: &str) -> (usize, Vec<String>, Vec<String>) {
    const OUT: [&str; 4] = [
        "a[href*='://']",
        "a[href^='//']",
        "a[target=_blank]",
        "form[target=_blank]",
    ];
    let guarded = OUT.map(|selector| format!("{selector}[rel~=noopener][rel~=noreferrer]"));
    let mut browser = CookieClient::new(url);
    let mut next: Vec<String> = ["/", "/nothing", "/sign-in"].map(str::to_owned).into();
    let mut known = next.clone();
    let (mut outward, mut safe) = (Vec::new(), Vec::new());
    while let Some(path) = next.pop() {
        if path == "/" {
            // The first pages are requested as a guest, the rest as an administrator.
            browser
                .cookies
                .insert("__session".to_owned(), token.to_owned());
        }
        let page = browser.page(&path).await;
        for link in attributes(&page.text, "a[href]", "href") {
            let local = link.split(['?', '#']).next().unwrap_or_default();
            let is_local = local.starts_with('/') && !local.starts_with("//");
            if is_local && known.len() < 60 && !known.iter().any(|path| path == local) {
                known.push(local.to_owned());
                next.push(local.to_owned());
            }
        }
        outward.extend(attributes(&page.text, &OUT.join(", "), "href"));
        safe.extend(attributes(&page.text, &guarded.join(", "), "href"));
    }
    (known.len(), outward, safe)
}

#[tokio::test]
async fn external_links_send_no_opener_or_referrer() {
    let portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", "root@example.com")]).await;
    let body = json!({"email": "root@example.com"});
    let token = portal.guest().post("/dev/token", &body).await.json();
    let token = token["token"].as_str().expect("response has a token");
    let (pages, outward, safe) = walk(&portal.url, token).await;
    assert!(pages >= 10, "{pages} pages");
    assert_eq!(outward, safe);

    // The same applies to an external link in the navigation, which is on every page.
    let build = |portal: PortalBuilder| {
        app::build(portal).nav(|nav| {
            nav.link(
                NavItem::new("Out"),
                "https://elsewhere.example",
                Access::Public,
            );
        })
    };
    let server = TestServer::start_with(Database::Sqlite, &[], build).await;
    let admin = server.admin().await;
    let (pages, outward, safe) = walk(&server.url, &admin.token.unwrap_or_default()).await;
    assert!(outward.len() >= pages - 2, "{outward:?}");
    assert_eq!(outward, safe);
}
