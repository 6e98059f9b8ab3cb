//! A portal under a prefix of another axum app: all of its links stay below the prefix.

use std::sync::{Arc, Mutex};

use axum::extract::{Form, Request};
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use axum::{Extension, Router};
use portal_clerk::ClerkAuth;
use portal_core::auth::Users;
use portal_core::config::{Config, Settings};
use portal_core::notifications::{Notification, Notifications};
use portal_core::pages::components::{Button, Field};
use portal_core::prelude::*;
use reqwest::Method;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{ADMIN, Chromium, CookieClient, attributes, eventually};

/// Paths of the requests received by the host, each with the response status.
type Received = Arc<Mutex<Vec<(String, u16)>>>;

struct Host {
    url: String,
    served: JoinHandle<()>,
    portal: Portal,
    received: Received,
    _directory: TempDir,
}

impl Host {
    /// Starts a plain axum app with its own pages and the portal under `/portal`.
    async fn start() -> Self {
        Self::start_with(|portal| portal).await
    }

    async fn start_with(configure: impl FnOnce(PortalBuilder) -> PortalBuilder) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be created");
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
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
        let portal = configure(crate::app::build(builder))
            .build()
            .await
            .expect("the portal starts");
        let app = Router::new()
            .route("/", get(|| async { "the host's own page" }))
            .route("/members", get(|| async { "the host's members" }))
            .nest("/portal", portal.router());
        let received = Received::default();
        let app = app
            .layer(from_fn(record))
            .layer(Extension(Arc::clone(&received)));
        let served = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("the app is served");
        });
        Self {
            url: format!("http://127.0.0.1:{port}"),
            served,
            portal,
            received,
            _directory: directory,
        }
    }

    async fn stop(self) {
        self.served.abort();
        self.portal.shutdown().await;
    }
}

async fn record(
    Extension(received): Extension<Received>,
    request: Request,
    next: Next,
) -> axum::response::Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let mut received = received.lock().expect("nothing has panicked");
    received.push((path, response.status().as_u16()));
    response
}

// These pages are defined by hand rather than with `#[page]`, because the portals in all other
// tests would discover them.

async fn boats() -> Markup {
    html! {
        h1 { "Boats" }
        (Button::new("New boat").href(new_boat().url()))
        (Button::new("The only boat").href("/boats/only"))
        a id="raw" href=(boats_page().url().query("page", 2)) { "Page 2" }
    }
}

async fn form() -> Markup {
    html! {
        h1 { "A new boat" }
        form method="post" id="boat" action=(add_boat().url()) {
            (Field::text("name", "Name"))
            (Button::new("Add boat").submit())
        }
    }
}

#[derive(Deserialize)]
struct Boat {
    name: String,
}

async fn add(Form(boat): Form<Boat>) -> PageResponse {
    Flash::success(format!("Added {}", boat.name))
        .link("View", "/boats/only")
        .redirect("/boats")
        .into_page()
}

fn boats_page() -> Page {
    Page::get("/boats", boats).title("Boats")
}

fn new_boat() -> Page {
    Page::get("/boats/new", form)
}

fn add_boat() -> Page {
    Page::post("/boats/new", add)
}

fn only_boat() -> Page {
    Page::get("/boats/only", async || html! { h1 { "The only boat" } })
}

fn old_boats() -> Page {
    Page::get("/old-boats", async || boats_page().url().redirect())
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
        "/tasks",
        "/admin/tasks",
        "/admin/tasks/all",
        "/admin/tasks/statistics",
        "/admin/tasks/tokens",
        "/admin/settings/plan?new=1",
        "/admin/users",
        "/admin/audit",
        "/admin/notifications?send=1",
        "/admin/maintenance",
        "/search?q=a",
        "/palette?q=a",
        "/dev/components",
        "/nothing",
        "/fails",
        "/panics",
    ] {
        let path = format!("/portal{}", if path == "/" { "" } else { path });
        let page = browser.page(&path).await;
        let mut leads = attributes(&page.text, "a[href], link[href]", "href");
        leads.extend(attributes(&page.text, "script[src], img[src]", "src"));
        leads.extend(attributes(&page.text, "form[action]", "action"));
        for attribute in [
            "hx-get",
            "hx-post",
            "formaction",
            "data-url",
            "data-href",
            "data-back",
            "data-source",
            "data-stream",
        ] {
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
async fn sign_out_redirects_to_the_portal_home_page() {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_work_unchanged_under_the_prefix() {
    let host = Host::start_with(|portal| {
        portal
            .page(boats_page)
            .page(new_boat)
            .page(add_boat)
            .page(only_boat)
            .page(old_boats)
    })
    .await;
    let browser = Chromium::open(&host.url).await;
    let is_at = async |start: &str| {
        eventually(&format!("the browser is at {start}"), async || {
            browser.path().await.starts_with(start).then_some(())
        })
        .await;
    };
    browser
        .goto("/portal/sign-in?redirect_url=/portal/boats")
        .await;
    browser.fill("input[name=email]", ADMIN).await;
    browser
        .click("form[action$='/dev/sign-in'] button[type=submit]")
        .await;

    // Check links, a form, a redirect and a flash message on the application's pages.
    browser.see("New boat").await;
    browser.click("#raw").await;
    is_at("/portal/boats?page=2").await;
    browser.click("main a.pt-btn").await;
    is_at("/portal/boats/new").await;
    browser.fill("#boat [name=name]", "Ada").await;
    browser.click("#boat button").await;
    browser.see("Added Ada").await;
    assert_eq!(browser.path().await, "/portal/boats");
    browser.click("pt-toast a").await;
    is_at("/portal/boats/only").await;
    browser.goto("/portal/old-boats").await;
    assert_eq!(browser.path().await, "/portal/boats");

    // Check the bell and the list of notifications.
    let users = host
        .portal
        .state()
        .get::<Users>()
        .expect("the service exists");
    let user = users
        .find_by_email(ADMIN)
        .await
        .expect("the database responds")
        .remove(0);
    let notifications = host.portal.state().get::<Notifications>();
    let notifications = notifications.expect("the service exists");
    let message = Notification::new("A boat is ready").link("/boats/only");
    notifications
        .send(user.id, &message)
        .await
        .expect("the notification is sent");
    browser.find(".pt-side .pt-bell .pt-count").await;
    browser.click(".pt-side a.pt-bell").await;
    browser
        .click("#pt-inbox .pt-note[data-link] .pt-note-title button")
        .await;
    is_at("/portal/boats/only").await;
    notifications
        .send(user.id, &message)
        .await
        .expect("the notification is sent");
    browser.goto("/portal/admin/notifications").await;
    browser.click(".pt-head form button").await;
    browser.see("All marked as read").await;
    browser.click(".pt-note-actions button").await;
    browser.see("Deleted").await;

    // Check a task, its page and the task lists.
    browser.goto("/portal/tasks?state=probe&task=steps").await;
    browser.click("#start-task button[data-kind=solid]").await;
    browser.see("Task started").await;
    browser.click("pt-toast a").await;
    is_at("/portal/tasks/").await;
    browser.find("pt-task[data-status=COMPLETED]").await;
    browser.click(".pt-detail-head form button").await;
    browser.see("New task started").await;
    browser.click(".pt-crumbs a").await;
    browser.find("li[data-status=COMPLETED]").await;
    browser.goto("/portal/admin/tasks").await;
    for tab in 2..=6 {
        browser.click(&format!(".pt-tabs a:nth-child({tab})")).await;
        browser
            .find(&format!(".pt-tabs a:nth-child({tab})[aria-current]"))
            .await;
    }

    // Check the list of an admin model with its drawer, and the command palette.
    browser.goto("/portal/admin/settings/plan").await;
    browser
        .find("head script[src*='/lists.'][data-loaded]")
        .await;
    browser.click("#pt-head a.pt-btn[data-kind=solid]").await;
    browser.fill("#row [name=name]", "Fresh").await;
    browser
        .click("#row .pt-drawer-foot [data-kind=solid]")
        .await;
    browser.see("Added “Fresh”").await;
    browser.click("pt-toast a").await;
    browser.find("dialog#row[open]").await;
    browser.goto("/portal/search?q=settings").await;
    browser.click(".pt-found a").await;
    is_at("/portal/").await;

    let received = host.received.lock().expect("nothing has panicked").clone();
    let is_wrong = |(path, status): &&(String, u16)| {
        *status == 404 || !(path == "/portal" || path.starts_with("/portal/"))
    };
    let wrong: Vec<_> = received.iter().filter(is_wrong).collect();
    assert!(received.len() > 50 && wrong.is_empty(), "{wrong:?}");
    browser.close().await;
    host.stop().await;
}
