//! Start-up checks that prevent insecure configurations, and limits on the development sign-in.

use crate::app;
use crate::support::{Database, TestResponse, TestServer, command};

const LIVE: [(&str, &str); 2] = [
    (
        "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
        "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
    ),
    ("CLERK_SECRET_KEY", "sk_live_x0123456789abcdefghij"),
];

/// All settings that PROD requires, which are checked before the portal connects to the database.
const PROD: [(&str, &str); 6] = [
    ("APP_ENV", "PROD"),
    LIVE[0],
    LIVE[1],
    ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ("PUBLIC_URL", "https://portal.example.com"),
    ("DB_CONN_URI", "postgres://nobody:x@127.0.0.1:1/none"),
];

/// Starts the portal and returns the exit code and the error output.
async fn start(base: &[(&str, &str)], more: &[(&str, &str)]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().expect("the directory can be created");
    let output = command(directory.path())
        .args(["serve", "--port", "0"])
        .envs(base.iter().copied())
        .envs(more.iter().copied())
        .output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), output).await;
    let output = output
        .unwrap_or_else(|_| panic!("the portal starts with {more:?}"))
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[tokio::test]
async fn production_rejects_and_names_each_insecure_setting() {
    let (code, said) = start(&PROD, &[]).await;
    assert_eq!(code, Some(1), "only the database is unavailable: {said}");
    for (name, value) in [
        ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", ""),
        ("CLERK_SECRET_KEY", ""),
        (
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
            "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k",
        ),
        ("CLERK_SECRET_KEY", "sk_test_x0123456789abcdefghij"),
        ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", "pk_live_nonsense"),
        ("CLERK_FRONTEND_API_URL", "http://clerk.example.com"),
        ("CLERK_BACKEND_API_URL", "http://api.example.com"),
        ("PUBLIC_URL", "http://portal.example.com"),
        ("PUBLIC_URL", "https://portal.example.com/path"),
        ("RATE_LIMITS", "off"),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "0123456789abcdef0123456789abcde"),
        ("DB_CONN_URI", ""),
        ("DB_CONN_URI", "sqlite://portal.db"),
        ("TRUSTED_PROXIES", "everyone"),
        ("CLERK_AUTHORIZED_PARTIES", "*"),
        ("CLERK_AUTHORIZED_PARTIES", "https://*.example.com"),
        (
            "CLERK_AUTHORIZED_PARTIES",
            "https://portal.example.com,https://*",
        ),
        ("ALLOWED_ORIGINS", "*"),
        ("ADMIN_USER_EMAILS", "*"),
        ("ADMIN_USER_EMAILS", "root@example.com, no-at-sign"),
        ("ADMIN_USER_EMAILS", "@example.com"),
        ("ADMIN_USER_EMAILS", "a@b@c"),
        ("ADMIN_USER_EMAILS", "ops@example.com;"),
    ] {
        let (code, said) = start(&PROD, &[(name, value)]).await;
        assert_eq!(code, Some(2), "{name}={value}: {said}");
        assert!(said.contains(&format!("{name} ")), "{name}={value}: {said}");
        assert!(!said.contains("sk_test_x") && !said.contains("0123456789abcde"));
    }
    let open = [("HOST", "0.0.0.0"), ("PUBLIC_URL", "")];
    let (code, said) = start(&PROD, &open).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("PUBLIC_URL is missing"), "{said}");
}

#[tokio::test]
async fn production_requires_and_names_both_keys() {
    let empty = LIVE.map(|(name, _)| (name, ""));
    let (code, said) = start(&PROD, &empty).await;
    assert_eq!(code, Some(2), "{said}");
    for (name, _) in LIVE {
        assert!(said.contains(&format!("{name} is missing")), "{said}");
    }
}

#[tokio::test]
async fn development_sign_in_stays_on_this_machine() {
    let dev = [("APP_ENV", "DEV")];
    for host in ["0.0.0.0", "::", "192.0.2.1", "portal.example.com"] {
        let (code, said) = start(&dev, &[("HOST", host)]).await;
        assert_eq!(code, Some(2), "{host}: {said}");
        assert!(said.contains("HOST is"), "{said}");
    }
    for (name, value) in [
        ("PUBLIC_URL", "https://portal.example.com"),
        ("PUBLIC_URL", "http://portal.example.com"),
        ("PUBLIC_URL", "https://localhost:8443"),
        ("PUBLIC_URL", "http://localhost.example.com"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,::1"),
    ] {
        let (code, said) = start(&dev, &[(name, value)]).await;
        assert_eq!(code, Some(2), "{name}={value}: {said}");
        assert!(said.contains(&format!("1. {name} is")), "{said}");
        assert!(!said.contains("2. "), "{said}");
    }
    // With only one live key, the portal does not fall back to the development sign-in.
    for key in LIVE {
        let (code, said) = start(&dev, &[key]).await;
        assert_eq!(code, Some(2), "{key:?}: {said}");
        assert!(said.contains("is missing"), "{said}");
    }
}

#[tokio::test]
async fn development_sign_in_is_rejected_behind_a_proxy() {
    let server = TestServer::start(Database::Sqlite).await;
    let guest = server.guest();
    let body = serde_json::json!({"email": "root@example.com"});
    for (name, value) in [
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "localhost"),
        ("X-Forwarded-Server", "proxy"),
        ("X-Forwarded", "for=203.0.113.7"),
        ("Forwarded", "for=203.0.113.7"),
        ("Via", "1.1 proxy"),
        ("X-Real-IP", "203.0.113.7"),
        ("X-Forwarded-For", ""),
    ] {
        for path in ["/dev/token", "/dev/sign-in"] {
            let request = guest.request(reqwest::Method::POST, path).json(&body);
            let response = TestResponse::of(request.header(name, value)).await;
            response.problem(403, "forbidden");
            assert_eq!(response.header("set-cookie"), "", "{name} {path}");
        }
        let keys = guest.request(reqwest::Method::GET, "/.well-known/jwks.json");
        assert_eq!(TestResponse::of(keys.header(name, value)).await.status, 403);
    }
    assert_eq!(guest.post("/dev/token", &body).await.status, 200);
}

#[tokio::test]
async fn live_keys_disable_the_development_sign_in() {
    let server = TestServer::start_with(Database::Sqlite, &LIVE, app::build).await;
    let guest = server.guest();
    let body = serde_json::json!({"email": "a@b.example"});
    for path in ["/dev/token", "/dev/sign-in"] {
        assert_eq!(guest.post(path, &body).await.status, 404, "{path}");
    }
    assert_eq!(guest.get("/.well-known/jwks.json").await.status, 404);
    let sign_in = guest.page("/sign-in").await;
    assert!(!sign_in.text.contains("/dev/"), "{}", sign_in.text);
}

#[tokio::test]
async fn only_listed_addresses_are_administrators() {
    for (list, address, role) in [
        (" , Root@Example.COM ,", "root@example.com", "ADMIN"),
        ("root@example.com", "ROOT@example.com", "ADMIN"),
        ("root@example.com", "root@example.com.evil.example", "USER"),
        ("root@example.com", "xroot@example.com", "USER"),
        (",", "a@b.example", "USER"),
        (" ", "a@b.example", "USER"),
        // The second character is a Cyrillic letter that looks like a Latin one.
        ("r\u{43e}ot@example.com", "root@example.com", "USER"),
    ] {
        let settings = [("ADMIN_USER_EMAILS", list)];
        let server = TestServer::start_with(Database::Sqlite, &settings, app::build).await;
        let client = server.sign_in(address).await;
        let me = TestResponse::of(client.request(reqwest::Method::GET, "/api/auth/me")).await;
        assert_eq!(me.json()["user_type"], role, "{list:?} {address}");
    }
}
