//! Layout cache: rendered once for all guests, and every time for signed-in users.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portal_core::pages::layout::{Document, Layout, PageContext, document};
use portal_core::pages::{DefaultLayout, Slot};
use portal_core::prelude::*;
use reqwest::Method;

use crate::app;
use crate::support::{Database, TestResponse, TestServer};

/// Layout that shows the current user and counts how often it is rendered.
struct Counted {
    renders: Arc<AtomicUsize>,
    is_kept: bool,
}

impl Layout for Counted {
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Document {
        self.renders.fetch_add(1, Ordering::Relaxed);
        let name = page.user.map_or("a guest", |user| user.email);
        let said = page.flash.map_or("none", |flash| flash.text.as_str());
        document(
            page,
            html! { p { "viewed by " (name) } p { "flash " (said) } (content) },
        )
    }

    fn is_cacheable(&self) -> bool {
        self.is_kept
    }
}

/// Starts a portal with a layout that counts renderings, and returns the counter.
async fn start(is_kept: bool) -> (TestServer, Arc<AtomicUsize>) {
    let renders = Arc::<AtomicUsize>::default();
    let layout = Counted {
        renders: Arc::clone(&renders),
        is_kept,
    };
    let build = |portal| app::build(portal).layout(layout);
    let server = TestServer::start_with(Database::Sqlite, &[], build).await;
    (server, renders)
}

#[tokio::test]
async fn guests_share_a_cached_layout_without_private_data() {
    let (server, renders) = start(true).await;
    let (guest, user) = (server.guest(), server.user().await);
    let read = async |cookie: &str, path: &str| {
        let request = guest.request(Method::GET, path);
        let request = request.header("accept", "text/html");
        TestResponse::of(request.header("cookie", cookie))
            .await
            .text
    };
    let count = || renders.load(Ordering::Relaxed);
    for _ in 0..2 {
        let page = read("", "/").await;
        assert!(
            page.contains("viewed by a guest") && page.contains("flash none"),
            "{page}"
        );
        assert!(page.contains("<h1>Home</h1>"), "{page}");
    }
    assert_eq!(count(), 1);
    assert!(
        read("portal_flash=sHello", "/")
            .await
            .contains("flash Hello")
    );
    assert!(
        user.page("/")
            .await
            .text
            .contains("viewed by ann@example.com")
    );
    assert_eq!(count(), 3);
    let page = read("", "/").await;
    assert!(
        page.contains("viewed by a guest") && page.contains("flash none"),
        "{page}"
    );
    assert_eq!(count(), 3);
    // The cached layout depends on the URL and the theme.
    let dark = "portal_theme=....dark.";
    for (cookie, path, expected) in [
        ("", "/?a=1", 4),
        (dark, "/", 5),
        (dark, "/", 5),
        ("", "/", 5),
    ] {
        let page = read(cookie, path).await;
        let is_dark = page.contains("data-appearance=\"dark\"");
        assert_eq!(
            (is_dark, count()),
            (!cookie.is_empty(), expected),
            "{cookie} {path}"
        );
    }
}

#[tokio::test]
async fn uncacheable_layout_is_rendered_every_time() {
    let (server, renders) = start(false).await;
    for _ in 0..2 {
        server.guest().page("/").await;
    }
    assert_eq!(renders.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn slot_content_is_rendered_every_time() {
    let renders = AtomicUsize::new(0);
    let layout = DefaultLayout::new().slot(Slot::Footer, move |_| {
        html! { "rendered " (renders.fetch_add(1, Ordering::Relaxed)) }
    });
    let build = |portal| app::build(portal).layout(layout);
    let server = TestServer::start_with(Database::Sqlite, &[], build).await;
    for number in 0..2 {
        let page = server.guest().page("/").await.text;
        assert!(page.contains(&format!("rendered {number}")), "{page}");
    }
}
