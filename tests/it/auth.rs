//! Access to pages and routes, and the precedence among a request's credentials.

use reqwest::Method;

use crate::support::{
    Client, CookieClient, Database, TestResponse, TestServer, attributes, on_both, raw,
};

on_both!(
    guest_is_redirected_to_sign_in_and_back,
    pages_are_shown_only_to_permitted_callers,
);

async fn guest_is_redirected_to_sign_in_and_back(database: Database) {
    let server = TestServer::start(database).await;
    let mut browser = CookieClient::new(&server.url);
    let target = "/members?tab=a&x=b%20c";
    let refused = browser.page(target).await;
    assert_eq!(refused.status, 303);
    assert_eq!(
        refused.location(),
        "/sign-in?redirect_url=/members%3Ftab%3Da%26x%3Db%2520c"
    );

    let sign_in = browser.page(refused.location()).await;
    assert_eq!(sign_in.status, 200);
    let back = attributes(&sign_in.text, "input[name=redirect_url]", "value");
    assert_eq!(back, [target]);
    let action = attributes(&sign_in.text, "main form", "action");
    let signed_in = browser
        .submit(
            &action[0],
            &[("email", "ann@example.com"), ("redirect_url", &back[0])],
        )
        .await;
    assert_eq!(signed_in.status, 303);
    assert_eq!(signed_in.location(), target);
    let page = browser.page(signed_in.location()).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("<h1>Members</h1>"));
}

async fn pages_are_shown_only_to_permitted_callers(database: Database) {
    let server = TestServer::start(database).await;
    let (guest, user, admin) = (server.guest(), server.user().await, server.admin().await);
    for (path, expected) in [
        ("/", [200, 200, 200]),
        ("/members", [303, 200, 200]),
        ("/secret", [303, 403, 200]),
    ] {
        for (client, status) in [&guest, &user, &admin].into_iter().zip(expected) {
            assert_eq!(client.page(path).await.status, status, "{path}");
        }
    }
    let refused = user.page("/secret").await;
    assert!(refused.text.contains("Access denied"), "{}", refused.text);
    assert_eq!(refused.location(), "", "no redirect loop");
    assert!(!refused.text.contains("<h1>Secret</h1>"));
    let head = TestResponse::of(guest.request(Method::HEAD, "/members")).await;
    assert_eq!(head.status, 303);
}

#[tokio::test]
async fn api_route_rejects_guests_and_users_without_the_role() {
    let server = TestServer::start(Database::Sqlite).await;
    for path in ["/api/auth/me", "/api/auth/clerk/me", "/api/users"] {
        for response in [
            server.guest().get(path).await,
            server.guest().page(path).await,
        ] {
            response.problem(401, "unauthorized");
            assert_eq!(response.header("www-authenticate"), "Bearer");
        }
    }
    let user = server.user().await;
    user.page("/api/users").await.problem(403, "forbidden");
    assert_eq!(server.admin().await.get("/api/users").await.status, 200);
}

/// Returns spellings of a path that some servers treat as `/name`.
fn spellings(name: &str) -> Vec<String> {
    let encode = |byte: u8| format!("%{byte:02x}");
    let (first, last) = (name.as_bytes()[0], name.as_bytes()[name.len() - 1]);
    let mut paths = vec![
        format!("/{}{}", encode(first), &name[1..]),
        format!("/{}{}", encode(first).to_uppercase(), &name[1..]),
        format!("/{}{}", &name[..name.len() - 1], encode(last)),
        format!("/{}", name.to_uppercase()),
    ];
    for start in [
        "/",
        "//",
        "///",
        "/./",
        "/x/../",
        "/%2e/",
        "/%2f",
        "/\\",
        "http://127.0.0.1/",
        "http://evil.example/",
    ] {
        paths.push(format!("{start}{name}"));
    }
    for end in [
        "/",
        "//",
        ";x",
        ";jsessionid=1",
        "%00",
        "%20",
        "%2f",
        ".html",
        "?x",
        "?redirect_url=/",
        "#x",
    ] {
        paths.push(format!("/{name}{end}"));
    }
    paths
}

#[tokio::test]
async fn no_spelling_of_a_guarded_path_shows_it_to_guests() {
    let server = TestServer::start(Database::Sqlite).await;
    for (name, heading) in [
        ("members", "<h1>Members</h1>"),
        ("secret", "<h1>Secret</h1>"),
    ] {
        for path in spellings(name) {
            for method in ["GET", "HEAD", "POST", "OPTIONS"] {
                let head = format!("{method} {path} HTTP/1.1\r\nAccept: text/html");
                let (status, text) = raw(&server.url, &head).await;
                assert!(
                    (300..500).contains(&status),
                    "{method} {path} returns {status}"
                );
                assert!(!text.contains(heading), "{method} {path}");
            }
        }
    }
    // Some frameworks take the path from one of these headers.
    for header in ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"] {
        let head = format!("GET / HTTP/1.1\r\nAccept: text/html\r\n{header}: /secret");
        let (_, text) = raw(&server.url, &head).await;
        assert!(!text.contains("<h1>Secret</h1>"), "{header}");
    }
}

fn email_of(response: &TestResponse) -> String {
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()["email"]
        .as_str()
        .expect("the user has an e-mail address")
        .to_owned()
}

#[tokio::test]
async fn authorization_header_takes_precedence_over_the_cookie() {
    let server = TestServer::start(Database::Sqlite).await;
    let (user, admin) = (server.user().await, server.admin().await);
    let cookies = CookieClient::of(&server.url, &admin);
    let token = user.token.as_deref().expect("client has a token");
    let ask = |path, authorization: String| {
        TestResponse::of(
            cookies
                .request(Method::GET, path)
                .header("authorization", authorization),
        )
    };
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let response = ask("/api/auth/me", format!("{scheme} {token}")).await;
        assert_eq!(email_of(&response), "ann@example.com");
    }
    for bad in ["Bearer nonsense", "Bearer", "Bearer a.b.c"] {
        ask("/api/auth/me", bad.to_owned())
            .await
            .problem(401, "unauthorized");
        let page = ask("/members", bad.to_owned()).await;
        assert_eq!(page.status, 303, "{bad}: a guest is redirected to sign in");
    }
    let response = ask("/api/auth/me", "Basic YTpi".to_owned()).await;
    assert_eq!(
        email_of(&response),
        "root@example.com",
        "`Basic` credentials are ignored"
    );
}

#[tokio::test]
async fn two_authorization_headers_are_a_bad_request() {
    let server = TestServer::start(Database::Sqlite).await;
    let token = server.user().await.token.expect("client has a token");
    for second in [format!("Bearer {token}"), "Basic YTpi".to_owned()] {
        let request = |path| {
            server
                .guest()
                .request(Method::GET, path)
                .header("authorization", format!("Bearer {token}"))
                .header("authorization", &second)
        };
        TestResponse::of(request("/api/auth/me"))
            .await
            .problem(400, "bad_request");
        let page = TestResponse::of(request("/members").header("accept", "text/html")).await;
        assert_eq!(page.status, 400);
        assert!(page.header("content-type").starts_with("text/html"));
    }
}

#[tokio::test]
async fn invalid_token_is_rejected() {
    let server = TestServer::start(Database::Sqlite).await;
    let other = TestServer::start(Database::Sqlite).await;
    let token = server.user().await.token.expect("client has a token");
    let foreign = other.user().await.token.expect("client has a token");
    let parts: Vec<&str> = token.split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    for bad in [
        foreign,
        format!("{none}.{}.", parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], parts[2].to_uppercase()),
        format!("{}x", token),
        format!("{}.{}", parts[0], parts[1]),
        "a".repeat(7000),
        String::new(),
    ] {
        let challenge = match bad.is_empty() {
            true => "Bearer",
            false => "Bearer error=\"invalid_token\"",
        };
        let client = Client::new(&server.url, Some(bad));
        let response = client.get("/api/auth/me").await;
        response.problem(401, "unauthorized");
        assert_eq!(response.header("www-authenticate"), challenge);
        assert_eq!(client.page("/members").await.status, 303);
        let browser = CookieClient::of(&server.url, &client);
        let by_cookie = TestResponse::of(browser.request(Method::GET, "/api/auth/me")).await;
        by_cookie.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn session_cookies_of_two_users_are_ignored() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await.token.expect("client has a token");
    let admin = server.admin().await.token.expect("client has a token");
    let ask = |cookies: String| {
        TestResponse::of(
            server
                .guest()
                .request(Method::GET, "/api/auth/me")
                .header("cookie", cookies),
        )
    };
    ask(format!("__session={user}; __session={admin}"))
        .await
        .problem(401, "unauthorized");
    let stale = ask(format!("__session=stale; __session={user}")).await;
    assert_eq!(email_of(&stale), "ann@example.com");
}
