//! Signing in with Clerk in a real browser, with real redirects.

use std::time::Duration;

use portal_clerk::testing::{FakeClerk, InstanceKind};
use serde_json::json;

use crate::support::{Chromium, Client, Database, ReferencePortal, eventually};

const ADMIN: &str = "root@example.com";

/// Lifetime of a token, in seconds.
const TOKEN_LIFETIME: u64 = 1;
/// Time for which an expired token is still accepted, in seconds.
const CLOCK_SKEW: u64 = 5;

async fn start(clerk: &FakeClerk, database: &str, more: &[(&str, &str)]) -> ReferencePortal {
    let variables = clerk.env();
    let mut variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    variables.push(("ADMIN_USER_EMAILS", ADMIN));
    variables.push(("DB_LOCAL_URI", database));
    variables.extend(more);
    ReferencePortal::start(&variables).await
}

async fn wait_for_path(browser: &Chromium, expected: &str) {
    eventually(&format!("the browser is at {expected}"), async || {
        (browser.path().await == expected).then_some(())
    })
    .await;
}

/// Signs in with Clerk's component on the portal's page, which leads to Clerk's page and back.
async fn sign_in(browser: &Chromium, email: &str) {
    browser.see("Sign in with Clerk").await;
    browser.click("[data-clerk-mounted] a").await;
    browser.fill("input[name=email]", email).await;
    browser.fill("input[name=first_name]", "Ruth").await;
    browser.fill("input[name=last_name]", "Root").await;
    browser.click("form button").await;
}

/// Asserts that the console is empty: no errors and no violations of the content security policy.
async fn assert_quiet(browser: &Chromium) {
    let mut said = browser.console().await;
    // User pictures require the network, which is unavailable, and the fake Clerk has no favicon.
    said.retain(|line| !line.contains("https://img.clerk.com/") && !line.contains("/favicon.ico"));
    assert!(said.is_empty(), "{said:#?}");
}

async fn a_session_is_opened_renewed_and_revoked(kind: InstanceKind) {
    let clerk = FakeClerk::start_as(kind).await;
    let directory = tempfile::tempdir().expect("the directory can be created");
    let uri = Database::Postgres.create(&directory).await;
    let portal = start(&clerk, &uri, &[]).await;
    // The script does not renew tokens, so the server has to.
    clerk.set_renewal_in_browser(false);
    clerk.set_token_lifetime(TOKEN_LIFETIME.cast_signed());

    let browser = Chromium::open(&portal.url).await;
    browser.goto("/admin/profile").await;
    browser.see("Sign in").await;
    assert!(browser.path().await.starts_with("/sign-in?redirect_url="));
    sign_in(&browser, ADMIN).await;
    // The requested page opens, without Clerk's parameters in its URL.
    wait_for_path(&browser, "/admin/profile").await;
    browser.see("Ruth Root").await;

    // The token expires; the next page needs a handshake, but the user does not sign in again.
    // Every page load issues a new token, so no other page is opened before that.
    let handshakes = clerk.handshake_count();
    tokio::time::sleep(Duration::from_secs(TOKEN_LIFETIME + CLOCK_SKEW + 1)).await;
    browser.goto("/admin/overview").await;
    assert!(
        clerk.handshake_count() > handshakes,
        "the token is renewed by a handshake"
    );
    wait_for_path(&browser, "/admin/overview").await;
    browser.see("Hello, Ruth Root").await;

    // Another replica on the same database accepts tokens issued for the first one.
    let parties = [("CLERK_AUTHORIZED_PARTIES", portal.url.as_str())];
    let replica = start(&clerk, &uri, &parties).await;
    clerk.set_token_lifetime(3600);
    let user = clerk.user(ADMIN);
    let session = clerk
        .sessions_of(&user)
        .pop()
        .expect("the user has a session");
    let elsewhere = Client::new(&replica.url, Some(clerk.token(&session, &portal.url)));
    assert_eq!(elsewhere.get("/api/auth/me").await.status, 200);

    // The session is revoked in Clerk while a page is open.
    eventually("the browser has a long-lived token", async || {
        browser
            .goto("/admin/tasks?state=example_task&task=task1")
            .await;
        let text = browser.text().await;
        text.contains("Tasks").then_some(())
    })
    .await;
    clerk.revoke(&session);
    let revoked = clerk.session_event("session.revoked", &session);
    let delivered = clerk.send_webhook(&portal.url, &revoked).await;
    assert_eq!(delivered.status, 200, "{}", delivered.text);

    let signed_out = async || (elsewhere.get("/api/auth/me").await.status == 401).then_some(());
    eventually("the other replica rejects the session", signed_out).await;
    browser.goto("/admin/tasks").await;
    browser.see("Sign in").await;
    assert!(browser.path().await.starts_with("/sign-in?redirect_url="));
    assert_quiet(&browser).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn development_session_is_opened_renewed_and_revoked() {
    a_session_is_opened_renewed_and_revoked(InstanceKind::Development).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_session_is_opened_renewed_and_revoked() {
    a_session_is_opened_renewed_and_revoked(InstanceKind::Production).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clerk_components_are_mounted_in_portal_pages() {
    let clerk = FakeClerk::start().await;
    let portal = start(&clerk, "sqlite://portal.db", &[]).await;
    let browser = Chromium::open(&portal.url).await;
    browser.goto("/sign-up").await;
    browser.see("Sign up with Clerk").await;
    browser.goto("/sign-in?redirect_url=/admin/profile").await;
    sign_in(&browser, "ann@example.com").await;
    wait_for_path(&browser, "/admin/profile").await;
    browser
        .find("[data-clerk-part=user-profile][data-clerk-mounted]")
        .await;
    // Signing out of the portal also signs out of Clerk.
    let user = clerk.user("ann@example.com");
    browser.click("button.pt-user").await;
    browser.click("form[action='/sign-out'] button").await;
    wait_for_path(&browser, "/").await;
    eventually("the session has ended at Clerk", async || {
        let sessions = clerk.sessions_of(&user);
        let ended = |id: &String| clerk.session_status(id) != "active";
        sessions.iter().all(ended).then_some(())
    })
    .await;
    browser.goto("/admin/profile").await;
    browser.see("Sign in with Clerk").await;
    assert_quiet(&browser).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_in_page_links_to_the_hosted_page_without_scripts() {
    let clerk = FakeClerk::start().await;
    let portal = start(&clerk, "sqlite://portal.db", &[]).await;
    let page = portal
        .guest()
        .get("/sign-in?redirect_url=/admin/tasks")
        .await;
    assert_eq!(page.status, 200);
    let link = format!("href=\"{}/sign-in?redirect_url=", clerk.url());
    assert!(page.text.contains(&link), "{}", page.text);
    assert!(!page.text.contains("<script>"), "no script is inline");
    let policy = page.header("content-security-policy");
    for part in [
        format!(
            "script-src 'self' {} https://challenges.cloudflare.com",
            clerk.url()
        ),
        format!("connect-src 'self' {}", clerk.url()),
        "worker-src 'self' blob:".to_owned(),
        "frame-src 'self' https://challenges.cloudflare.com".to_owned(),
        "style-src 'self' 'unsafe-inline'".to_owned(),
    ] {
        assert!(policy.contains(&part), "{part} in {policy}");
    }
    // Inline styles are allowed only on pages with Clerk's components.
    let home = portal.guest().get("/").await;
    let policy = home.header("content-security-policy");
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    let dev = portal
        .guest()
        .post("/dev/token", &json!({"email": ADMIN}))
        .await;
    assert_eq!(dev.status, 404, "development sign-in is off with Clerk");
}
