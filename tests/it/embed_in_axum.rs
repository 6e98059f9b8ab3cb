//! A portal under a prefix of another axum app: all of its links stay below the prefix.

use axum::Router;
use axum::routing::get;
use portal_clerk::ClerkAuth;
use portal_core::Portal;
use portal_core::config::{Config, Settings};
use reqwest::Method;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{CookieClient, attributes};

struct Host {
    url: String,
    served: JoinHandle<()>,
    portal: Portal,
    _directory: TempDir,
}

impl Host {
    /// Starts a plain axum app with its own pages and the portal under `/portal`.
    async fn start() -> Self {
        let directory = tempfile::tempdir().expect("directory is created");
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("port is free");
        let port = listener.local_addr().expect("the listener is bound").port();
        let uri = format!("sqlite://{}", directory.path().join("portal.db").display());
        let port_text = port.to_string();
        let settings = Settings::from_pairs([
            ("APP_ENV", "DEV"),
            ("PORT", port_text.as_str()),
            ("DB_LOCAL_URI", uri.as_str()),
            ("ADMIN_USER_EMAILS", "root@example.com"),
        ]);
        let builder = Portal::builder()
            .config(Config::from_settings(settings).expect("the settings are valid"))
            .auth(ClerkAuth::new())
            .base_path("/portal");
        let portal = crate::app::build(builder)
            .build()
            .await
            .expect("the portal starts");
        let app = Router::new()
            .route("/", get(|| async { "the host's own page" }))
            .route("/members", get(|| async { "the host's members" }))
            .nest("/portal", portal.router());
        let served = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("the app is served");
        });
        Self {
            url: format!("http://127.0.0.1:{port}"),
            served,
            portal,
            _directory: directory,
        }
    }

    async fn stop(self) {
        self.served.abort();
        self.portal.shutdown().await;
    }
}

async fn sign_in(host: &Host, email: &str) -> CookieClient {
    let mut browser = CookieClient::new(&host.url);
    let response = browser
        .submit("/portal/dev/sign-in", &[("email", email)])
        .await;
    assert_eq!(response.status, 303, "{}", response.text);
    browser
}

#[tokio::test]
async fn sign_in_redirects_back_under_the_prefix() {
    let host = Host::start().await;
    let mut browser = CookieClient::new(&host.url);
    let refused = browser.page("/portal/members?tab=a").await;
    assert_eq!(refused.status, 303);
    assert_eq!(
        refused.location(),
        "/portal/sign-in?redirect_url=/portal/members%3Ftab%3Da"
    );
    let form = browser.page(refused.location()).await;
    let action = attributes(&form.text, "main form", "action");
    assert_eq!(action, ["/portal/dev/sign-in"]);
    let back = attributes(&form.text, "input[name=redirect_url]", "value");
    assert_eq!(back, ["/portal/members?tab=a"]);
    let fields = [("email", "ann@example.com"), ("redirect_url", &back[0])];
    let signed_in = browser.submit(&action[0], &fields).await;
    assert_eq!(signed_in.location(), "/portal/members?tab=a");
    assert!(signed_in.header("set-cookie").contains("Path=/"));
    let page = browser.page(signed_in.location()).await;
    assert!(page.text.contains("<h1>Members</h1>"), "{}", page.text);
    let again = browser.page("/portal/sign-in").await;
    assert_eq!(again.location(), "/portal/members");
    host.stop().await;
}

#[tokio::test]
async fn every_link_form_and_asset_stays_under_the_prefix() {
    let host = Host::start().await;
    let mut browser = sign_in(&host, "root@example.com").await;
    for path in [
        "/",
        "/members",
        "/secret",
        "/admin/tasks",
        "/nothing",
        "/fails",
        "/panics",
    ] {
        let path = format!("/portal{}", if path == "/" { "" } else { path });
        let page = browser.page(&path).await;
        let mut leads = attributes(&page.text, "a[href], link[href]", "href");
        leads.extend(attributes(&page.text, "script[src], img[src]", "src"));
        leads.extend(attributes(&page.text, "form[action]", "action"));
        for attribute in ["hx-get", "hx-post", "data-url", "data-stream"] {
            leads.extend(attributes(&page.text, &format!("[{attribute}]"), attribute));
        }
        assert!(leads.len() > 3, "{path}: {leads:?}");
        for lead in leads.iter().filter(|lead| lead.starts_with('/')) {
            let inside = lead
                .strip_prefix("/portal")
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            assert!(inside, "{path} leads to {lead}");
        }
        for asset in leads
            .iter()
            .filter(|lead| lead.contains("/_portal/assets/"))
        {
            assert_eq!(browser.page(asset).await.status, 200, "{asset}");
        }
    }
    let page = browser.page("/portal/members").await;
    let current = attributes(&page.text, "aside nav a[aria-current=page]", "href");
    assert_eq!(current, ["/portal/members"]);
    host.stop().await;
}

#[tokio::test]
async fn sign_out_redirects_to_the_home_page_of_the_portal() {
    let host = Host::start().await;
    let mut browser = sign_in(&host, "ann@example.com").await;
    let page = browser.page("/portal/members").await;
    let action = attributes(&page.text, "form[action$=sign-out]", "action");
    let response = browser.submit(&action[0], &[]).await;
    assert_eq!(
        (response.status.as_u16(), response.location()),
        (303, "/portal")
    );
    assert!(browser.cookies.is_empty());
    assert_eq!(browser.page("/portal/members").await.status, 303);
    assert_eq!(browser.page("/portal").await.status, 200);
    host.stop().await;
}

#[tokio::test]
async fn theme_form_redirects_back_under_the_prefix() {
    let host = Host::start().await;
    let mut browser = CookieClient::new(&host.url);
    for (requested, target) in [
        ("/portal/items/1", "/portal/items/1"),
        ("/items/1", "/portal/items/1"),
        ("//evil.example", "/portal/members"),
        ("/portal//evil.example", "/portal/members"),
    ] {
        let fields = [("accent", "ruby"), ("return_to", requested)];
        let response = browser.submit("/portal/theme", &fields).await;
        assert_eq!(
            (response.status.as_u16(), response.location()),
            (303, target)
        );
    }
    let page = browser.page("/portal/items/1").await;
    assert_eq!(attributes(&page.text, "html", "data-accent"), ["ruby"]);
    host.stop().await;
}

#[tokio::test]
async fn host_routes_and_portal_rules_are_independent() {
    let host = Host::start().await;
    let mut guest = CookieClient::new(&host.url);
    assert_eq!(guest.page("/").await.text, "the host's own page");
    assert_eq!(guest.page("/members").await.text, "the host's members");
    let api = guest.page("/portal/api/auth/me").await;
    api.problem(401, "unauthorized");
    guest
        .page("/portal/api/nope")
        .await
        .problem(404, "not_found");
    let browser = sign_in(&host, "ann@example.com").await;
    let foreign = browser
        .request(Method::POST, "/portal/api/client-tokens")
        .header("origin", "http://evil.example");
    crate::support::TestResponse::of(foreign)
        .await
        .problem(403, "foreign_origin");
    let missing = guest.page("/portal/nothing").await;
    assert_eq!(missing.status, 404);
    assert!(missing.header("content-type").starts_with("text/html"));
    let denied = sign_in(&host, "ann@example.com")
        .await
        .page("/portal/secret")
        .await;
    assert_eq!(denied.status, 403);
    host.stop().await;
}
